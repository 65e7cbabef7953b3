package mcpserver

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/approval"
)

const (
	web      = `{"server":"web-server-01"}`
	yes      = `{"action":"accept","content":{"name":"web-server-01"}}`
	decline  = `{"action":"decline"}`
	dismiss  = `{"action":"cancel"}`
	readTime = 5 * time.Second // a person takes longer than 700 ms
)

// conversations runs a test of a question and its answer in both eras. ask calls a tool
// that must ask; answer gives the answer and returns what came of it.
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

func TestRightNameDeletesOnce(t *testing.T) {
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
	})
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
		"no name":         {`{"action":"accept"}`, readTime, "declined", approval.Denied},
		"name of a type":  {`{"action":"accept","content":{"name":12345}}`, readTime, "declined", approval.Denied},
		"a list":          {`{"action":"accept","content":["web-server-01"]}`, readTime, "declined", approval.Denied},
		"other field":     {`{"action":"accept","content":{"confirm":"web-server-01","yes":true}}`, readTime, "declined", approval.Denied},
		"decline":         {decline, readTime, "declined", approval.Denied},
		"dismissed":       {dismiss, readTime, "declined", approval.Denied},
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
				if c.is != "" {
					require.Equal(t, c.is, o.is(), o.text())
				}
				require.Empty(t, w.sent())
				w.eventually(func() bool { return w.state() == c.state }, "state "+string(w.state()))
			})
		})
	}
}

func TestYesIsEnoughForADisruption(t *testing.T) {
	conversations(t, func(t *testing.T, w *world, ask func(string, string) elicited, answer func(string) outcome) {
		q := ask("servers_reboot", web)
		require.JSONEq(t, `{"type":"object","properties":{}}`, string(q.RequestedSchema))
		w.clock.Advance(readTime)
		o := answer(`{"action":"accept","content":{}}`)
		require.Equal(t, "done", o.is(), o.text())
		require.Equal(t, []string{"POST /servers/12345/reboot/"}, w.sent())
	})
}

func TestTargetThatChangedIsStale(t *testing.T) {
	for name, change := range map[string]func(*simulator.World){
		"renamed":  func(w *simulator.World) { w.Server(12345).Name = "other" },
		"stopped":  func(w *simulator.World) { w.Server(12345).Status = "stopped" },
		"replaced": func(w *simulator.World) { w.Server(12345).IPAddress = "192.0.2.7" },
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
