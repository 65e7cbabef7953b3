package main

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	wire "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// otlp is a collector of traces.
type otlp struct {
	testing.TB
	mu    sync.Mutex
	spans []*wire.Span
	raw   strings.Builder // all bytes
}

// collector has the sandbox's processes send their traces to a new collector.
func (b *sandbox) collector(t testing.TB) *otlp {
	t.Helper()
	c := &otlp{TB: t}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		var request collector.ExportTraceServiceRequest
		if err != nil || proto.Unmarshal(raw, &request) != nil || r.URL.Path != "/v1/traces" || r.Header.Get("X-Key") != "a secret" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.raw.Write(raw)
		for _, of := range request.ResourceSpans {
			for _, in := range of.ScopeSpans {
				c.spans = append(c.spans, in.Spans...)
			}
		}
	}))
	t.Cleanup(server.Close)
	maps.Copy(b.env, map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": server.URL, "OTEL_EXPORTER_OTLP_HEADERS": "X-Key=a%20secret", "OTEL_EXPORTER_OTLP_COMPRESSION": "none", "OTEL_BSP_SCHEDULE_DELAY": "50",
	})
	return c
}

// trace is one trace whose spans are all there.
type trace struct {
	id    string
	root  *wire.Span
	paths []string // of names, from the root on
}

// trace waits for the trace whose first span has this name.
func (c *otlp) trace(root string) (found trace) {
	c.Helper()
	require.Eventually(c, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		at := slices.IndexFunc(c.spans, func(s *wire.Span) bool { return s.Name == root })
		if at < 0 {
			return false
		}
		found = trace{id: hex.EncodeToString(c.spans[at].TraceId), root: c.spans[at]}
		byID := map[string]*wire.Span{}
		for _, s := range c.spans {
			if hex.EncodeToString(s.TraceId) == found.id {
				byID[string(s.SpanId)] = s
			}
		}
		for _, s := range byID {
			path := s.Name
			for above := s; above != found.root; path = above.Name + " > " + path {
				if above = byID[string(above.ParentSpanId)]; above == nil {
					return false // it has not arrived yet, or there is a second root
				}
			}
			found.paths = append(found.paths, path)
		}
		slices.Sort(found.paths)
		return true
	}, testTimeout, 20*time.Millisecond, "%s in %v", root, c.names())
	return found
}

func (c *otlp) names() (names []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		names = append(names, s.Name)
	}
	return names
}

func (t trace) attributes() map[string]string {
	all := map[string]string{}
	for _, a := range t.root.Attributes {
		all[a.Key] = a.Value.GetStringValue()
	}
	return all
}

// requireNone fails if a text is in what was sent.
func (c *otlp) requireNone(texts ...string) {
	c.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	require.Greater(c, c.raw.Len(), 1000)
	for _, text := range texts {
		require.NotContains(c, c.raw.String(), text)
	}
}

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// A change at a terminal is one trace, from the words to the store; its rows of the log and its line have its id.
func TestTraceOfATerminal(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	c := b.collector(t)
	b.env["VPSBOT_LOG_LEVEL"], b.env["VPSBOT_LOG_FORMAT"] = "debug", "json"
	screen, code := b.inTerminal(t, "web-server-01", "run", "servers.delete", "web-server-01")
	require.Zero(t, code, screen)
	got := c.trace("vpsbot servers.delete")
	const root = "vpsbot servers.delete"
	for _, path := range []string{
		"authorize > GET /account/me/", "plan > resolve > GET /servers/", "wait for a person", "confirm > execute > authorize", "confirm > execute > DELETE /servers/{id}/", "confirm > execute > store write",
	} {
		require.Contains(t, got.paths, root+" > "+path)
	}
	rows, _, _ := b.run(t.Context(), "audit", "list", "--operation", "servers.delete", "--json")
	require.Equal(t, 3, strings.Count(rows, `"trace": "`+got.id+`"`)+strings.Count(rows, `"trace":"`+got.id+`"`), rows)
	_, errs, code := b.run(t.Context(), "audit", "verify")
	require.Zero(t, code, errs)
	require.Contains(t, screen, `"msg":"call"`)
	require.Contains(t, screen, `"trace":"`+got.id+`"`)
	c.requireNone("web-server-01", "12345", "root", "vps_demo", "a secret", "admin@")
}

// What an assistant asks on stdio is below the span that _meta names. Agreed to at a terminal, it runs in a trace that
// is linked to the question, as is the answer's.
func TestTraceOfAnApprovalElsewhere(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	c := b.collector(t)
	a, log := b.assistantWithLog(t)
	var asked envelope
	require.NoError(t, json.Unmarshal(a.ask("tools/call", `{"name":"servers_delete","arguments":{"server":"web-server-01"},"_meta":{"traceparent":"`+traceparent+`"}}`), &asked))
	require.Equal(t, "approval_required", asked.StructuredContent.Outcome)
	call := c.trace("tools/call servers_delete")
	require.Equal(t, "0af7651916cd43dd8448eb211c80319c", call.id)
	require.Equal(t, "b7ad6b7169203331", hex.EncodeToString(call.root.ParentSpanId))
	require.Equal(t, map[string]string{
		"mcp.method.name": "tools/call", "gen_ai.tool.name": "servers_delete", "gen_ai.operation.name": "execute_tool", "mcp.protocol.version": "2025-06-18",
		"network.transport": "pipe", "error.type": "tool_error",
	}, call.attributes())
	screen, code := b.inTerminal(t, "web-server-01", "approvals", "approve", asked.StructuredContent.ApprovalID)
	require.Zero(t, code, screen)
	for _, name := range []string{"decide", "run approved servers.delete"} {
		other := c.trace(name)
		require.NotEqual(t, call.id, other.id)
		require.Len(t, other.root.Links, 1, name)
		require.Equal(t, call.root.TraceId, other.root.Links[0].TraceId)
	}
	require.Contains(t, c.trace("run approved servers.delete").paths, "run approved servers.delete > execute > DELETE /servers/{id}/")
	require.Regexp(t, `level=INFO msg=call operation=servers.delete approval=\S+ outcome=approval_required actor=local:\S+ surface=mcp duration=\S+ trace=`+call.id, log.String())
	require.Regexp(t, `level=INFO msg=call operation=servers.delete approval=\S+ outcome=done`, log.String())
	require.NotContains(t, log.String(), "web-server-01")
	c.requireNone("web-server-01", "12345", "vps_demo", "a secret")
}

// Calls over HTTP and commands in Slack are traces of their own; tool and method are names that exist.
func TestTraceOfServe(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	key := b.makeKey(t, "lead-laptop")
	slack := b.slack(t, true)
	b.policyFile(t, approvalsPolicy)
	b.env["VPSBOT_MCP"], b.env["VPSBOT_LISTEN"] = "true", "127.0.0.1:0"
	c := b.collector(t)
	var told atomic.Int64
	b.sim.Intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Header.Get("Traceparent") != "" {
			told.Add(1)
		}
		next.ServeHTTP(w, r)
	})
	s := b.startServe(t)
	s.waitReady() // which it is before Slack is connected
	require.Eventually(t, func() bool { return slack.Connections() > 0 }, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, http.StatusOK, slack.As("U0LEAD123").In("C0OPS12345").Type("/vps servers get web-server-01").Status)
	typed := c.trace("slack command")
	require.Contains(t, typed.paths, "slack command > authorize")
	require.Contains(t, typed.paths, "slack command > resolve > GET /servers/")
	require.Contains(t, typed.paths, "slack command > GET /servers/{id}/")

	r := s.connect(key)
	req, err := http.NewRequest(http.MethodPost, s.url+"/mcp", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"servers_list","arguments":{}}}`))
	require.NoError(t, err)
	for name, value := range map[string]string{"Content-Type": "application/json", "Accept": "application/json, text/event-stream", "Authorization": r.key, "Mcp-Session-Id": r.session, "traceparent": traceparent} {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	listed := c.trace("tools/call servers_list")
	require.Equal(t, "b7ad6b7169203331", hex.EncodeToString(listed.root.ParentSpanId))
	require.Equal(t, "tcp", listed.attributes()["network.transport"])
	require.Contains(t, listed.paths, "tools/call servers_list > GET /servers/")
	_, body := r.ask(`{"jsonrpc":"2.0","id":2,"method":"made/up-by-canary","params":{"name":"canary"}}`)
	require.Contains(t, body, "-32601")
	require.Equal(t, "-32601", c.trace("other").attributes()["error.type"])
	require.Zero(t, s.stop())
	c.requireNone("web-server-01", "12345", "vps_demo", "U0LEAD123", "C0OPS12345", "lead", "canary", "a secret", secret)
	require.Zero(t, told.Load(), "VPS.org learns nothing of the trace")
}

// A collector that takes nothing changes no outcome, and says so in the log without its secret.
func TestTraceWithoutACollector(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	b.env["OTEL_EXPORTER_OTLP_ENDPOINT"], b.env["OTEL_EXPORTER_OTLP_HEADERS"] = "http://127.0.0.1:1", "X-Key=hidden-key"
	a, log := b.assistantWithLog(t)
	require.NotEmpty(t, a.ask("tools/call", `{"name":"servers_list","arguments":{}}`))
	require.NoError(t, a.cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, a.wait())
	require.Contains(t, log.String(), "the collector of traces takes none")
	require.NotContains(t, log.String(), "hidden-key")

	b.env["OTEL_EXPORTER_OTLP_PROTOCOL"] = "grpc"
	_, errs, code := b.run(t.Context(), "servers", "list")
	require.Zero(t, code)
	require.Contains(t, errs, "OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf")
}
