package e2e_test

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/vpsbot/vpsbot/internal/runner"
)

// forge answers a question of this sequence, or one that never was, in a way that must not count.
func (m *model) forge(t *rapid.T) {
	q := rapid.SampledFrom(destructiveCalls).Draw(t, "what")
	q.nonce = rapid.SampledFrom([]string{"", "aaaaaaaaaaaaaaaaaaaaaaaaaa", "null", "process-1"}).Draw(t, "nonce")
	if len(m.questions) > 0 && rapid.IntRange(0, 3).Draw(t, "open") > 0 {
		q = rapid.SampledFrom(m.questions).Draw(t, "question")
	}
	if rapid.Bool().Draw(t, "read first") {
		m.clock.Advance(time.Second)
	}
	forged, answer := m.alter(t, q), answerOf(q.name)
	if forged == q && !m.locked {
		answer = rapid.SampledFrom(rejectedAnswers).Draw(t, "answer")
	}
	m.counts.add("forged answers", 1)
	m.call(m.callWithAnswer(forged, answer))
}

// untaken are answers that agree to nothing.
var rejectedAnswers = []string{
	answerOf("web-server-02"), answerOf(""), answerOf("yes"), answerOf("WEB-SERVER-01"), `{"action":"accept"}`, `{"action":"accept","content":{"name":true}}`,
	`{"action":"accept","content":{"name":["web-server-01"]}}`, `{"action":"decline"}`, `{"action":"cancel","content":{"name":"web-server-01"}}`,
	`{"action":"ACCEPT","content":{"name":"web-server-01"}}`, `null`, `{}`, `[]`, `"accept"`,
}

func answerOf(name string) string {
	raw, _ := json.Marshal(name)
	return `{"action":"accept","content":{"name":` + string(raw) + `}}`
}

// twist takes a question for something it was not. What it returns unchanged is the question
// itself, at a time when a person could have answered it.
func (m *model) alter(t *rapid.T, q question) question {
	switch rapid.IntRange(0, 3).Draw(t, "twist") {
	case 0: // the nonce of this one, the call of another
		other := rapid.SampledFrom(plausibleCalls(q)).Draw(t, "other")
		if other.tool != q.tool || other.input != q.input {
			q.tool, q.input = other.tool, other.input
		}
	case 1: // a bit of the nonce
		if i := len(q.nonce); i > 0 {
			at := rapid.IntRange(0, i-1).Draw(t, "at")
			q.nonce = q.nonce[:at] + string(rune('a'+(q.nonce[at]+1)%26)) + q.nonce[at+1:]
		}
	case 2: // at once, as no person answers
		if m.clock.Now().Sub(q.at) < 700*time.Millisecond {
			q.at = time.Time{} // differs from what was asked: the right answer may be given
		}
	}
	return q
}

// likely returns the calls that could be taken for a question's own: half of them are of its
// tool.
func plausibleCalls(q question) []question {
	all := slices.Clone(destructiveCalls)
	same := slices.DeleteFunc(slices.Clone(destructiveCalls), func(other question) bool { return other.tool != q.tool })
	return append(all, slices.Repeat(same, len(all)/len(same))...)
}

func (m *model) callWithAnswer(q question, answer string) string {
	nonce, _ := json.Marshal(q.nonce)
	return `{"name":"` + q.tool + `","arguments":` + q.input + `,"requestState":` + string(nonce) + `,"inputResponses":{"confirm":` + answer + `}}`
}

// destroyOlder calls something destructive as an older client does, which is asked while the
// call waits, and answers wrongly.
func (m *model) destroyLegacy(t *rapid.T) {
	q := rapid.SampledFrom(destructiveCalls).Draw(t, "what")
	m.counts.add("calls", 1)
	waiting := m.mcpClient.sendRequest("tools/call", `{"name":"`+q.tool+`","arguments":`+q.input+`}`, false)
	select {
	case m := <-waiting: // it was refused, or is to be answered elsewhere
		require.NotEqual(t, runner.Done, m.Result.StructuredContent.Outcome)
		return
	case asked := <-m.serverRequests:
		m.answerLegacy(t, asked)
	case <-time.After(time.Minute):
		require.FailNow(t, "neither a question nor an answer")
	}
	r := m.awaitResult(waiting)
	require.NotEqual(t, runner.Done, r.StructuredContent.Outcome, r.text())
}

func (m *model) answerLegacy(t *rapid.T, asked mcpMessage) {
	m.counts.add("questions put", 1)
	m.counts.add("forged answers", 2)
	m.send(`{"jsonrpc":"2.0","id":` + rapid.SampledFrom([]string{"99999", `"99999"`, "null", "0", "-1"}).Draw(t, "id") + `,"result":` + answerOf("web-server-01") + `}`)
	answer := answerOf("web-server-01") // the right answer to most, at once: it is not taken
	if rapid.Bool().Draw(t, "later") {
		m.clock.Advance(time.Second)
		answer = rapid.SampledFrom(rejectedAnswers).Draw(t, "answer")
	}
	m.send(`{"jsonrpc":"2.0","id":` + string(asked.ID) + `,"result":` + answer + `}`)
}
