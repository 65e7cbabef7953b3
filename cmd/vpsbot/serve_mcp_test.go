package main

import (
	"bufio"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/doctor"
)

const remotePolicy = `version: 1
people:
  - {id: lead, slack: [U0LEAD123], keys: [lead-laptop]}
rules:
  - {name: lead works over HTTP, effect: allow, who: [lead], where: [mcp], risks: [read, change, disruptive, destructive]}
`

// remote is an assistant that calls serve over HTTP with a key.
type remote struct {
	*serveProcess
	key, session string
}

// send sends a message, and returns the answer with its body open.
func (r *remote) send(message string) *http.Response {
	r.Helper()
	req, err := http.NewRequest(http.MethodPost, r.url+"/mcp", strings.NewReader(message))
	require.NoError(r, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	for name, value := range map[string]string{"Authorization": r.key, "Mcp-Session-Id": r.session} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(r, err)
	r.Cleanup(func() { resp.Body.Close() })
	return resp
}

// ask sends a message, and returns the whole answer.
func (r *remote) ask(message string) (status int, body string) {
	r.Helper()
	resp := r.send(message)
	raw, err := io.ReadAll(resp.Body)
	require.NoError(r, err)
	return resp.StatusCode, string(raw)
}

const (
	pingMessage   = `{"jsonrpc":"2.0","id":1,"method":"ping"}`
	rebootMessage = `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"servers_reboot","arguments":{"server":"web-server-01"}}}`
	deleteMessage = `{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"servers_delete","arguments":{"server":"web-server-01"}}}`
)

// connect begins a session of a client that can be asked.
func (s *serveProcess) connect(key string) *remote {
	s.Helper()
	r := &remote{serveProcess: s, key: "Bearer " + key}
	resp := r.send(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{"form":{}}},"clientInfo":{"name":"test","version":"1"}}}`)
	require.Equal(s, http.StatusOK, resp.StatusCode)
	r.session = resp.Header.Get("Mcp-Session-Id")
	require.NotEmpty(s, r.session)
	return r
}

// serveRemote starts serve without Slack, with an access key and a policy.
func serveRemote(t *testing.T) (b *sandbox, s *serveProcess, key string) {
	t.Helper()
	b = newSandbox(t)
	key = b.makeKey(t, "lead-laptop")
	b.policyFile(t, remotePolicy)
	b.env["VPSBOT_LISTEN"], b.env["VPSBOT_LOG_LEVEL"] = "127.0.0.1:0", "debug"
	return b, b.startServe(t), key
}

// Without Slack serve has /mcp alone, and what a key's holder asks for is agreed to at a terminal.
func TestServeWithoutSlack(t *testing.T) {
	t.Parallel()
	b, s, key := serveRemote(t)
	s.waitReady()
	require.Contains(t, s.log.String(), "without SLACK_BOT_TOKEN nobody is served in Slack")
	require.Equal(t, http.StatusNotFound, s.post("/slack/commands"))
	stranger := &remote{serveProcess: s}
	status, body := stranger.ask(pingMessage)
	require.Equal(t, http.StatusUnauthorized, status)
	require.Contains(t, body, "send an access key: Authorization: Bearer vpsbot_")

	lead := s.connect(key)
	_, body = lead.ask(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"servers_list","arguments":{}}}`)
	require.Contains(t, body, "web-server-01")
	_, body = lead.ask(deleteMessage) // no form over HTTP answers for what destroys
	require.Contains(t, body, "approval_required")
	require.Empty(t, b.sim.Writes())

	id := regexp.MustCompile(`\(approval (\w+)\)`).FindStringSubmatch(body)[1]
	b.approveWithoutSetUp(t, key, id)
	out, errs, code := b.run(t.Context(), "approvals", "list", "--json")
	require.Zero(t, code, errs)
	require.Contains(t, out, `"mcp:http"`)
	screen, code := b.inTerminal(t, "web-server-01", "approvals", "approve", id)
	require.Zero(t, code, screen)
	require.Contains(t, screen, "Approved. vpsbot serve runs it now …")
	require.Len(t, b.sim.Writes(), 1)
	require.Zero(t, s.stop(), s.log.String())
	for _, hidden := range []string{key, secret} {
		require.NotContains(t, s.log.String(), hidden)
	}
}

// approveWithoutSetUp approves without the key, without the policy, and an id of another database: each says the next
// step. Then the key is set.
func (b *sandbox) approveWithoutSetUp(t *testing.T, key, id string) {
	t.Helper()
	screen, code := b.inTerminal(t, "", "approvals", "approve", id)
	require.Equal(t, 3, code, screen)
	require.Contains(t, screen, "; if that is you, set VPSBOT_KEY_FILE to its key")
	_, errs, code := b.run(t.Context(), "approvals", "cancel", id)
	require.Equal(t, 3, code, errs)
	require.NotContains(t, errs, "VPSBOT_KEY_FILE", "a machine is not told how to be another")

	b.env["VPSBOT_KEY"] = key
	policy := b.env["VPSBOT_POLICY_FILE"]
	b.env["VPSBOT_POLICY_FILE"] = ""
	screen, code = b.inTerminal(t, "", "approvals", "approve", id)
	require.Equal(t, 3, code, screen)
	require.Contains(t, screen, "set VPSBOT_POLICY_FILE to the file that it has, and approve again; the request stays open")
	b.env["VPSBOT_POLICY_FILE"] = policy

	_, errs, code = b.run(t.Context(), "approvals", "approve", strings.Repeat("a", len(id)))
	require.Equal(t, 2, code, errs)
	require.Contains(t, errs, "no approval in sqlite:/")
	require.Contains(t, errs, "If it was asked over HTTP, run this where vpsbot serve runs")
}

// A call may wait for a person for longer than a server writes otherwise. When serve stops it ends with an answer.
func TestServeStopsWhileACallWaits(t *testing.T) {
	t.Parallel()
	b, s, key := serveRemote(t)
	lead := s.connect(key)
	waiting := bufio.NewReader(lead.send(rebootMessage).Body)
	event := func() string {
		line, err := waiting.ReadString('\n')
		for err == nil && !strings.HasPrefix(line, "data: ") {
			line, err = waiting.ReadString('\n')
		}
		require.NoError(t, err)
		return line
	}
	require.Contains(t, event(), "elicitation/create")
	time.Sleep(11 * time.Second) // beyond the server's WriteTimeout
	began := time.Now()
	s.end()
	require.Eventually(t, func() bool {
		_, body := s.get("/readyz")
		return body == "it is stopping\n"
	}, 5*time.Second, 5*time.Millisecond)
	status, _ := lead.ask(pingMessage)
	require.Equal(t, http.StatusOK, status, "it is unready, and still serves")
	require.Contains(t, event(), "notifications/cancelled")
	require.Contains(t, event(), "approval_required")
	require.Zero(t, s.code(), s.log.String())
	require.Less(t, time.Since(began), 5*time.Second)
	require.NotContains(t, s.log.String(), "level=WARN")
	require.Empty(t, b.sim.Writes())
}

// A change that was sent is seen to its end while serve stops, as far as the fifteen seconds go; then the store has it.
func TestServeStopsWhileAChangeIsSent(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		release time.Duration // after the stop
		says    string        // the log
	}{
		"its answer comes":       {6 * time.Second, "msg=stopped"},
		"its answer never comes": {16 * time.Second, "not all requests under way could be answered"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, s, key := serveRemote(t)
			release, held := make(chan struct{}), make(chan struct{})
			b.sim.Intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if r.Method != http.MethodGet {
					close(held)
					<-release
				}
				next.ServeHTTP(w, r)
			})
			answer := make(chan string, 1)
			lead := s.connect(key)
			go func() { answer <- lead.tryChange() }()
			select {
			case <-held:
			case early := <-answer:
				t.Fatal("nothing was sent: " + early)
			}
			began := time.Now()
			s.end()
			time.AfterFunc(test.release, func() { close(release) })
			require.Zero(t, s.code(), s.log.String())
			require.Less(t, time.Since(began), 15*time.Second)
			require.Contains(t, s.log.String(), test.says)
			if test.release < stopLimit {
				require.Contains(t, <-answer, `"outcome":"done"`)
			}
			<-release // what is left of this process writes no more
			require.Len(t, b.sim.Writes(), 1)
		})
	}
}

// stopLimit is how long serve waits at most for what is under way.
const stopLimit = 14 * time.Second

// tryChange takes a snapshot, and returns the answer; "" if the connection is cut.
func (r *remote) tryChange() string {
	req, err := http.NewRequest(http.MethodPost, r.url+"/mcp", strings.NewReader(
		`{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"snapshots_create","arguments":{"server":"web-server-01","name":"before"}}}`))
	if err != nil {
		return err.Error()
	}
	req.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}, "Authorization": {r.key}, "Mcp-Session-Id": {r.session}}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	raw, _ := io.ReadAll(resp.Body)
	return string(raw)
}

// An outage of Slack takes assistants nothing, and none of the store makes their keys unknown.
func TestServeBoth(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	key := b.makeKey(t, "lead-laptop")
	b.policyFile(t, remotePolicy)
	slack := b.slack(t, false)
	b.env["VPSBOT_MCP"] = "true"
	slack.Down(true)
	s := b.startServe(t)
	s.waitReady()
	_, body := s.get("/readyz")
	require.Equal(t, "ready, but not for Slack:\nSlack has not said yet whose bot this is\n", body)
	status, _ := s.connect(key).ask(pingMessage)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, http.StatusUnauthorized, s.post("/slack/commands"))
	require.Zero(t, s.stop(), s.log.String())

	b.env["VPSBOT_DATABASE_URL"] = "sqlite:/dev/null/vpsbot.db"
	away := &remote{serveProcess: b.startServe(t), key: "Bearer " + key}
	status, body = away.ask(pingMessage)
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, "the store does not answer\n", body)
	status, _ = away.get("/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)
}

// Doctor calls the /mcp that runs, with a key of its own where it has one.
func TestDoctorCallsServeAtMCP(t *testing.T) {
	t.Parallel()
	b, s, key := serveRemote(t)
	b.env["VPSBOT_LISTEN"] = strings.TrimPrefix(s.url, "http://")
	for given, want := range map[string]string{
		"": " answers, and wants an access key; with VPSBOT_KEY_FILE one is tried", key: "tools for your access key",
	} {
		b.env["VPSBOT_KEY"] = given
		found := b.findings(t)["mcp"]
		require.Equal(t, doctor.StatusOK, found.Status, found)
		require.Contains(t, found.Message, s.url+"/mcp answers")
		require.Contains(t, found.Message, want)
	}
	b.env["VPSBOT_KEY"] = key[:len(key)-1]
	found := b.findings(t)["mcp"]
	require.Equal(t, doctor.StatusFail, found.Status)
	require.Contains(t, found.Message, "refuses your access key: the access key or token is not known")
}

// Before there is a key serve says how one is made.
func TestServeWithoutAKey(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	b.env["VPSBOT_LISTEN"] = "127.0.0.1:0"
	s := b.startServe(t)
	s.waitForLog("no access key is valid, so nobody can call /mcp; vpsbot keys create NAME makes one")
	require.Contains(t, s.log.String(), "without VPSBOT_POLICY_FILE everybody with an access key may read over HTTP, and nobody may change anything there")
}

// Headers longer than any client's are refused before anybody is looked up, and others are served.
func TestServeRefusesLongHeaders(t *testing.T) {
	_, s, key := serveRemote(t)
	r := &remote{serveProcess: s, key: "Bearer " + key}
	for _, header := range []string{"Authorization", "Cookie", "Mcp-Session-Id", "X-Forwarded-For"} {
		req, err := http.NewRequest(http.MethodPost, s.url+"/mcp", strings.NewReader(pingMessage))
		require.NoError(t, err)
		req.Header.Set(header, strings.Repeat("a", 64<<10))
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err, header)
		resp.Body.Close()
		require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, resp.StatusCode, header)
	}
	status, _ := r.ask(pingMessage)
	require.Equal(t, http.StatusOK, status)
	require.NotContains(t, s.log.String(), key)
}
