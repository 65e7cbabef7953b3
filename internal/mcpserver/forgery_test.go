package mcpserver

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
)

// asked begins a deletion in the newer era and returns the state for its answer.
func asked(k *talk) (state string) {
	k.Helper()
	o := k.call(call("servers_delete", web))
	require.Equal(k, "input_required", o.ResultType, o.text())
	return o.RequestState
}

// refused requires that an answer was refused: nothing was sent, and the record has not changed.
func (w *world) refused(o outcome, state approval.State) {
	w.Helper()
	require.True(w, o.IsError)
	require.Contains(w, []string{"refused", ""}, o.is(), o.text())
	require.Contains(w, o.text(), "nothing was sent")
	require.Empty(w, w.sent())
	if len(w.records()) > 0 {
		require.Equal(w, state, w.state())
	}
}

func TestForgedAnswers(t *testing.T) {
	eras := map[string]func(*world) *talk{
		"modern": func(w *world) *talk { return w.modern(forms) },
		"legacy": func(w *world) *talk { return w.legacy(forms) },
		"mute":   func(w *world) *talk { return w.modern(noForms) },
	}
	for era, speak := range eras {
		for name, state := range map[string]string{
			"no state":      "",
			"invented":      "aaaaaaaaaaaaaaaaaaaaaaaaaa",
			"hostile":       `' OR 1=1 --\u0000\n<script>%s`,
			"huge":          strings.Repeat("a", 1<<20),
			"unicode":       "\u202e\u200b",
			"looks like id": "RECORD",
		} {
			t.Run(era+"/"+name, func(t *testing.T) {
				w := newWorld(t)
				k := speak(w)
				// A record is open, so that there is something to steal.
				other := w.process("process-2", w.sim.Transport())
				open := other.Runner.Run(t.Context(), runnerCall("servers.delete", web))
				require.NotNil(t, open.Record, open.Message)
				w.clock.Advance(readTime)
				w.refused(k.call(answering("servers_delete", web, strings.ReplaceAll(state, "RECORD", open.Record.ID), yes)), approval.Pending)
			})
		}
	}
}

func TestStateOfAnotherSession(t *testing.T) {
	w := newWorld(t)
	other := w.process("process-2", w.sim.Transport())
	open := other.Runner.Run(t.Context(), runnerCall("servers.delete", web))
	nonce, err := other.Runner.IssueChallenge(t.Context(), *open.Record, "process-2")
	require.NoError(t, err)
	w.clock.Advance(readTime)
	w.refused(w.modern(forms).call(answering("servers_delete", web, nonce, yes)), approval.Pending)
}

func TestAnswerForAnotherCall(t *testing.T) {
	for name, c := range map[string]struct{ tool, arguments string }{
		"another server":    {"servers_delete", `{"server":"db-server-01"}`},
		"another id":        {"servers_delete", `{"server":12346}`},
		"another operation": {"servers_reboot", web},
		"a read":            {"servers_get", web},
		"no arguments":      {"servers_delete", `{}`},
		"wrong type":        {"servers_delete", `[]`},
		"unknown field":     {"servers_delete", `{"server":"web-server-01","force":true}`},
		"a dry run":         {"servers_delete", `{"server":"web-server-01","dry_run":true}`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			k := w.modern(forms)
			state := asked(k)
			w.clock.Advance(readTime)
			o := k.call(answering(c.tool, c.arguments, state, yes))
			require.True(t, o.IsError, o.text())
			require.Equal(t, c.tool == "servers_get", o.StructuredContent == nil, "a read has no envelope")
			require.Empty(t, w.sent())
			require.Equal(t, approval.Pending, w.state(), "the record is untouched")
			// The state was used up: it does not work where it belongs either.
			w.refused(k.call(answering("servers_delete", web, state, yes)), approval.Pending)
		})
	}
}

func TestSameServerByNameIDAndHostname(t *testing.T) {
	for _, arguments := range []string{`{"server":"12345"}`, `{"server":12345}`, `{"server":"web01.example.com"}`, ` { "server" : "web-server-01" } `} {
		w := newWorld(t)
		k := w.modern(forms)
		state := asked(k)
		w.clock.Advance(readTime)
		o := k.call(answering("servers_delete", arguments, state, yes))
		require.Equal(t, "done", o.is(), o.text())
		require.Len(t, w.sent(), 1)
	}
}

func TestConcurrentAnswers(t *testing.T) {
	w := newWorld(t)
	k := w.modern(forms)
	states := []string{asked(k), asked(k), asked(k)}
	require.NotEqual(t, states[0], states[1], "each question has its own state")
	w.clock.Advance(readTime)
	var coming []<-chan message
	for i := range 99 {
		_, answer := k.begin("tools/call", answering("servers_delete", web, states[i%3], yes))
		coming = append(coming, answer)
	}
	done := 0
	for _, answer := range coming {
		if o := k.result(answer); !o.IsError {
			done++
		}
	}
	require.Len(t, w.sent(), 1)
	require.GreaterOrEqual(t, done, 1)
	require.LessOrEqual(t, done, len(states), "only the questions that were asked are answered")
}

func TestInvalidAnswerLeavesTheElicitationOpen(t *testing.T) {
	for _, answer := range []string{
		`null`, `5`, `"accept"`, `[]`, `{}`, `{"action":true}`, `{"action":""}`, `{"action":"ACCEPT"}`, `{"action":["accept"]}`,
		`{"action":"` + strings.Repeat("x", 1<<20) + `"}`,
	} {
		w := newWorld(t)
		k := w.modern(forms)
		state := asked(k)
		w.clock.Advance(readTime)
		w.refused(k.call(answering("servers_delete", web, state, answer)), approval.Pending)
		require.Equal(t, "done", k.call(answering("servers_delete", web, state, yes)).is(), "the person can still answer")
	}
}

func TestStateWithoutAnswer(t *testing.T) {
	w := newWorld(t)
	k := w.modern(forms)
	state := asked(k)
	w.clock.Advance(readTime)
	w.refused(k.call(`{"name":"servers_delete","arguments":`+web+`,"requestState":"`+state+`"}`), approval.Pending)
	w.refused(k.call(`{"name":"servers_delete","arguments":`+web+`,"requestState":"`+state+`","inputResponses":{"other":`+yes+`}}`), approval.Pending)
}

func TestAnswerWithoutElicitation(t *testing.T) {
	w := newWorld(t)
	k := w.legacy(forms)
	for _, line := range []string{
		`{"jsonrpc":"2.0","id":1,"result":` + yes + `}`,
		`{"jsonrpc":"2.0","id":99999,"result":` + yes + `}`,
		`{"jsonrpc":"2.0","id":"x","result":` + yes + `}`,
		`{"jsonrpc":"2.0","id":null,"result":` + yes + `}`,
		`{"jsonrpc":"2.0","id":77777,"error":{"code":-1,"message":"no"}}`,
	} {
		k.say(line)
	}
	require.False(t, k.call(call("servers_get", web)).IsError)
	require.Empty(t, w.sent())
}

func TestInvalidProtocolLines(t *testing.T) {
	w := newWorld(t)
	k := w.legacy(forms)
	for _, line := range []string{
		``, ` `, `{`, `null`, `[]`, `5`, `"x"`, `{"jsonrpc":"1.0","id":1,"method":"tools/call"}`, strings.Repeat("[", 100_000),
		`{"jsonrpc":"2.0","method":"tools/call","params":` + call("servers_delete", web) + `}`,
		`{"jsonrpc":"2.0","id":{"a":1},"method":"tools/call","params":` + call("servers_get", web) + `}`,
		`{"jsonrpc":"2.0","id":[1],"method":"tools/call","params":5}`,
		"\x00\xff\xfe", `{"jsonrpc":"2.0","id":1.5e300,"method":"ping"}`,
	} {
		k.say(line)
	}
	require.False(t, k.call(call("servers_get", web)).IsError)
	require.Empty(t, w.sent())
}
