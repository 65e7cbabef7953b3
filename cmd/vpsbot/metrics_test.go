package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// metrics scrapes a process that was started with VPSBOT_METRICS_LISTEN, and returns the samples.
func (s *serveProcess) metrics() map[string]string {
	s.Helper()
	address := regexp.MustCompile(`msg="serving metrics" address=(\S+)`).FindStringSubmatch(s.log.String())
	require.NotNil(s, address, s.log.String())
	at := serveProcess{TB: s.TB, url: "http://" + address[1]}
	status, body := at.get("/metrics")
	require.Equal(s, http.StatusOK, status)
	samples := map[string]string{"": body}
	for _, line := range regexp.MustCompile(`(?m)^([a-z][^ ]*(?:\{.*\})?) (\S+)$`).FindAllStringSubmatch(body, -1) {
		samples[line[1]] = line[2]
	}
	status, _ = at.get("/")
	require.Equal(s, http.StatusNotFound, status)
	return samples
}

// A command in Slack and a question that waits show in the metrics; no name, id or text does.
func TestServeExportsMetrics(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	slack := b.slack(t, true)
	b.policyFile(t, approvalsPolicy)
	b.env["VPSBOT_METRICS_LISTEN"] = "127.0.0.1:0"
	s := b.startServe(t)
	s.waitReady()
	lead := slack.As("U0LEAD123").In("C0OPS12345")
	require.Equal(t, http.StatusOK, lead.Type("/vps servers list").Status)
	require.Equal(t, http.StatusOK, lead.Type("/vps servers delete web-server-01").Status)
	want := map[string]string{
		`vpsbot_slack_received_total{kind="command"}`:                  "2",
		`vpsbot_slack_acknowledged_seconds_count{kind="command"}`:      "2",
		`vpsbot_slack_not_stored_total`:                                "0",
		`vpsbot_slack_connected`:                                       "1",
		`vpsbot_slack_calls_total{method="auth.test",outcome="ok"}`:    "1",
		`vpsbot_approvals{state="pending"}`:                            "1",
		`vpsbot_approvals{state="unknown"}`:                            "0",
		`vpsbot_store_up`:                                              "1",
		`vpsbot_store_errors_total{why="away"}`:                        "0",
		`vpsbot_upstream_calls_total{code="2xx",method="GET"}`:         `[1-9]\d*`,
		`vpsbot_upstream_connections`:                                  `[1-9]`,
		`vpsbot_upstream_circuit_open{kind="read"}`:                    "0",
		`vpsbot_refused_total{why="bearer"}`:                           "0",
		`vpsbot_approvals_oldest_pending_seconds`:                      `\d+\.\d+|[1-9]\d*`,
		`vpsbot_store_transaction_seconds_count{kind="write"}`:         `[1-9]\d*`,
		`vpsbot_store_connections{pool="write",state="(in_use|idle)"}`: "",
		`vpsbot_audit_rows`:                                            `[1-9]\d*`,
		`go_goroutines`:                                                `\d+`,
		`process_open_fds`:                                             `\d+`,
	}
	var got map[string]string
	require.Eventually(t, func() bool {
		got = s.metrics()
		return got[`vpsbot_approvals{state="pending"}`] == "1"
	}, 15*time.Second, 100*time.Millisecond, "figures of the store are kept for five seconds")
	t.Log(got[""])
	for name, value := range want {
		require.Regexp(t, "^("+value+")$", got[name], name)
	}
	for _, private := range []string{"web-server-01", "U0LEAD123", "C0OPS12345", "lead", secret} {
		require.NotContains(t, got[""], private)
	}
	require.Zero(t, s.stop())
}

// Without the variable nothing listens; what it names must be free.
func TestMetricsAddress(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	b := newSandbox(t)
	b.slack(t, true)
	quiet := b.startServe(t)
	require.NotContains(t, quiet.log.String(), "metrics")
	status, _ := quiet.get("/metrics")
	require.Equal(t, http.StatusNotFound, status)
	b.env["VPSBOT_METRICS_LISTEN"] = taken.Addr().String()
	_, errs, code := b.run(t.Context(), "serve")
	require.Equal(t, 1, code, errs)
	require.Contains(t, errs, "address already in use; VPSBOT_METRICS_LISTEN takes another address")
}

// Each kind of message and of refusal at /mcp is counted under its own name.
func TestMetricsOfMCP(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	key := b.makeKey(t, "lead-laptop")
	b.policyFile(t, approvalsPolicy)
	b.env["VPSBOT_LISTEN"], b.env["VPSBOT_METRICS_LISTEN"] = "127.0.0.1:0", "127.0.0.1:0"
	s := b.startServe(t)
	const older = `{"jsonrpc":"2.0","id":1,"method":"%s","params":%s}`
	const read = `{"name":"servers_list","arguments":{}}`
	modern := strings.Replace(read, `{"name"`, `{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},`+
		`"io.modelcontextprotocol/clientCapabilities":{}},"name"`, 1)
	for _, request := range []struct {
		method, body string
		header       map[string]string
		status       int
	}{
		{"POST", fmt.Sprintf(older, "initialize", `{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}`), nil, 200},
		{"POST", fmt.Sprintf(older, "tools/list", "{}"), nil, 200},
		{"POST", fmt.Sprintf(older, "tools/call", read), nil, 200},
		{"POST", fmt.Sprintf(older, "tools/call", modern), map[string]string{"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "servers_list"}, 200},
		{"POST", fmt.Sprintf(older, "made/up", "{}"), nil, 200},
		{"GET", "", nil, 405},
		{"POST", "{}", map[string]string{"Authorization": "Bearer vpsbot_unknown"}, 401},
		{"POST", "{}", map[string]string{"Host": "evil.example.com"}, 403},
		{"POST", "{}", map[string]string{"Origin": "https://evil.example.com"}, 403},
		{"POST", "{}", map[string]string{"Content-Type": "text/plain"}, 415},
		{"POST", fmt.Sprintf(older, "ping", "{}"), map[string]string{"Mcp-Session-Id": "v1.made.up"}, 404},
	} {
		req, err := http.NewRequestWithContext(t.Context(), request.method, s.url+"/mcp", strings.NewReader(request.body))
		require.NoError(t, err)
		req.Header = http.Header{"Authorization": {"Bearer " + key}, "Content-Type": {"application/json"}, "Accept": {"application/json, text/event-stream"}}
		for name, value := range request.header {
			req.Header.Set(name, value)
		}
		req.Host = request.header["Host"]
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		resp.Body.Close()
		require.Equal(t, request.status, resp.StatusCode, "%s: %s", request.body, text)
	}
	got := s.metrics()
	for name, value := range map[string]string{
		`vpsbot_mcp_requests_total{code="200",era="older",method="initialize"}`: "1",
		`vpsbot_mcp_requests_total{code="200",era="older",method="tools/list"}`: "1",
		`vpsbot_mcp_requests_total{code="200",era="older",method="tools/call"}`: "1",
		`vpsbot_mcp_requests_total{code="200",era="2026",method="tools/call"}`:  "1",
		`vpsbot_mcp_requests_total{code="200",era="older",method="other"}`:      "1",
		`vpsbot_mcp_seconds_count{method="tools/call"}`:                         "2",
		`vpsbot_mcp_under_way`:                "0",
		`vpsbot_refused_total{why="method"}`:  "1",
		`vpsbot_refused_total{why="bearer"}`:  "1",
		`vpsbot_refused_total{why="host"}`:    "1",
		`vpsbot_refused_total{why="origin"}`:  "1",
		`vpsbot_refused_total{why="body"}`:    "1",
		`vpsbot_refused_total{why="session"}`: "1",
		`vpsbot_refused_total{why="other"}`:   "0",
	} {
		require.Equal(t, value, got[name], name)
	}
	for _, absent := range []string{"vpsbot_slack_connected", `code="other"`, `era="other"`, "made/up", "evil.example.com", "lead-laptop"} {
		require.NotRegexp(t, `(?m)^[^#\n]*`+regexp.QuoteMeta(absent), got[""])
	}
}
