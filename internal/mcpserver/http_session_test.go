package mcpserver

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

const older = "2025-06-18"

// modern makes the client one of the newer era.
func (c *remote) modernCall(tool, arguments, rest string) *said {
	c.Helper()
	there := *c
	there.header = http.Header{"Mcp-Protocol-Version": {"2026-07-28"}, "Mcp-Method": {"tools/call"}, "Mcp-Name": {tool}}
	return there.send(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + tool + `","arguments":` + arguments + rest +
		`,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":` + forms + `}}}`)
}

func inputResponse(state, result string) string {
	return `,"requestState":"` + state + `","inputResponses":{"confirm":` + result + `}`
}

// forged is a session id with other claims, whose MAC is the one of before.
func forged(t *testing.T, id string, change func(*sessionClaims)) string {
	parts := strings.Split(id, ".")
	require.Len(t, parts, 3)
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	var claims sessionClaims
	require.NoError(t, json.Unmarshal(raw, &claims))
	change(&claims)
	raw, err = json.Marshal(claims)
	require.NoError(t, err)
	return parts[0] + "." + base64.RawURLEncoding.EncodeToString(raw) + "." + parts[2]
}

// A session is its caller's alone, as it was made, at each replica, and for 30 days.
func TestSessionIDs(t *testing.T) {
	s := newSite(t, nil)
	there := s.another("process-2")
	own := s.client(aliceKey).initialize(older, forms).session
	bobs := s.client(bobKey).initialize(older, forms).session
	require.Less(t, len(own), 200)
	foreign, err := newSession([]byte(strings.Repeat("x", 32)), aliceOf, handshake{Version: older}, s.clock.Now())
	require.NoError(t, err)
	old, err := newSession([]byte(strings.Repeat("k", 32)), aliceOf, handshake{Version: older}, s.clock.Now().Add(-sessionLasts-time.Second))
	require.NoError(t, err)
	for name, c := range map[string]struct {
		id     string
		status int
	}{
		"her own":         {own, 200},
		"another's":       {bobs, 404},
		"no forms":        {forged(t, own, func(c *sessionClaims) { c.Forms = false }), 404},
		"another version": {forged(t, own, func(c *sessionClaims) { c.Version = "2025-03-26" }), 404},
		"another caller":  {forged(t, bobs, func(c *sessionClaims) { c.Caller = callerHash(aliceOf) }), 404},
		"younger":         {forged(t, old, func(c *sessionClaims) { c.Began = s.clock.Now().Unix() }), 404},
		"another MAC":     {own[:len(own)-22] + bobs[len(bobs)-22:], 404},
		"a shorter MAC":   {own[:len(own)-1], 404},
		"no MAC":          {own[:len(own)-22], 404},
		"no claims":       {"v1." + own[len(own)-23:], 404},
		"another format":  {"v2." + own[3:], 404},
		"another key":     {foreign, 404},
		"too old":         {old, 404},
		"invented":        {"1868a90c-fa4b-4f4e-8a9c-4e0e9d9b2d11", 404},
		"one of mcp-go's": {"mcp-session-1868a90c-fa4b-4f4e-8a9c-4e0e9d9b2d11", 404},
		"long":            {strings.Repeat("v1.", 3000), 404},
		"a dot":           {".", 404},
	} {
		t.Run(name, func(t *testing.T) {
			for _, at := range []*site{s, there} {
				for _, message := range []string{ping, `{"jsonrpc":"2.0","method":"notifications/initialized"}`, `[` + ping + `]`, `{"jsonrpc":"2.0","id":"x","result":{}}`} {
					got := at.do(func(r *http.Request) { r.Header.Set("Mcp-Session-Id", c.id); body(r, message) })
					require.Equal(t, c.status == 404, got.status == 404, message)
					require.Equal(t, c.status == 404, got.says == "no such session: initialize again")
				}
				k := at.client(aliceKey)
				k.session = c.id
				require.NotEqual(t, c.id, k.initialize(older, forms).session, "a new one can be had at any time")
			}
		})
	}
	s.clock.Advance(sessionLasts + time.Second)
	require.Equal(t, 404, s.do(header("Mcp-Session-Id", own)).status)
	require.Equal(t, 200, s.client(aliceKey).modernCall("servers_get", web, "").response.StatusCode)
	k := s.client(aliceKey)
	k.session = own
	require.Equal(t, 200, k.modernCall("servers_get", web, "").response.StatusCode, "the newer era has no sessions")
	require.Equal(t, 405, s.do(func(r *http.Request) { r.Method = http.MethodDelete; r.Header.Set("Mcp-Session-Id", own) }).status)
}

// Without a session a client of the older era is served, and cannot be asked.
func TestNoSession(t *testing.T) {
	s := newSite(t, nil)
	k := s.client(aliceKey)
	require.False(t, k.tool("servers_get", web).outcome().IsError)
	require.Equal(t, "approval_required", k.tool("servers_delete", web).outcome().is())
	k.session = s.client(aliceKey).initialize(older, forms).session
	k.header.Set("Accept", "application/json")
	require.Equal(t, "approval_required", k.tool("servers_reboot", web).outcome().is(), "nor without an event stream")
}

// asks begins a deletion, and returns its question.
func (c *remote) asks() (call *said, q message) {
	c.Helper()
	call = c.tool("servers_delete", web)
	q = call.next()
	require.Equal(c, "elicitation/create", q.Method)
	return call, q
}

// agrees has Alice agree to the newest record at a terminal.
func (s *site) agrees() {
	s.Helper()
	rec := s.records()[0]
	_, err := s.http.Runner.Decide(s.Context(), aliceOf, runner.Answer{Approval: rec.ID, Channel: permissions.Terminal, Yes: true, Text: rec.Confirm}, "")
	require.NoError(s, err)
}

// refusals counts the rows of refused answers.
func (s *site) refusals() (n int) {
	for row, err := range s.store.Rows(s.Context(), audit.Filter{}) {
		require.NoError(s, err)
		if row.Decision == audit.Refused && strings.Contains(row.Reason, "belongs to no open question") {
			n++
		}
	}
	return n
}

// An answer counts from the session that was asked alone, for its question alone, wherever it arrives.
func TestAnswersOfOthers(t *testing.T) {
	s := newSite(t, nil)
	there := s.another("process-2")
	alice := s.client(aliceKey).initialize(older, forms)
	call, q := alice.asks()
	s.clock.Advance(readTime)
	bob, elsewhere := s.client(bobKey).initialize(older, forms), s.client(aliceKey).initialize(older, forms)
	stolen := s.client(bobKey)
	stolen.session = alice.session
	for _, at := range []*site{s, there} {
		require.Equal(t, 400, bob.at(at).answer(q, yes), "another caller's, with the right nonce")
		require.Equal(t, 400, elsewhere.at(at).answer(q, yes), "another session of the same caller")
		require.Equal(t, 400, at.client(aliceKey).answer(q, yes), "no session")
		require.Equal(t, 404, stolen.at(at).answer(q, yes), "another caller with her session")
		require.Equal(t, 400, alice.at(at).answer(message{ID: json.RawMessage(`"` + strings.Repeat("A", 26) + `"`)}, yes), "a question that nobody asked")
		require.Equal(t, 400, alice.at(at).answer(message{ID: json.RawMessage(`1`)}, yes), "the id of her own call")
		require.Equal(t, 400, alice.at(at).answer(message{ID: json.RawMessage(`{"a":[1]}`)}, yes), "no id at all")
		o := bob.at(at).modernCall("servers_delete", web, inputResponse(strings.Trim(string(q.ID), `"`), yes)).outcome()
		require.True(t, o.IsError, "as the state of a call in the newer era")
	}
	require.Positive(t, s.refusals())
	require.Equal(t, approval.Pending, s.state())
	require.Empty(t, s.sent())
	require.Equal(t, 202, alice.at(there).answer(q, yes))
	require.Equal(t, "done", call.outcome().is())
	require.Len(t, s.sent(), 1)
}

// The same answer, sent to two replicas or twice to one at the same time, counts once, and the call hears the outcome.
func TestTheSameAnswerTwice(t *testing.T) {
	for range 10 {
		s := newSite(t, nil)
		there := s.another("process-2")
		k := s.client(aliceKey).initialize(older, forms)
		call, q := k.asks()
		s.clock.Advance(readTime)
		var all sync.WaitGroup
		var taken atomic.Int64
		for i := range 8 {
			at := []*site{s, there}[i%2]
			all.Go(func() {
				if k.at(at).answer(q, yes) == 202 {
					taken.Add(1)
				}
			})
		}
		require.Equal(t, "done", call.outcome().is())
		all.Wait()
		require.Len(t, s.sent(), 1)
		require.GreaterOrEqual(t, taken.Load(), int64(1))
		require.LessOrEqual(t, taken.Load(), int64(2))
	}
}

// Whoever answers faster than a person can is a program, at the replica that asked and at another.
func TestAnswerTooFast(t *testing.T) {
	for _, elsewhere := range []bool{false, true} {
		for era, ask := range map[string]func(*remote, *remote) outcome{
			"older": func(k, at *remote) outcome {
				call, q := k.asks()
				k.clock.Advance(699 * time.Millisecond)
				require.Equal(k, 202, at.answer(q, yes))
				if k.site != at.site {
					return outcome{}
				}
				return call.outcome()
			},
			"2026": func(k, at *remote) outcome {
				state := k.modernCall("servers_delete", web, "").outcome().RequestState
				k.clock.Advance(699 * time.Millisecond)
				return at.modernCall("servers_delete", web, inputResponse(state, yes)).outcome()
			},
		} {
			t.Run(era, func(t *testing.T) {
				s := newSite(t, nil)
				at := s
				if elsewhere {
					at = s.another("process-2")
				}
				k := s.client(aliceKey).initialize(older, forms)
				o := ask(k, k.at(at))
				if o.Content != nil {
					require.Equal(t, "approval_required", o.is(), o.text())
				}
				require.Equal(t, approval.Pending, s.state())
				require.Equal(t, approval.Async, s.records()[0].AnswerMode)
				require.Empty(t, s.sent())
				s.agrees()
				s.eventually(func() bool { return len(s.sent()) == 1 }, "a person agrees at a terminal")
				o = k.at(at).tool("servers_reboot", `{"server":"db-server-01"}`).outcome()
				require.Equal(t, "approval_required", o.is(), "a program is asked no more")
			})
		}
	}
}

// hangUp sends an answer, and closes the connection without waiting.
func (c *remote) hangUp(q message, result string) {
	c.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.url, "http://"))
	require.NoError(c, err)
	body := `{"jsonrpc":"2.0","id":` + string(q.ID) + `,"result":` + result + `}`
	r, err := http.NewRequest(http.MethodPost, c.url, strings.NewReader(body))
	require.NoError(c, err)
	r.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + c.key}, "Mcp-Session-Id": {c.session}}
	require.NoError(c, r.Write(conn))
	require.NoError(c, conn.Close())
}

// An answer counts whatever becomes of the connections: of the stream that asked, or of the one that answers.
func TestLostConnections(t *testing.T) {
	for name, c := range map[string]struct{ loseStream, hangUp, elsewhere bool }{
		"the stream":                            {true, false, false},
		"the stream, answered elsewhere":        {true, false, true},
		"the answer's":                          {false, true, false},
		"the answer's, elsewhere":               {false, true, true},
		"both":                                  {true, true, false},
		"both, elsewhere":                       {true, true, true},
		"neither, but the answer was elsewhere": {false, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, nil)
			k := s.client(aliceKey).initialize(older, forms)
			at := k
			if c.elsewhere {
				at = k.at(s.another("process-2"))
			}
			call, q := k.asks()
			s.clock.Advance(readTime)
			if c.loseStream {
				call.response.Body.Close()
				s.eventually(func() bool { return s.server.waiting.Load() == 0 }, "nobody waits")
				require.Equal(t, approval.Pending, s.state())
			}
			if c.hangUp {
				at.hangUp(q, yes)
			} else {
				require.Equal(t, 202, at.answer(q, yes))
			}
			s.eventually(func() bool { return s.state() == approval.Done }, "it is done")
			require.Len(t, s.sent(), 1)
			if !c.loseStream {
				require.Equal(t, "done", call.outcome().is())
			}
		})
	}
}

// A stream that is lost at the very moment of the answer loses neither: the change is made once, or the question is
// still open.
func TestStreamLostAtTheAnswer(t *testing.T) {
	for range 20 {
		s := newSite(t, nil)
		k := s.client(aliceKey).initialize(older, forms)
		call, q := k.asks()
		s.clock.Advance(readTime)
		go call.response.Body.Close()
		require.Equal(t, 202, k.answer(q, yes))
		s.eventually(func() bool { return s.state() == approval.Done }, "it is done")
		require.Len(t, s.sent(), 1)
	}
}

// A client cancels its own calls, by their exact ids, and nobody else's.
func TestCancelledOverHTTP(t *testing.T) {
	s := newSite(t, nil)
	k := s.client(aliceKey).initialize(older, forms)
	call, q := k.asks()
	cancel := func(c *remote, id string) int {
		return c.post(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":` + id + `}}`).StatusCode
	}
	for name, c := range map[string]*remote{
		"another's": s.client(bobKey).initialize(older, forms), "another session": s.client(aliceKey).initialize(older, forms), "no session": s.client(aliceKey),
	} {
		require.Equal(t, 202, cancel(c, "1"), name)
	}
	for _, id := range []string{`"1"`, `2`, `null`, `1.0`, string(q.ID), `{}`, `[1]`} {
		require.Equal(t, 202, cancel(k, id), id)
	}
	modern := s.client(aliceKey)
	modern.session, modern.header = k.session, http.Header{"Mcp-Protocol-Version": {"2026-07-28"}}
	require.Equal(t, 202, cancel(modern, "1"), "nothing in the newer era")
	require.Equal(t, int64(1), s.server.waiting.Load())
	require.Equal(t, approval.Pending, s.state())
	require.Equal(t, 202, cancel(k, "1"))
	require.Equal(t, "notifications/cancelled", call.next().Method, "the form is withdrawn")
	require.Equal(t, "declined", call.outcome().is())
	require.Equal(t, approval.Cancelled, s.state())
	s.clock.Advance(readTime)
	require.Equal(t, 400, k.answer(q, yes))
	require.Empty(t, s.sent())
}

// At a stop the calls that wait for a person end, and their questions can be answered elsewhere; no new ones begin.
func TestStopOverHTTP(t *testing.T) {
	s := newSite(t, nil)
	there := s.another("process-2")
	k := s.client(aliceKey).initialize(older, forms)
	call, q := k.asks()
	s.http.Stop()
	require.Equal(t, "notifications/cancelled", call.next().Method)
	o := call.outcome()
	require.Equal(t, "approval_required", o.is())
	require.Contains(t, o.text(), "vpsbot is stopping.")
	got := s.do(nil)
	require.Equal(t, 503, got.status)
	require.Equal(t, "vpsbot is stopping", got.says)
	require.Equal(t, "1", got.header.Get("Retry-After"))
	require.Equal(t, 401, s.do(header("Authorization", "Bearer "+strangeKey)).status, "strangers learn nothing of it")
	require.Equal(t, approval.Pending, s.state())
	s.clock.Advance(readTime)
	require.Equal(t, 202, k.at(there).answer(q, yes))
	s.eventually(func() bool { return s.state() == approval.Done }, "another replica runs it")
	require.Len(t, s.sent(), 1)
}

// allow lets everybody do everything, but for what a rule refuses.
func allow(refused ...permissions.Rule) permissions.Policy {
	policy := mayAll()
	policy.Book.Rules = append(refused, policy.Book.Rules...)
	return policy
}

// The policy counts as it is when the answer comes.
func TestPolicyChangedBeforeTheAnswer(t *testing.T) {
	for name, change := range map[string]func() permissions.Policy{
		"the change is refused": func() permissions.Policy {
			return allow(permissions.Rule{Name: "no", Effect: permissions.Deny, Who: []permissions.Principal{"*"}, Operations: []permissions.Glob{"servers.delete"}})
		},
		"not over MCP any more": func() permissions.Policy {
			policy := mayAll()
			policy.Book.Confirm = map[permissions.Risk][]permissions.Surface{permissions.Destructive: {permissions.Terminal}}
			return policy
		},
		"confirm is gone": func() permissions.Policy {
			policy := mayAll()
			policy.Book.Confirm = nil
			return policy
		},
	} {
		for _, elsewhere := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				s := newSite(t, nil)
				var policy atomic.Pointer[func() permissions.Policy]
				now := mayAll
				policy.Store(&now)
				s.server.Runner.Policy = func() permissions.Policy { return (*policy.Load())() }
				k := s.client(aliceKey).initialize(older, forms)
				at := k
				if elsewhere {
					there := s.another("process-2")
					there.http.Runner.Policy = s.server.Runner.Policy
					at = k.at(there)
				}
				call, q := k.asks()
				state := k.modernCall("servers_delete", web, "").outcome().RequestState
				s.clock.Advance(readTime)
				policy.Store(&change)
				if status := at.answer(q, yes); elsewhere {
					require.Equal(t, 400, status)
				} else {
					require.True(t, call.outcome().IsError)
				}
				if state != "" {
					require.True(t, at.modernCall("servers_delete", web, inputResponse(state, yes)).outcome().IsError)
				}
				require.Empty(t, s.sent())
			})
		}
	}
}

// Over HTTP no form answers for what destroys, unless the policy says that MCP may carry the answer.
func TestNoFormDestroysOverHTTP(t *testing.T) {
	confirm := func(by map[permissions.Risk][]permissions.Surface) func() permissions.Policy {
		return func() permissions.Policy {
			policy := mayAll()
			policy.Book.Confirm = by
			return policy
		}
	}
	for name, c := range map[string]struct {
		policy          func() permissions.Policy
		delete, disrupt bool // a form is put
	}{
		"no confirm":       {confirm(nil), false, true},
		"mcp":              {mayAll, true, true},
		"the terminal":     {confirm(map[permissions.Risk][]permissions.Surface{permissions.Destructive: {permissions.Terminal}}), false, true},
		"slack and mcp":    {confirm(map[permissions.Risk][]permissions.Surface{permissions.Destructive: {permissions.Slack, permissions.MCP}}), true, true},
		"disruptive alone": {confirm(map[permissions.Risk][]permissions.Surface{permissions.Disruptive: {permissions.Terminal}}), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, nil)
			s.server.Runner.Policy = c.policy
			for tool, asked := range map[string]bool{"servers_delete": c.delete, "servers_reboot": c.disrupt} {
				older := s.client(aliceKey).initialize(older, forms).tool(tool, web)
				require.Equal(t, asked, older.next().Method == "elicitation/create", tool)
				older.response.Body.Close()
				o := s.client(aliceKey).modernCall(tool, web, "").outcome()
				require.Equal(t, asked, o.ResultType == "input_required", tool)
				if !asked {
					require.Equal(t, "approval_required", o.is())
					require.Contains(t, o.text(), "vpsbot approvals approve "+newestRecord(s.world))
				}
			}
			require.Empty(t, s.sent())
		})
	}
}

// A call that waits at one replica hears of an answer that came while its own store was away.
func TestAnswerWhileTheStoreWasAway(t *testing.T) {
	s := newSite(t, nil)
	k := s.client(aliceKey).initialize(older, forms)
	call, _ := k.asks()
	s.away.Store(true)
	s.clock.Advance(readTime)
	other := s.another("process-2")
	other.agrees()
	other.eventually(func() bool { return s.state() == approval.Done }, "another replica runs it")
	s.clock.Advance(time.Minute)
	s.away.Store(false)
	require.Equal(t, "done", call.outcome().is())
}

// Session ids that nobody made are refused, whatever they are.
func FuzzSessionID(f *testing.F) {
	key := []byte(strings.Repeat("k", 32))
	now := time.Unix(1_800_000_000, 0)
	own, err := newSession(key, aliceOf, handshake{Version: older}, now)
	require.NoError(f, err)
	bobs, err := newSession(key, bobOf, handshake{Version: older}, now)
	require.NoError(f, err)
	for _, id := range []string{own, bobs, "", ".", "v1.", "v1..", "v1.e30." + own[len(own)-22:], own + "=", " " + own, strings.ToUpper(own), "v1." + own} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		_, err := openSession([]byte(strings.Repeat("x", 32)), id, aliceOf, now)
		require.ErrorIs(t, err, errNoSession, "made with another key")
		if claims, err := openSession(key, id, aliceOf, now); err == nil {
			require.Equal(t, callerHash(aliceOf), claims.Caller)
			require.Equal(t, older, claims.Version)
		}
	})
}

// A list of messages counts one by one, and is answered in 2025-03-26 alone. Answers to questions count in it too.
func TestBatchOverHTTP(t *testing.T) {
	s := newSite(t, func(o *HTTPOptions) { o.Limits = Limits{PerSecond: 12, AtOnce: 12} })
	k := s.client(aliceKey).initialize("2025-03-26", forms)
	list := func(n int, message string) string {
		return "[" + strings.Join(slices.Repeat([]string{message}, n), ",") + "]"
	}
	s.clock.Advance(time.Second)
	var replies []message
	raw := k.send(list(2, ping))
	require.NoError(t, json.NewDecoder(raw.lines).Decode(&replies))
	require.Len(t, replies, 2)
	for name, c := range map[string]struct {
		version, message string
		status           int
		says             string
	}{
		"as many as may":         {"2025-03-26", list(12, ping), 200, `"result":{}`},
		"too many":               {"2025-03-26", list(13, ping), 429, "too many calls by key:alice: 12 a second"},
		"none":                   {"2025-03-26", "[]", 200, "a list of messages has 1 to 100"},
		"notifications":          {"2025-03-26", `[{"jsonrpc":"2.0","method":"notifications/initialized"}]`, 202, ""},
		"initialize":             {"2025-03-26", `[{"jsonrpc":"2.0","id":1,"method":"initialize"}]`, 200, "initialize cannot be part of a list"},
		"an answer to nothing":   {"2025-03-26", `[{"jsonrpc":"2.0","id":"x","result":{}}]`, 200, "belongs to no open question"},
		"a list in a list":       {"2025-03-26", "[[" + ping + "]]", 200, "the message is no JSON-RPC message"},
		"broken":                 {"2025-03-26", "[" + ping, 200, "the message is not JSON"},
		"in a version without":   {older, list(2, ping), 200, "protocol version 2025-03-26 alone"},
		"in the newest version":  {"2025-11-25", list(2, ping), 200, "protocol version 2025-03-26 alone"},
		"in the newer era":       {"2026-07-28", list(2, ping), 200, "protocol version 2025-03-26 alone"},
		"in no version":          {"", list(2, ping), 200, `"result":{}`},
		"one beside a broken id": {"2025-03-26", "[" + ping + `,{"jsonrpc":"2.0","id":{},"method":"ping"}]`, 200, "the id of a request is a text or a number"},
	} {
		t.Run(name, func(t *testing.T) {
			s.clock.Advance(time.Second)
			s.eventually(s.idle, "idle")
			got := s.do(func(r *http.Request) {
				body(r, c.message)
				if c.version != "" {
					r.Header.Set("Mcp-Protocol-Version", c.version)
				}
			})
			require.Equal(t, c.status, got.status)
			require.Contains(t, got.says, c.says)
		})
	}
}

// The answer to a question may come in a list, at any replica.
func TestAnswerInABatch(t *testing.T) {
	s := newSite(t, nil)
	k := s.client(aliceKey).initialize("2025-03-26", forms)
	call, q := k.asks()
	s.clock.Advance(readTime)
	require.Equal(t, 202, k.at(s.another("process-2")).post(`[{"jsonrpc":"2.0","id":`+string(q.ID)+`,"result":`+yes+`}]`).StatusCode)
	require.Equal(t, "done", call.outcome().is())
	require.Len(t, s.sent(), 1)
}

// Without a policy a key may read over HTTP, and change nothing.
func TestKeysWithoutAPolicy(t *testing.T) {
	s := newSite(t, nil)
	s.server.Runner.Policy = func() permissions.Policy { return permissions.Policy{} }
	k := s.client(aliceKey).initialize(older, forms)
	require.False(t, k.tool("servers_get", web).outcome().IsError)
	for _, tool := range []string{"servers_reboot", "servers_delete", "backups_create"} {
		require.Equal(t, "refused", k.tool(tool, web).outcome().is(), tool)
		require.Equal(t, "refused", k.modernCall(tool, web, "").outcome().is(), tool)
	}
	require.Empty(t, s.records())
	require.Empty(t, s.sent())
}

// Without the key that all replicas share no session begins, and none goes on; what needs none is served.
func TestKeyOfSessionsIsAway(t *testing.T) {
	for name, secret := range map[string]func(context.Context) ([]byte, error){
		"away":      func(context.Context) ([]byte, error) { return nil, errors.New("dial tcp 10.0.0.7:5432") },
		"empty":     func(context.Context) ([]byte, error) { return nil, nil },
		"too short": func(context.Context) ([]byte, error) { return []byte("0123456789"), nil },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, nil)
			id := s.client(aliceKey).initialize(older, forms).session
			broken := s.server.HTTP(HTTPOptions{Secret: secret, Authenticate: s.http.o.Authenticate})
			here := &site{world: s.world, http: broken}
			require.Equal(t, 200, here.says(ping).Code)
			for message, session := range map[string]string{`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18"}}`: "", ping: id} {
				got := here.says(message, "Mcp-Session-Id", session)
				require.Equal(t, 503, got.Code)
				require.Equal(t, "the store does not answer\n", got.Body.String())
				require.Empty(t, got.Header().Get("Mcp-Session-Id"))
			}
		})
	}
}
