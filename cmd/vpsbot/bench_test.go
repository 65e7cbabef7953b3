package main

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
)

// measured is a program that the benchmarks start, with what was measured of it.
type measured struct {
	name string
	args []string // of a run, the path of the program first
	took []time.Duration
	cpu  []time.Duration
	mb   float64 // resident at the end, of the last run
}

// benchPrograms builds vpsbot as it is released, and a bare server on mcp-go with one tool and one GET. Both read
// the API at url.
func benchPrograms(b *testing.B, url string) (vpsbot, bare *measured) {
	dir := b.TempDir()
	b.Setenv("VPS_API_URL", url)
	b.Setenv("VPS_API_TOKEN", "vps_demo")
	b.Setenv("XDG_STATE_HOME", filepath.Join(dir, "state"))
	path := func(name, source string) string {
		build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(dir, name), source)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		out, err := build.CombinedOutput()
		require.NoError(b, err, string(out))
		return filepath.Join(dir, name)
	}
	return &measured{name: "vpsbot", args: []string{path("vpsbot", "."), "mcp"}},
		&measured{name: "mcp-go", args: []string{path("bare", "../../internal/mcpserver/testdata/bare")}}
}

// cannedAPI answers each path with the simulator's first answer, as an API that costs nothing itself.
func cannedAPI(b *testing.B) string {
	api := httptest.NewServer(cannedHandler())
	b.Cleanup(api.Close)
	return api.URL + "/api/v1"
}

func cannedHandler() http.Handler {
	var mu sync.Mutex
	answers, sim := map[string][]byte{}, simulator.New(simulator.Options{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		answer, known := answers[r.URL.Path]
		if !known {
			recorder := httptest.NewRecorder()
			sim.ServeHTTP(recorder, r)
			answer = recorder.Body.Bytes()
			answers[r.URL.Path] = answer
		}
		mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
	})
}

// median returns the middle one, in milliseconds.
func median(all []time.Duration) float64 {
	slices.Sort(all)
	return float64(all[len(all)/2].Microseconds()) / 1000
}

// BenchmarkStart starts "vpsbot mcp" as an editor does, and the bare server, in turn: to the answer of initialize,
// and to the list of tools. It reports the medians, the CPU time of a whole run, and what is resident then.
//
//	go test ./cmd/vpsbot -run '^$' -bench Start -benchtime 40x
func BenchmarkStart(b *testing.B) {
	vpsbot, bare := benchPrograms(b, cannedAPI(b))
	for b.Loop() {
		for _, p := range []*measured{vpsbot, bare} {
			s := startMCP(b, p)
			s.request(`"tools/list"`)
			s.stop()
		}
	}
	b.ReportMetric(0, "ns/op")
	for _, p := range []*measured{vpsbot, bare} {
		b.ReportMetric(median(p.took), "ms-"+p.name)
		b.ReportMetric(median(p.cpu), "ms-cpu-"+p.name)
		b.ReportMetric(p.mb, "MB-"+p.name)
	}
	b.ReportMetric(median(vpsbot.took)/median(bare.took), "x-start")
	b.ReportMetric(median(vpsbot.cpu)/median(bare.cpu), "x-cpu")
}

// BenchmarkCalls calls servers_get over stdio, 16 at a time, each call a GET of its own, and the bare server in turn. It
// reports the CPU time of a call without that of the start, the calls a second, and what is resident afterwards.
//
//	VPSBOT_BENCH=full go test ./cmd/vpsbot -run '^$' -bench Calls -benchtime 3x
func BenchmarkCalls(b *testing.B) {
	calls := 500
	if os.Getenv("VPSBOT_BENCH") == "full" {
		calls = 10_000
	}
	vpsbot, bare := benchPrograms(b, cannedAPI(b))
	rate := map[string][]time.Duration{}
	start := map[string]time.Duration{}
	for b.Loop() {
		for _, p := range []*measured{vpsbot, bare} {
			startMCP(b, p).stop()
			start[p.name] = p.cpu[len(p.cpu)-1]
			s := startMCP(b, p)
			rate[p.name] = append(rate[p.name], s.calls(calls, 16))
			s.stop()
			p.cpu[len(p.cpu)-1] -= start[p.name]
			p.cpu = slices.Delete(p.cpu, len(p.cpu)-2, len(p.cpu)-1)
		}
	}
	b.ReportMetric(0, "ns/op")
	for _, p := range []*measured{vpsbot, bare} {
		b.ReportMetric(median(p.cpu)/float64(calls)*1000, "us-cpu-"+p.name)
		b.ReportMetric(float64(calls)/median(rate[p.name])*1000, "calls/s-"+p.name)
		b.ReportMetric(p.mb, "MB-"+p.name)
	}
	b.ReportMetric(median(vpsbot.cpu)/median(bare.cpu), "x-cpu")
	b.ReportMetric(median(rate[bare.name])/median(rate[vpsbot.name]), "x-calls/s")
}

// BenchmarkCommand runs "vpsbot run servers.list" and the same GET by curl, in turn.
//
//	go test ./cmd/vpsbot -run '^$' -bench Command -benchtime 40x
func BenchmarkCommand(b *testing.B) {
	path, err := exec.LookPath("curl")
	if err != nil {
		b.Skip("there is no curl here to compare with")
	}
	url := cannedAPI(b)
	vpsbot, _ := benchPrograms(b, url)
	vpsbot.args = []string{vpsbot.args[0], "run", "servers.list"}
	curl := &measured{name: "curl", args: []string{path, "-s", "-H", "Authorization: Bearer vps_demo", url + "/servers/"}}
	for b.Loop() {
		for _, p := range []*measured{vpsbot, curl} {
			cmd := exec.Command(p.args[0], p.args[1:]...)
			began := time.Now()
			out, err := cmd.Output()
			p.took = append(p.took, time.Since(began))
			p.cpu = append(p.cpu, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
			require.NoError(b, err)
			require.Contains(b, string(out), "web-server-01")
		}
	}
	b.ReportMetric(0, "ns/op")
	for _, p := range []*measured{vpsbot, curl} {
		b.ReportMetric(median(p.took), "ms-"+p.name)
		b.ReportMetric(median(p.cpu), "ms-cpu-"+p.name)
	}
	b.ReportMetric(median(vpsbot.took)/median(curl.took), "x-curl")
}

// started is an MCP server that answered to initialize.
type started struct {
	*testing.B
	program *measured
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	next    int
}

func startMCP(b *testing.B, p *measured) *started {
	cmd := exec.Command(p.args[0], p.args[1:]...)
	in, err := cmd.StdinPipe()
	require.NoError(b, err)
	out, err := cmd.StdoutPipe()
	require.NoError(b, err)
	s := &started{B: b, program: p, cmd: cmd, in: in, out: bufio.NewReaderSize(out, 1<<16)}
	began := time.Now()
	require.NoError(b, cmd.Start())
	s.request(`"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"b","version":"1"}}`)
	p.took = append(p.took, time.Since(began))
	return s
}

// send writes a request, and returns nothing of its answer.
func (s *started) send(method string) {
	s.next++
	_, err := fmt.Fprintf(s.in, `{"jsonrpc":"2.0","id":%d,"method":%s}`+"\n", s.next, method)
	require.NoError(s, err)
}

func (s *started) receive() []byte {
	line, err := s.out.ReadBytes('\n')
	require.NoError(s, err)
	return line
}

func (s *started) request(method string) []byte {
	s.send(method)
	return s.receive()
}

// calls makes so many calls of the tool, with so many in flight, and returns how long they took.
func (s *started) calls(n, inFlight int) time.Duration {
	const call = `"tools/call","params":{"name":"servers_get","arguments":{"server":12345}}`
	require.Contains(s, string(s.request(call)), "web-server-01")
	began := time.Now()
	for i := range n + inFlight {
		if i >= inFlight {
			require.True(s, bytes.Contains(s.receive(), []byte("web-server-01")))
		}
		if i < n {
			s.send(call)
		}
	}
	return time.Since(began)
}

// stop ends the input, and notes what the process took in all and had resident before.
func (s *started) stop() {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid)) // Linux alone
	var kb int
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	_, _ = fmt.Sscan(after, &kb)
	s.program.mb = cmp.Or(float64(kb)/1024, s.program.mb)
	require.NoError(s, s.in.Close())
	require.NoError(s, s.cmd.Wait())
	s.program.cpu = append(s.program.cpu, s.cmd.ProcessState.UserTime()+s.cmd.ProcessState.SystemTime())
}
