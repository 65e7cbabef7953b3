package e2e_test

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/vpsbot/vpsbot/internal/runner"
)

// forge sends an answer that must be rejected, to a question of this sequence or to an invented one.
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

// rejectedAnswers are answers that give no consent.
var rejectedAnswers = []string{
	answerOf("web-server-02"), answerOf(""), answerOf("yes"), answerOf("WEB-SERVER-01"), `{"action":"accept"}`, `{"action":"accept","content":{"name":true}}`,
	`{"action":"accept","content":{"name":["web-server-01"]}}`, `{"action":"decline"}`, `{"action":"cancel","content":{"name":"web-server-01"}}`,
	`{"action":"ACCEPT","content":{"name":"web-server-01"}}`, `null`, `{}`, `[]`, `"accept"`,
}

func answerOf(name string) string {
	raw, _ := json.Marshal(name)
	return `{"action":"accept","content":{"name":` + string(raw) + `}}`
}

// alter changes the question that an answer belongs to. It returns the question unchanged where a
// person could have answered it at this time.
func (m *model) alter(t *rapid.T, q question) question {
	switch rapid.IntRange(0, 3).Draw(t, "twist") {
	case 0: // this question's nonce with another call
		other := rapid.SampledFrom(plausibleCalls(q)).Draw(t, "other")
		if other.tool != q.tool || other.input != q.input {
			q.tool, q.input = other.tool, other.input
		}
	case 1: // a nonce with one letter changed
		if i := len(q.nonce); i > 0 {
			at := rapid.IntRange(0, i-1).Draw(t, "at")
			q.nonce = q.nonce[:at] + string(rune('a'+(q.nonce[at]+1)%26)) + q.nonce[at+1:]
		}
	case 2: // faster than a person answers
		if m.clock.Now().Sub(q.at) < 700*time.Millisecond {
			q.at = time.Time{} // marks the question as altered: the right answer may be sent
		}
	}
	return q
}

// plausibleCalls returns the destructive calls, half of them with the question's tool.
func plausibleCalls(q question) []question {
	all := slices.Clone(destructiveCalls)
	same := slices.DeleteFunc(slices.Clone(destructiveCalls), func(other question) bool { return other.tool != q.tool })
	return append(all, slices.Repeat(same, len(all)/len(same))...)
}

func (m *model) callWithAnswer(q question, answer string) string {
	nonce, _ := json.Marshal(q.nonce)
	return `{"name":"` + q.tool + `","arguments":` + q.input + `,"requestState":` + string(nonce) + `,"inputResponses":{"confirm":` + answer + `}}`
}

// destroyLegacy calls a destructive tool as a legacy client: the server sends an elicitation while
// the call waits, and the model answers it wrongly.
func (m *model) destroyLegacy(t *rapid.T) {
	q := rapid.SampledFrom(destructiveCalls).Draw(t, "what")
	m.counts.add("calls", 1)
	waiting := m.mcpClient.sendRequest("tools/call", `{"name":"`+q.tool+`","arguments":`+q.input+`}`, false)
	select {
	case m := <-waiting: // the call was refused, or only a terminal confirms
		require.NotEqual(t, runner.Done, m.Result.StructuredContent.Outcome)
		return
	case asked := <-m.serverRequests:
		m.answerLegacy(t, asked)
	case <-time.After(time.Minute):
		require.FailNow(t, "no elicitation and no result")
	}
	r := m.awaitResult(waiting)
	require.NotEqual(t, runner.Done, r.StructuredContent.Outcome, r.text())
}

func (m *model) answerLegacy(t *rapid.T, asked mcpMessage) {
	m.counts.add("questions put", 1)
	m.counts.add("forged answers", 2)
	m.send(`{"jsonrpc":"2.0","id":` + rapid.SampledFrom([]string{"99999", `"99999"`, "null", "0", "-1"}).Draw(t, "id") + `,"result":` + answerOf("web-server-01") + `}`)
	answer := answerOf("web-server-01") // right for most questions, but faster than a person
	if rapid.Bool().Draw(t, "later") {
		m.clock.Advance(time.Second)
		answer = rapid.SampledFrom(rejectedAnswers).Draw(t, "answer")
	}
	m.send(`{"jsonrpc":"2.0","id":` + string(asked.ID) + `,"result":` + answer + `}`)
}
