package mcpserver

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/tools"
)

const (
	web      = `{"server":"web-server-01"}`
	yes      = `{"action":"accept","content":{"name":"web-server-01"}}`
	decline  = `{"action":"decline"}`
	dismiss  = `{"action":"cancel"}`
	readTime = 5 * time.Second // a person takes longer than 700 ms
)

// conversations runs a test of an elicitation and its answer in both eras. ask calls a tool that needs a
// confirmation; answer answers and returns the outcome.
func conversations(t *testing.T, test func(t *testing.T, w *world, ask func(tool, args string) elicited, answer func(result string) outcome)) {
	t.Run("legacy", func(t *testing.T) {
		w := newWorld(t)
		k := w.legacy(forms)
		var reply func(string)
		var coming <-chan message
		test(t, w, func(tool, args string) (q elicited) {
			_, coming = k.begin("tools/call", call(tool, args))
			q, reply = k.question()
			return q
		}, func(result string) outcome {
			reply(`"result":` + result)
			return k.result(coming)
		})
	})
	t.Run("modern", func(t *testing.T) {
		w := newWorld(t)
		k := w.modern(forms)
		var asked outcome
		var tool, args string
		test(t, w, func(t2, a2 string) elicited {
			tool, args = t2, a2
			asked = k.call(call(tool, args))
			require.Equal(t, "input_required", asked.ResultType, asked.text())
			require.Equal(t, "elicitation/create", asked.InputRequests["confirm"].Method)
			return asked.InputRequests["confirm"].Params
		}, func(result string) outcome {
			return k.call(answering(tool, args, asked.RequestState, result))
		})
	})
}

func TestTypedNameDeletesOnce(t *testing.T) {
	conversations(t, func(t *testing.T, w *world, ask func(string, string) elicited, answer func(string) outcome) {
		q := ask("servers_delete", web)
		require.Contains(t, q.Message, "Type web-server-01 to confirm")
		require.Contains(t, q.Message, "203.0.113.10")
		require.JSONEq(t, `{"type":"object","properties":{"name":{"type":"string","title":"Type web-server-01 to confirm"}},"required":["name"]}`, string(q.RequestedSchema))
		require.Empty(t, w.sent())
		w.clock.Advance(readTime)
		o := answer(yes)
		require.False(t, o.IsError, o.text())
		require.Equal(t, "done", o.is())
		require.Equal(t, []string{"DELETE /servers/12345/"}, w.sent())
		require.False(t, w.talk.call(call("servers_list", `{}`)).IsError)
		require.Empty(t, w.talk.notes, "what was answered is not cancelled")
	})
}

// A tool that is given a name reaches the server that has it by then, which is the one on the card, although the name
// was that of another a moment ago.
func TestRememberedName(t *testing.T) {
	for happened, c := range map[string]struct {
		edit func(*simulator.World)
		id   string
	}{
		"exchanged": {func(world *simulator.World) {
			world.Servers[12345].Name, world.Servers[12346].Name = "db-server-01", "web-server-01"
		}, "12346"},
		"created again": {func(world *simulator.World) {
			world.DeleteServer(12345)
			world.AddServer(simulator.Server{ID: 7, Name: "web-server-01"})
		}, "7"},
		"taken by another too": {func(world *simulator.World) { world.AddServer(simulator.Server{ID: 7, Name: "web-server-01"}) }, "12345"},
	} {
		t.Run(happened, func(t *testing.T) {
			conversations(t, func(t *testing.T, w *world, ask func(string, string) elicited, answer func(string) outcome) {
				require.False(t, w.talk.call(call("servers_get", web)).IsError)
				w.sim.Edit(c.edit)
				q := ask("servers_stop", web)
				require.Regexp(t, `id: `+c.id+`\b`, q.Message)
				w.clock.Advance(readTime)
				require.Equal(t, "done", answer(choose("yes")).is())
				require.Equal(t, []string{"POST /servers/" + c.id + "/stop/"}, w.sent())
			})
		})
	}
}

func TestAnswersThatSendNothing(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		wait   time.Duration
		is     string
		state  approval.State
	}{
		"wrong name":      {accept("web-server-02"), readTime, "declined", approval.Denied},
		"another case":    {accept("WEB-SERVER-01"), readTime, "declined", approval.Denied},
		"no content":      {`{"action":"accept"}`, readTime, "approval_required", approval.Pending},
		"no name":         {`{"action":"accept","content":{}}`, readTime, "approval_required", approval.Pending},
		"empty name":      {accept(""), readTime, "approval_required", approval.Pending},
		"blank name":      {accept("  "), readTime, "approval_required", approval.Pending},
		"name of a type":  {`{"action":"accept","content":{"name":12345}}`, readTime, "approval_required", approval.Pending},
		"a list":          {`{"action":"accept","content":["web-server-01"]}`, readTime, "approval_required", approval.Pending},
		"other field":     {`{"action":"accept","content":{"confirm":"web-server-01","yes":true}}`, readTime, "approval_required", approval.Pending},
		"a choice":        {choose("yes"), readTime, "approval_required", approval.Pending},
		"decline":         {decline, readTime, "declined", approval.Denied},
		"dismissed":       {dismiss, readTime, "approval_required", approval.Pending},
		"unknown action":  {`{"action":"approve","content":{"name":"web-server-01"}}`, readTime, "refused", approval.Pending},
		"automatic":       {yes, 699 * time.Millisecond, "approval_required", approval.Pending},
		"after expiry":    {yes, 5*time.Minute + time.Second, "", approval.Expired},
		"decline at once": {decline, 0, "approval_required", approval.Pending},
	} {
		t.Run(name, func(t *testing.T) {
			conversations(t, func(t *testing.T, w *world, ask func(string, string) elicited, answer func(string) outcome) {
				ask("servers_delete", web)
				w.clock.Advance(c.wait)
				o := answer(c.answer)
				require.True(t, o.IsError)
				require.Empty(t, w.sent())
				w.eventually(func() bool { return w.state() == c.state }, "state "+string(w.state()))
				switch rec := w.records()[0]; c.is {
				case "": // the eras differ
					require.Contains(t, o.text(), "nothing was sent")
					return
				case "approval_required":
					require.Equal(t, approval.Async, rec.AnswerMode)
					require.Equal(t, time.Hour, rec.ExpiresAt.Sub(rec.CreatedAt), "a terminal has its time")
				}
				require.Equal(t, c.is, o.is(), o.text())
			})
		})
	}
}

func choose(answer string) string { return `{"action":"accept","content":{"answer":"` + answer + `"}}` }

// Only the word yes confirms, and only the word no denies.
func TestChoices(t *testing.T) {
	for answer, c := range map[string]struct {
		is    string
		state approval.State
	}{
		`{"action":"accept","content":{}}`:                 {"approval_required", approval.Pending},
		`{"action":"accept"}`:                              {"approval_required", approval.Pending},
		`{"action":"accept","content":null}`:               {"approval_required", approval.Pending},
		`{"action":"accept","content":{"answer":""}}`:      {"approval_required", approval.Pending},
		`{"action":"accept","content":{"answer":true}}`:    {"approval_required", approval.Pending},
		`{"action":"accept","content":{"answer":"Yes"}}`:   {"approval_required", approval.Pending},
		`{"action":"accept","content":{"answer":["yes"]}}`: {"approval_required", approval.Pending},
		`{"action":"accept","content":{"confirm":"yes"}}`:  {"approval_required", approval.Pending},
		`{"action":"accept","content":{"name":"yes"}}`:     {"approval_required", approval.Pending},
		choose("yes"): {"done", approval.Done},
		choose("no"):  {"declined", approval.Denied},
		decline:       {"declined", approval.Denied},
		dismiss:       {"approval_required", approval.Pending},
	} {
		t.Run(answer, func(t *testing.T) {
			conversations(t, func(t *testing.T, w *world, ask func(string, string) elicited, reply func(string) outcome) {
				q := ask("servers_reboot", web)
				require.JSONEq(t, `{"type":"object","properties":{"answer":{"type":"string","title":"Do this?","enum":["no","yes"]}},"required":["answer"]}`, string(q.RequestedSchema))
				w.clock.Advance(readTime)
				o := reply(answer)
				require.Equal(t, c.is, o.is(), o.text())
				require.Equal(t, c.state, w.state())
				switch c.state {
				case approval.Done:
					require.Equal(t, []string{"POST /servers/12345/reboot/"}, w.sent())
					return
				case approval.Pending:
					require.Equal(t, approval.Async, w.records()[0].AnswerMode, "a terminal can answer it")
					require.Contains(t, o.text(), "do not run it yourself: vpsbot approvals approve")
				}
				require.Empty(t, w.sent())
			})
		})
	}
}

// Every form has a required member, and no member has a default.
func TestEveryFormHasARequiredMember(t *testing.T) {
	for _, op := range tools.Default.Operations() {
		if op.IsRead() {
			continue
		}
		w := newWorld(t)
		o := w.modern(forms).call(call(op.ToolName(), string(op.Examples[0])))
		if o.ResultType != "input_required" {
			continue // it needs nobody
		}
		var schema struct {
			Type       string
			Properties map[string]map[string]any
			Required   []string
		}
		require.NoError(t, json.Unmarshal(o.InputRequests["confirm"].Params.RequestedSchema, &schema))
		require.Len(t, schema.Required, 1, op.Name)
		require.Len(t, schema.Properties, 1, op.Name)
		member := schema.Properties[schema.Required[0]]
		require.Equal(t, "string", member["type"], op.Name)
		require.NotContains(t, member, "default", op.Name)
		if choices, ok := member["enum"]; ok {
			require.Equal(t, []any{"no", "yes"}, choices, "what a client selects first is no yes")
		}
	}
}

// Some clients display three lines of the message.
func TestCostsAndLossesInThreeLines(t *testing.T) {
	for _, c := range []struct{ tool, args, line2, line3 string }{
		{"servers_create", `{"name":"big","plan_id":"2","os_id":"5","location":"us-west"}`, "Costs 10.00 a month", ""},
		{"servers_delete", `{"server":"db-server-01"}`, "Copies of this server: 0 backups, 0 snapshots", "nothing can bring the data back"},
		{"servers_reboot", web, "  server: web-server-01", ""},
		{"servers_delete", web, "Copies of this server: 3 backups, 1 snapshot; the newest is", "VPS.org does not say what becomes of a deleted server's backups"},
		{"backups_delete", `{"backup_id":"501"}`, "Copies of this server", ""},
		{"servers_restore", `{"server":"web-server-01","backup_id":"501"}`, "Copies of this server", ""},
	} {
		w := newWorld(t)
		message := w.modern(forms).call(call(c.tool, c.args)).InputRequests["confirm"].Params.Message
		lines := strings.Split(message, "\n")
		require.Contains(t, lines[1], c.line2, message)
		require.Contains(t, lines[2], c.line3, message)
		require.Contains(t, message, "Can be answered for 5 minutes at most")
		require.Contains(t, message, "\nAccount: ")
	}
}

func TestCardHasTheRemainingTime(t *testing.T) {
	w := newWorld(t)
	asked(w.modern(forms))
	w.clock.Advance(3*time.Minute + 20*time.Second)
	x := toolCall{Server: w.server}
	require.Contains(t, x.elicitation(w.records()[0], runner.Card{}).Message, "Can be answered for 100 seconds at most")
}

func TestChangedTargetIsStale(t *testing.T) {
	for name, change := range map[string]func(*simulator.World){
		"renamed":  func(w *simulator.World) { w.Servers[12345].Name = "other" },
		"stopped":  func(w *simulator.World) { w.Servers[12345].Status = "stopped" },
		"replaced": func(w *simulator.World) { w.Servers[12345].IPAddress = "192.0.2.7" },
	} {
		t.Run(name, func(t *testing.T) {
			conversations(t, func(t *testing.T, w *world, ask func(string, string) elicited, answer func(string) outcome) {
				ask("servers_delete", `{"server":"12345"}`)
				w.clock.Advance(readTime)
				w.sim.Edit(change)
				o := answer(yes)
				require.Equal(t, "stale", o.is(), o.text())
				require.Contains(t, o.text(), "and is now")
				require.Empty(t, w.sent())
			})
		})
	}
}
