package mcpserver

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

func TestCancelledCallAbandonsTheRecord(t *testing.T) {
	for name, giveUp := range map[string]func(k *talk, id string){
		"cancelled": func(k *talk, id string) {
			k.say(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":` + id + `}}`)
		},
		"end of input": func(k *talk, _ string) { k.in.Close() },
		"stopped":      func(k *talk, _ string) { k.stop() },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			k := w.legacy(forms)
			id, _ := k.begin("tools/call", call("servers_delete", web))
			k.question()
			giveUp(k, id)
			w.eventually(func() bool { return w.state() == approval.Cancelled }, "cancelled")
			require.Empty(t, w.sent())
		})
	}
}

func TestCancellingOneOfTwoCallsLeavesTheRecordOpen(t *testing.T) {
	w := newWorld(t)
	k := w.legacy(forms)
	first, _ := k.begin("tools/call", call("servers_delete", web))
	k.question()
	_, coming := k.begin("tools/call", call("servers_delete", web))
	_, reply := k.question()
	k.say(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":` + first + `}}`)
	w.eventually(func() bool { return int(w.server.waiting.Load()) == 1 }, "one gave up")
	require.Equal(t, approval.Pending, w.state())
	w.clock.Advance(readTime)
	reply(`"result":` + yes)
	require.Equal(t, "done", k.result(coming).is())
}

func TestReadsWhileFiftyCallsWait(t *testing.T) {
	w := newWorld(t)
	k := w.legacy(forms)
	var coming []<-chan message
	for range maxWaiting { // all about one record: nobody may have many open
		_, answer := k.begin("tools/call", call("servers_create", newServer(0)))
		coming = append(coming, answer)
	}
	replies := make([]func(string), 0, maxWaiting)
	for range maxWaiting {
		_, reply := k.question()
		replies = append(replies, reply)
	}
	for range 20 {
		require.False(t, k.call(call("servers_get", web)).IsError)
	}
	o := k.call(call("servers_delete", web))
	require.Equal(t, "approval_required", o.is(), "one more is not asked")
	require.Contains(t, o.text(), "So many questions wait")
	w.clock.Advance(readTime)
	for _, reply := range replies {
		reply(`"result":` + decline)
	}
	for _, answer := range coming {
		require.Equal(t, "declined", k.result(answer).is())
	}
	require.Empty(t, w.sent())
	require.Zero(t, int(w.server.waiting.Load()))
}

func newServer(i int) string {
	return fmt.Sprintf(`{"name":"web-%d","plan_id":1,"os_id":5,"location":"us-west"}`, i)
}

// hears waits for a notification.
func (k *talk) hears(method string) map[string]any {
	k.Helper()
	for {
		select {
		case m := <-k.notes:
			if m.Method == method {
				return decoded(k, m.Params)
			}
		case <-time.After(20 * time.Second):
			require.FailNow(k, "no "+method)
		}
	}
}

// The server cancels an elicitation whose record has ended in any way, so that the form disappears.
func TestEndedElicitationIsCancelled(t *testing.T) {
	decide := func(w *world, a runner.Answer) {
		a.Approval, a.Channel = w.records()[0].ID, permissions.Terminal
		_, err := w.server.Runner.Decide(w.Context(), alice, a, "")
		require.NoError(w, err)
	}
	for name, c := range map[string]struct {
		end func(w *world, k *talk, id string)
		is  string
	}{
		"the call was cancelled": {func(_ *world, k *talk, id string) { k.giveUp(id) }, "declined"},
		"agreed to elsewhere":    {func(w *world, _ *talk, _ string) { decide(w, runner.Answer{Yes: true, Text: "web-server-01"}) }, "done"},
		"denied elsewhere":       {func(w *world, _ *talk, _ string) { decide(w, runner.Answer{}) }, "declined"},
		"expired":                {func(w *world, _ *talk, _ string) { w.clock.Advance(6 * time.Minute) }, "expired"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			k := w.legacy(forms)
			other, _ := k.begin("tools/call", call("servers_reboot", `{"server":"db-server-01"}`))
			k.question()
			id, coming := k.begin("tools/call", call("servers_delete", web))
			asked := k.put()
			c.end(w, k, id)
			for k.hears("notifications/cancelled")["requestId"] != asked.number(t) { // of the other question, if that is over too
			}
			require.Equal(t, c.is, k.result(coming).is())
			sent := w.sent()
			w.clock.Advance(readTime)
			k.say(`{"jsonrpc":"2.0","id":` + string(asked.ID) + `,"result":` + yes + `}`)
			k.giveUp(other)
			require.False(t, k.call(call("servers_list", `{}`)).IsError)
			require.Equal(t, sent, w.sent(), "a late answer changes nothing")
		})
	}
}

func (m message) number(t testing.TB) (id float64) {
	t.Helper()
	require.NoError(t, json.Unmarshal(m.ID, &id))
	return id
}

func (k *talk) giveUp(id string) {
	k.say(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":` + id + `,"reason":"Request timed out"}}`)
}

// After an elicitation that timed out, the client gets none for ten minutes.
func TestElicitationThatTimedOut(t *testing.T) {
	for name, runOut := range map[string]func(w *world, k *talk, id string){
		"it gave up": func(_ *world, k *talk, id string) { k.giveUp(id) },
		"expired":    func(w *world, _ *talk, _ string) { w.clock.Advance(6 * time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			k := w.legacy(forms)
			id, coming := k.begin("tools/call", call("servers_reboot", web))
			k.question()
			runOut(w, k, id)
			require.Contains(t, []string{"declined", "expired"}, k.result(coming).is())
			for _, params := range []string{call("servers_reboot", web), call("servers_delete", `{"server":"db-server-01"}`)} {
				o := k.call(params)
				require.Equal(t, "approval_required", o.is(), o.text())
				require.Contains(t, o.text(), "do not run it yourself: vpsbot approvals approve")
				until, err := time.Parse(time.RFC3339, decoded(t, o.StructuredContent)["card"].(map[string]any)["until"].(string))
				require.NoError(t, err)
				require.Equal(t, time.Hour, until.Sub(w.clock.Now()), "the time that a terminal has")
			}
			w.clock.Advance(formPause)
			_, coming = k.begin("tools/call", call("snapshots_delete", `{"snapshot_id":"7001"}`))
			_, reply := k.question()
			reply(`"result":` + decline)
			k.result(coming)
		})
	}
}

// After an automatic answer, no yes of the session is accepted, in either era.
func TestAutomaticSessionCannotConfirm(t *testing.T) {
	t.Run("legacy", func(t *testing.T) {
		w := newWorld(t)
		k := w.legacy(forms)
		_, first := k.begin("tools/call", call("servers_reboot", web))
		_, quick := k.question()
		_, second := k.begin("tools/call", call("servers_delete", `{"server":"db-server-01"}`))
		_, slow := k.question()
		quick(`"result":` + choose("yes"))
		require.Equal(t, "approval_required", k.result(first).is())
		w.clock.Advance(readTime)
		slow(`"result":` + accept("db-server-01"))
		o := k.result(second)
		require.Equal(t, "approval_required", o.is(), "a form that was open already")
		require.Contains(t, o.text(), "A program answers for this client")
		w.clock.Advance(24 * time.Hour)
		require.Equal(t, "approval_required", k.call(call("servers_stop", web)).is(), "no form is put any more")
		require.Empty(t, w.sent())
	})
	t.Run("modern", func(t *testing.T) {
		w := newWorld(t)
		k := w.modern(forms)
		state, other := asked(k), k.call(call("servers_reboot", `{"server":"db-server-01"}`)).RequestState
		require.Equal(t, "approval_required", k.call(answering("servers_delete", web, state, yes)).is())
		w.clock.Advance(readTime)
		o := k.call(answering("servers_reboot", `{"server":"db-server-01"}`, other, choose("yes")))
		require.Equal(t, "approval_required", o.is(), o.text())
		require.Equal(t, "approval_required", k.call(call("servers_stop", web)).is())
		require.Empty(t, w.sent())
	})
	t.Run("an answer that does not fit", func(t *testing.T) {
		w := newWorld(t)
		k := w.modern(forms)
		state, other := asked(k), k.call(call("servers_reboot", `{"server":"db-server-01"}`)).RequestState
		require.True(t, k.call(answering("servers_delete", `{"server":"db-server-01"}`, state, yes)).IsError)
		w.clock.Advance(readTime)
		require.Equal(t, "approval_required", k.call(answering("servers_reboot", `{"server":"db-server-01"}`, other, choose("yes"))).is())
		require.Empty(t, w.sent())
	})
	t.Run("a no still counts", func(t *testing.T) {
		w := newWorld(t)
		k := w.modern(forms)
		state, other := asked(k), k.call(call("servers_reboot", `{"server":"db-server-01"}`)).RequestState
		k.call(answering("servers_delete", web, state, yes))
		w.clock.Advance(readTime)
		require.Equal(t, "declined", k.call(answering("servers_reboot", `{"server":"db-server-01"}`, other, choose("no"))).is())
	})
}

// A yes without the typed name is escalated permanently: the person can still confirm on another surface.
func TestYesWithoutTheNameIsEscalated(t *testing.T) {
	for _, answer := range []string{`{"action":"accept","content":{}}`, dismiss} {
		conversations(t, func(t *testing.T, w *world, ask func(string, string) elicited, reply func(string) outcome) {
			ask("servers_delete", web)
			w.clock.Advance(readTime)
			require.Equal(t, "approval_required", reply(answer).is())
			for range 2 {
				o := w.talk.call(call("servers_delete", web))
				require.Equal(t, "approval_required", o.is(), "it is not asked here again: %s", o.text())
			}
			require.Len(t, w.records(), 1)
			w.approve("web-server-01")
			w.eventually(func() bool { return len(w.sent()) == 1 }, "it runs")
		})
	}
}

// An invalid response to an elicitation ends the wait.
func TestInvalidResponses(t *testing.T) {
	for _, broken := range []string{
		``, `,"error":"boom"`, `,"error":{}`, `,"error":[]`, `,"result":{"action":"accept"},"error":{"code":1,"message":"x"}`, `,"result":[]`, `,"result":"yes"`,
		`,"result":null`, `,"result":null,"error":null`, `,"result":5`, `,"result":{"action":5}`, `,"error":{"code":-32601,"message":"Method not found %s"}`,
	} {
		t.Run(broken, func(t *testing.T) {
			w := newWorld(t)
			k := w.legacy(forms)
			_, coming := k.begin("tools/call", call("servers_reboot", web))
			asked := k.put()
			w.clock.Advance(readTime)
			k.say(`{"jsonrpc":"2.0","id":` + string(asked.ID) + broken + `}`)
			o := k.result(coming)
			require.Equal(t, "approval_required", o.is(), o.text())
			require.NotContains(t, o.text(), "Method not found", "the client's error is for the log")
			require.Equal(t, approval.Async, w.records()[0].AnswerMode)
			k.say(`{"jsonrpc":"2.0","id":` + string(asked.ID) + `,"result":` + choose("yes") + `}`)
			require.False(t, k.call(call("servers_list", `{}`)).IsError)
			require.Empty(t, w.sent(), "what comes after it does not count")
		})
	}
}

// Some clients return the id as a text, or null as the error of a success.
func TestResponseIDsAsTexts(t *testing.T) {
	for _, answer := range []string{`{"jsonrpc":"2.0","id":"ID","result":YES}`, `{"jsonrpc":"2.0","id":ID,"result":YES,"error":null}`, `{"result":YES,"id":ID}`} {
		w := newWorld(t)
		k := w.legacy(forms)
		_, coming := k.begin("tools/call", call("servers_reboot", web))
		asked := k.put()
		w.clock.Advance(readTime)
		k.say(strings.NewReplacer("ID", string(asked.ID), "YES", choose("yes")).Replace(answer))
		require.Equal(t, "done", k.result(coming).is(), answer)
	}
}

// A client that cancels a call without a notification and repeats it gets no second elicitation; the first may
// still be answered.
func TestClientThatCancelsWithoutNotification(t *testing.T) {
	t.Run("legacy", func(t *testing.T) {
		w := newWorld(t)
		k := w.legacy(forms)
		_, coming := k.begin("tools/call", call("servers_reboot", web))
		_, reply := k.question()
		w.clock.Advance(answerTimeout)
		o := k.call(call("servers_reboot", web))
		require.Equal(t, "approval_required", o.is(), o.text())
		require.Contains(t, o.text(), "This is not asked here again.")
		require.Equal(t, time.Hour, w.records()[0].ExpiresAt.Sub(w.records()[0].CreatedAt), "a terminal has its time")
		reply(`"result":` + choose("yes"))
		require.Equal(t, "done", k.result(coming).is())
		require.Len(t, w.sent(), 1)
	})
	t.Run("modern", func(t *testing.T) {
		w := newWorld(t)
		k := w.modern(forms)
		state := asked(k)
		w.clock.Advance(answerTimeout)
		require.Equal(t, "approval_required", k.call(call("servers_delete", web)).is())
		require.Equal(t, "done", k.call(answering("servers_delete", web, state, yes)).is())
	})
}
