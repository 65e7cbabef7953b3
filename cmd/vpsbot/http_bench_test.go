package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sethvargo/go-envconfig"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/keys"
	"github.com/vpsbot/vpsbot/internal/mcpserver"
	"github.com/vpsbot/vpsbot/internal/store"
)

// serveUnlimited is "vpsbot serve" with limits that no benchmark reaches.
func serveUnlimited() {
	ctx := context.Background()
	a, err := app.New(ctx, app.NewEnvironment(envconfig.OsLookuper(), os.Stderr))
	if err == nil {
		a.Limits = mcpserver.Limits{PerSecond: 1e9, AtOnce: 1e6, InAll: 1e6, Waiting: 1e6}
		err = a.Serve(ctx, nil)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// httpBench has the sizes of the benchmarks over HTTP.
type httpBench struct{ calls, sessions, waiting int }

func httpBenchSize() httpBench {
	if os.Getenv("VPSBOT_BENCH") == "full" {
		return httpBench{calls: 3200, sessions: 20_000, waiting: 1000}
	}
	return httpBench{calls: 100, sessions: 200, waiting: 20}
}

// httpServer is a process that serves /mcp.
type httpServer struct {
	testing.TB
	name   string
	cmd    *exec.Cmd
	url    string
	keys   []string // access keys
	client *http.Client
	took   []time.Duration // of single calls
	rates  []float64       // calls a second, 16 in flight
	cpu    []float64       // microseconds a call
}

// httpPolicy lets the caller do everything, and answer over MCP.
const httpPolicy = `version: 1
rules: [{name: all, effect: allow, who: ["*"], where: [mcp], operations: ["servers.*"]}]
confirm: {disruptive: [mcp]}
`

// makeKeys makes access keys in the store of the sandbox, and returns their secrets.
func makeKeys(b *testing.B, n int) (secrets []string) {
	path := filepath.Join(os.Getenv("XDG_STATE_HOME"), "vpsbot", "vpsbot.db")
	require.NoError(b, os.MkdirAll(filepath.Dir(path), 0o700))
	db, err := store.Open(b.Context(), "sqlite:"+path)
	require.NoError(b, err)
	defer db.Close()
	for i := range n {
		secret, hash, err := keys.New(rand.Reader)
		require.NoError(b, err)
		require.NoError(b, db.Add(b.Context(), keys.Key{Name: fmt.Sprint("ada-", i), Hash: hash, CreatedAt: time.Now()}, audit.Row{At: time.Now(), Operation: "keys.create", Decision: audit.Allowed}))
		secrets = append(secrets, secret)
	}
	return secrets
}

// caller is who makes requests, in one session.
type caller struct{ key, session string }

// startHTTP starts vpsbot serve, with its check of keys and a policy, empty for none, and the bare server.
func startHTTP(b *testing.B, api string, callers int, policy string) (vpsbot, bare *httpServer) {
	_, theirs := benchPrograms(b, api)
	self, err := os.Executable()
	require.NoError(b, err)
	address := freeLoopback(b)
	b.Setenv("VPSBOT_LISTEN", address)
	if policy != "" {
		file := filepath.Join(b.TempDir(), "policy.yaml")
		require.NoError(b, os.WriteFile(file, []byte(policy), 0o600))
		b.Setenv("VPSBOT_POLICY_FILE", file)
	}
	vpsbot = &httpServer{TB: b, name: "vpsbot", cmd: exec.Command(self), url: "http://" + address + "/mcp", keys: makeKeys(b, callers)}
	vpsbot.cmd.Args[0] = "vpsbot-unlimited"
	address = freeLoopback(b)
	bare = &httpServer{TB: b, name: "mcp-go", cmd: exec.Command(theirs.args[0], address), url: "http://" + address + "/mcp", keys: make([]string, callers)}
	for _, s := range []*httpServer{vpsbot, bare} {
		s.start()
	}
	return vpsbot, bare
}

func freeLoopback(b testing.TB) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	defer listener.Close()
	return listener.Addr().String()
}

func (s *httpServer) start() {
	s.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2000}}
	log := &bytes.Buffer{}
	s.cmd.Stderr = log
	require.NoError(s, s.cmd.Start())
	s.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.client.CloseIdleConnections()
		if s.Failed() {
			s.Logf("%s: %s", s.name, log)
		}
	})
	require.Eventually(s, func() bool {
		resp, err := s.client.Get(s.url)
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	}, 20*time.Second, 10*time.Millisecond, s.name)
}

// post sends a message.
func (s *httpServer) post(c caller, message string) (*http.Response, error) {
	r, err := http.NewRequest(http.MethodPost, s.url, strings.NewReader(message))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	r.Header.Set("Mcp-Protocol-Version", "2025-06-18")
	if c.key != "" {
		r.Header.Set("Authorization", "Bearer "+c.key)
	}
	if c.session != "" {
		r.Header.Set("Mcp-Session-Id", c.session)
	}
	return s.client.Do(r)
}

// initialize begins a session with an access key.
func (s *httpServer) initialize(key string) (caller, error) {
	resp, err := s.post(caller{key: key}, `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{"elicitation":{}},"clientInfo":{"name":"b","version":"1"}}}`)
	if err != nil {
		return caller{}, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return caller{key, resp.Header.Get("Mcp-Session-Id")}, err
}

// read calls the tool that reads a server.
func (s *httpServer) read(c caller) error {
	resp, err := s.post(c, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"servers_get","arguments":{"server":12345}}}`)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && (!bytes.Contains(body, []byte("web-server-01")) || bytes.Contains(body, []byte("isError"))) {
		err = fmt.Errorf("%s: %s", resp.Status, body)
	}
	return err
}

// one makes a call, and notes how long it took.
func (s *httpServer) one(c caller) {
	began := time.Now()
	err := s.read(c)
	s.took = append(s.took, time.Since(began))
	require.NoError(s, err)
}

// many makes so many calls, 16 in flight, and notes their rate and CPU time.
func (s *httpServer) many(c caller, calls int) {
	used, began := cpuOf(s, s.cmd.Process.Pid), time.Now()
	var left atomic.Int64
	left.Store(int64(calls))
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				if err := s.read(c); err != nil {
					s.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	s.rates = append(s.rates, float64(calls)/time.Since(began).Seconds())
	s.cpu = append(s.cpu, float64((cpuOf(s, s.cmd.Process.Pid)-used).Microseconds())/float64(calls))
}

// cpuOf returns the CPU time that a process has used, on Linux.
func cpuOf(t testing.TB, pid int) (used time.Duration) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	require.NoError(t, err)
	for _, path := range threads {
		var nanos int64
		stat, _ := os.ReadFile(path) // of a thread that may have ended
		_, _ = fmt.Sscan(string(stat), &nanos)
		used += time.Duration(nanos)
	}
	return used
}

// residentOf returns what a process has resident, in KB, on Linux.
func residentOf(pid int) (kb int) {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	_, _ = fmt.Sscan(after, &kb)
	return kb
}

func middle(all []float64) float64 { return slices.Sorted(slices.Values(all))[len(all)/2] }

// BenchmarkHTTPCalls calls servers_get over HTTP, each call a GET of its own: one at a time in turn with that GET alone
// and with the bare server, then 16 in flight in turn with the bare server. vpsbot checks the key and the session, and the
// policy where there is one, for which it reads the server once more. In the end it counts vpsbot's connections to the API.
//
//	VPSBOT_BENCH=full go test ./cmd/vpsbot -run '^$' -bench HTTPCalls -benchtime 3x
func BenchmarkHTTPCalls(b *testing.B) {
	b.Run("policy", func(b *testing.B) { benchmarkHTTPCalls(b, httpPolicy) })
	b.Run("no-policy", func(b *testing.B) { benchmarkHTTPCalls(b, "") })
}

func benchmarkHTTPCalls(b *testing.B, policy string) {
	api, connections := countedAPI(b)
	size := httpBenchSize()
	vpsbot, bare := startHTTP(b, api, 1, policy)
	both, callers := []*httpServer{vpsbot, bare}, map[*httpServer]caller{}
	for _, s := range both {
		c, err := s.initialize(s.keys[0])
		require.NoError(b, err)
		callers[s] = c
	}
	var direct []time.Duration
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}
	for b.Loop() {
		for range size.calls / 4 {
			began := time.Now()
			require.NoError(b, getDirectly(client, api))
			direct = append(direct, time.Since(began))
			for _, s := range both {
				s.one(callers[s])
			}
		}
		for range 3 {
			for _, s := range both {
				s.many(callers[s], size.calls/3)
			}
		}
	}
	client.CloseIdleConnections()
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(direct)*1000, "us-direct")
	for _, s := range both {
		b.ReportMetric((median(s.took)-median(direct))*1000, "us-over-direct-"+s.name)
		b.ReportMetric(middle(s.rates), "calls/s-"+s.name)
		b.ReportMetric(middle(s.cpu), "us-cpu-"+s.name)
		b.ReportMetric(float64(residentOf(s.cmd.Process.Pid))/1024, "MB-"+s.name)
	}
	b.ReportMetric((median(vpsbot.took)-median(direct))/(median(bare.took)-median(direct)), "x-over-direct")
	b.ReportMetric(middle(vpsbot.rates)/middle(bare.rates), "x-calls/s")
	b.ReportMetric(middle(vpsbot.cpu)/middle(bare.cpu), "x-cpu")
	b.ReportMetric(float64(connections()), "connections")
}

// getDirectly makes the GET that a call makes.
func getDirectly(c *http.Client, api string) error {
	r, err := http.NewRequest(http.MethodGet, api+"/servers/12345/", nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer vps_demo")
	resp, err := c.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// countedAPI is a canned API. connections returns how many there were of vpsbot in all.
func countedAPI(b *testing.B) (url string, connections func() int) {
	var mu sync.Mutex
	from, answers := map[string]bool{}, cannedHandler()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.UserAgent(), "vpsbot/") {
			mu.Lock()
			from[r.RemoteAddr] = true
			mu.Unlock()
		}
		answers.ServeHTTP(w, r)
	}))
	b.Cleanup(server.Close)
	return server.URL + "/api/v1", func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(from)
	}
}

// BenchmarkHTTPSessions opens sessions that do nothing afterwards, and compares what is resident.
//
//	VPSBOT_BENCH=full go test ./cmd/vpsbot -run '^$' -bench HTTPSessions -benchtime 1x
func BenchmarkHTTPSessions(b *testing.B) {
	size := httpBenchSize()
	for b.Loop() {
		vpsbot, bare := startHTTP(b, cannedAPI(b), 1, httpPolicy)
		for _, s := range []*httpServer{vpsbot, bare} {
			s.open(size.sessions / 20)
			few := residentOf(s.cmd.Process.Pid)
			s.open(size.sessions - size.sessions/20)
			many := residentOf(s.cmd.Process.Pid)
			b.ReportMetric(float64(few)/1024, fmt.Sprintf("MB-%s-%d", s.name, size.sessions/20))
			b.ReportMetric(float64(many)/1024, fmt.Sprintf("MB-%s-%d", s.name, size.sessions))
		}
	}
	b.ReportMetric(0, "ns/op")
}

// open opens sessions, 16 at a time.
func (s *httpServer) open(n int) {
	var left atomic.Int64
	left.Store(int64(n))
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				if c, err := s.initialize(s.keys[0]); err != nil || c.session == "" {
					s.Error("no session: ", err)
					return
				}
			}
		})
	}
	all.Wait()
}

// BenchmarkHTTPWaiting makes calls of a change that wait for a person at the same time, and reports what each takes.
//
//	VPSBOT_BENCH=full go test ./cmd/vpsbot -run '^$' -bench HTTPWaiting -benchtime 1x
func BenchmarkHTTPWaiting(b *testing.B) {
	size := httpBenchSize()
	sim := simulator.New(simulator.Options{Servers: size.waiting, Speed: 1e12})
	var servers []int
	sim.Edit(func(w *simulator.World) {
		for id, server := range w.Servers {
			server.Status = "active" // one that is stopped cannot be rebooted
			servers = append(servers, id)
		}
	})
	api := httptest.NewServer(sim)
	b.Cleanup(api.Close)
	for b.Loop() {
		vpsbot, _ := startHTTP(b, api.URL+"/api/v1", size.waiting/openAtOnce, httpPolicy)
		vpsbot.ask(servers[:openAtOnce]) // what the first questions take is not counted
		before := residentOf(vpsbot.cmd.Process.Pid)
		vpsbot.ask(servers[openAtOnce:])
		after := residentOf(vpsbot.cmd.Process.Pid)
		b.ReportMetric(float64(after-before)/float64(len(servers)-openAtOnce), "KB/call")
		b.ReportMetric(float64(after)/1024, "MB")
	}
	b.ReportMetric(0, "ns/op")
}

// openAtOnce are the requests that one person may have open.
const openAtOnce = 5

// ask asks for a change of each server, as many with each key as one person may, and leaves the calls waiting.
func (s *httpServer) ask(servers []int) {
	var all sync.WaitGroup
	for group := range slices.Chunk(servers, openAtOnce) {
		key := s.keys[0]
		s.keys = s.keys[1:]
		all.Go(func() {
			c, err := s.initialize(key)
			for _, server := range group {
				if err == nil {
					err = s.question(c, server)
				}
			}
			if err != nil {
				s.Error(err)
			}
		})
	}
	all.Wait()
	require.False(s, s.Failed())
}

func (s *httpServer) question(c caller, server int) error {
	resp, err := s.post(c, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"servers_reboot","arguments":{"server":%d}}}`, server, server))
	if err != nil {
		return err
	}
	s.Cleanup(func() { resp.Body.Close() })
	line, err := bufio.NewReader(resp.Body).ReadString('\n')
	if !strings.Contains(line, "elicitation/create") {
		return fmt.Errorf("%s asks nothing: %s, %w", s.name, line, err)
	}
	return nil
}
