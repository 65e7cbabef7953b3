package mcpserver

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
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

// The access keys of the tests, and their callers.
const (
	aliceKey = "vpsbot_alice"
	bobKey   = "vpsbot_bob"
	aliceOf  = permissions.Actor("key:alice")
	bobOf    = permissions.Actor("key:bob")
)

// site is a replica of vpsbot serve.
type site struct {
	*world
	http *HTTP
	url  string
	down atomic.Bool // the store of the keys does not answer
	away atomic.Bool // nor does that of the records
}

// mayAll lets both callers do everything, and answer over MCP.
func mayAll() permissions.Policy {
	return permissions.Policy{Book: &permissions.Rulebook{
		Rules: []permissions.Rule{{Name: "all", Effect: permissions.Allow, Who: []permissions.Principal{"*"}, Operations: []permissions.Glob{"*"}}},
		Confirm: map[permissions.Risk][]permissions.Surface{
			permissions.Disruptive: {permissions.MCP, permissions.Terminal}, permissions.Destructive: {permissions.MCP, permissions.Terminal},
			permissions.Billable: {permissions.MCP, permissions.Terminal},
		},
	}}
}

// newSite makes the first replica on a world of its own.
func newSite(t testing.TB, change func(*HTTPOptions)) *site {
	w := newWorld(t)
	w.server.Runner.Policy = mayAll
	return w.replica(w.server, change)
}

// another makes one more replica on the same store.
func (s *site) another(id string) *site {
	server := s.process(id, s.sim.Transport())
	server.Runner.Policy = mayAll
	return s.replica(server, nil)
}

// bare makes a replica that listens nowhere.
func (w *world) bare(server *Server, change func(*HTTPOptions)) *site {
	s := &site{world: w}
	o := HTTPOptions{
		Secret: func(context.Context) ([]byte, error) { return []byte(strings.Repeat("k", 32)), nil },
		Authenticate: func(_ context.Context, secret string) (permissions.Actor, error) {
			who := map[string]permissions.Actor{aliceKey: aliceOf, bobKey: bobOf}[secret]
			switch {
			case s.down.Load():
				return "", errors.New("the database is away")
			case strings.HasPrefix(secret, "vps_"):
				return "", ErrVPSToken
			case who == "":
				return "", ErrUnknownBearer
			}
			return who, nil
		},
		Limits: Limits{PerSecond: 1_000_000, AtOnce: 1000, InAll: 1000},
	}
	if change != nil {
		change(&o)
	}
	s.http = server.HTTP(o)
	opened := server.Runner.Store
	server.Runner.Store = func(ctx context.Context) (approval.Store, error) {
		if s.away.Load() {
			return nil, errors.New("the database is away")
		}
		return opened(ctx)
	}
	return s
}

func (w *world) replica(server *Server, change func(*HTTPOptions)) *site {
	s := w.bare(server, change)
	listener := httptest.NewServer(s.http)
	s.url = listener.URL
	ctx, stop := context.WithCancel(context.WithoutCancel(w.Context()))
	var looking sync.WaitGroup
	looking.Go(func() { s.http.RunApproved(ctx) })
	w.Cleanup(func() {
		s.http.Stop()
		listener.Close()
		stop()
		looking.Wait()
	})
	return s
}

// remote is a client over HTTP.
type remote struct {
	*site
	key     string
	session string
	header  http.Header // of each request, beside the usual ones
	modern  bool
}

func (s *site) client(key string) *remote {
	return &remote{site: s, key: key, header: http.Header{}}
}

// at returns the same client, whose requests go to another replica.
func (c *remote) at(s *site) *remote {
	there := *c
	there.site = s
	return &there
}

// post sends a message.
func (c *remote) post(message string) *http.Response {
	c.Helper()
	r, err := http.NewRequestWithContext(c.Context(), http.MethodPost, c.url, strings.NewReader(message))
	require.NoError(c, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	if c.key != "" {
		r.Header.Set("Authorization", "Bearer "+c.key)
	}
	if c.session != "" {
		r.Header.Set("Mcp-Session-Id", c.session)
	}
	for name, values := range c.header {
		r.Header[name] = values
		if name == "Host" {
			r.Host = values[0]
		}
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(c, err)
	c.Cleanup(func() { answer.Body.Close() })
	return answer
}

// initialize begins a session.
func (c *remote) initialize(version, capabilities string) *remote {
	c.Helper()
	answer := c.post(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"` + version + `","clientInfo":{"name":"t","version":"1"},"capabilities":` + capabilities + `}}`)
	require.Equal(c, http.StatusOK, answer.StatusCode)
	c.session = answer.Header.Get("Mcp-Session-Id")
	require.NotEmpty(c, c.session)
	return c
}

// said is what a server sends as the answer to one POST.
type said struct {
	testing.TB
	response *http.Response
	lines    *bufio.Reader
}

// tool calls a tool in the older era.
func (c *remote) tool(tool, arguments string) *said {
	return c.send(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":` + call(tool, arguments) + `}`)
}

func (c *remote) send(message string) *said {
	c.Helper()
	r := c.post(message)
	return &said{c.TB, r, bufio.NewReader(r.Body)}
}

// next returns the next message of an answer.
func (s *said) next() (m message) {
	s.Helper()
	if s.response.Header.Get("Content-Type") == "application/json" {
		raw, err := io.ReadAll(s.lines)
		require.NoError(s, err)
		return messageOf(s, raw)
	}
	for {
		line, err := s.lines.ReadString('\n')
		require.NoError(s, err, "the stream has ended")
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			return messageOf(s, []byte(data))
		}
	}
}

// outcome returns the result of a tool, after what is notified.
func (s *said) outcome() outcome {
	s.Helper()
	for {
		if m := s.next(); m.Method == "" {
			require.Nil(s, m.Error, "%+v", m.Error)
			return outcomeOf(s, m.Result)
		}
	}
}

// answer answers a question.
func (c *remote) answer(q message, result string) int {
	c.Helper()
	return c.post(`{"jsonrpc":"2.0","id":` + string(q.ID) + `,"result":` + result + `}`).StatusCode
}

func newestRecord(w *world) string { return w.records()[0].ID }

// A question reaches the client on the stream of its call, and the answer comes by a request of its own: at the same
// replica, or at another.
func TestQuestionOverHTTP(t *testing.T) {
	for where, at := range map[string]func(*site) *site{
		"the same replica": func(s *site) *site { return s },
		"another replica":  func(s *site) *site { return s.another("process-2") },
	} {
		for answer, c := range map[string]struct {
			is   string
			sent int
		}{
			yes: {"done", 1}, decline: {"declined", 0}, dismiss: {"approval_required", 0}, accept("web-server-02"): {"declined", 0},
		} {
			t.Run(where+"/"+answer, func(t *testing.T) {
				s := newSite(t, nil)
				there := at(s)
				k := s.client(aliceKey).initialize("2025-06-18", forms)
				call := k.tool("servers_delete", web)
				q := call.next()
				require.Equal(t, "elicitation/create", q.Method)
				s.clock.Advance(readTime)
				require.Equal(t, http.StatusAccepted, k.at(there).answer(q, answer))
				if c.is != "approval_required" || there == s { // a form that is closed elsewhere ends no wait
					require.Equal(t, c.is, call.outcome().is())
				}
				require.Len(t, s.sent(), c.sent)
				require.Equal(t, http.StatusBadRequest, k.at(there).answer(q, yes), "an answer counts once")
				require.Len(t, s.sent(), c.sent)
			})
		}
	}
}

func messageOf(t testing.TB, raw []byte) (m message) {
	t.Helper()
	require.NoError(t, json.Unmarshal(raw, &m), string(raw))
	return m
}

func outcomeOf(t testing.TB, raw []byte) (o outcome) {
	t.Helper()
	require.NoError(t, json.Unmarshal(raw, &o), string(raw))
	return o
}

// countingMoves counts the moves of records.
type countingMoves struct {
	approval.Store
	moves *atomic.Int32
}

func (c countingMoves) Move(ctx context.Context, m approval.Move, row audit.Row) (approval.Record, error) {
	c.moves.Add(1)
	return c.Store.Move(ctx, m, row)
}

// A change that was agreed to elsewhere waits for another change of its server, and is tried ever more rarely.
func TestApprovedOverHTTPWaitsForABusyServer(t *testing.T) {
	var claims atomic.Int32
	w := newWorld(t)
	w.server.Runner.Policy = mayAll
	w.server.Runner.Store = func(context.Context) (approval.Store, error) { return countingMoves{w.store, &claims}, nil }
	s := w.replica(w.server, nil)
	arrived, goOn := s.hold(http.MethodPost)
	k := s.client(aliceKey).initialize("2025-06-18", noForms)
	require.Equal(t, "approval_required", k.tool("servers_reboot", web).outcome().is())
	holder := make(chan outcome, 1)
	go func() { holder <- k.tool("backups_create", web).outcome() }()
	<-arrived
	_, err := s.server.Runner.Decide(t.Context(), aliceOf, runner.Answer{Approval: s.find("servers.reboot").ID, Channel: permissions.Terminal, Yes: true}, "")
	require.NoError(t, err)
	time.Sleep(300 * time.Millisecond) // 30 looks
	require.Equal(t, approval.Approved, s.find("servers.reboot").State)
	require.Less(t, claims.Load(), int32(12), "the pauses grow")
	s.sim.Intercept(nil)
	close(goOn)
	require.Equal(t, "done", (<-holder).is())
	s.eventually(func() bool { return s.find("servers.reboot").State == approval.Done }, "it runs when the server is free")
	require.Len(t, s.sent(), 2)
}

// Beyond the limit of calls that wait for a person no question is put, and the change can be answered elsewhere.
func TestLimitOfWaitingCalls(t *testing.T) {
	s := newSite(t, func(o *HTTPOptions) { o.Limits.Waiting = 1 })
	k, other := s.client(aliceKey).initialize("2025-06-18", forms), s.client(bobKey).initialize("2025-06-18", forms)
	call := k.tool("servers_delete", web)
	q := call.next()
	more := other.tool("servers_reboot", web).outcome()
	require.Equal(t, "approval_required", more.is())
	require.Contains(t, more.text(), "So many questions wait for an answer here that no more are put.")
	s.clock.Advance(readTime)
	require.Equal(t, http.StatusAccepted, k.answer(q, decline))
	require.Equal(t, "declined", call.outcome().is())
	require.Equal(t, "elicitation/create", other.tool("servers_delete", web).next().Method, "there is room again")
}
