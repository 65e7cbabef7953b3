package mcpserver

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

// BenchmarkRead compares a GET made directly with the same GET made through tools/call over real pipes. All
// figures, those of allocations too, include the API and the client, which are in the same process: what a tool adds is
// the difference. BenchmarkCalls of cmd/vpsbot compares whole processes.
//
//	go test ./internal/mcpserver -run '^$' -bench Read -benchtime 3s
func BenchmarkRead(b *testing.B) {
	for name, answer := range map[string]func(testing.TB) http.Handler{
		"simulator": func(testing.TB) http.Handler { return simulator.New(simulator.Options{}) },
		"canned":    canned,
	} {
		var arrived atomic.Int64
		api := httptest.NewServer(counted(&arrived, answer(b)))
		b.Cleanup(api.Close)
		for _, inFlight := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s/direct-%d", name, inFlight), func(b *testing.B) {
				c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}
				measure(b, inFlight, func() error { return get(c, api.URL+"/api/v1/servers/12345/") })
			})
			b.Run(fmt.Sprintf("%s/runner-%d", name, inFlight), func(b *testing.B) {
				r := benchRunner(b, api.URL)
				measure(b, inFlight, func() error {
					r.Run(b.Context(), runnerCall("servers.get", `{"server":12345}`))
					return nil
				})
			})
			b.Run(fmt.Sprintf("%s/tool-%d", name, inFlight), func(b *testing.B) {
				p := newPiped(b, benchRunner(b, api.URL))
				arrived.Store(0)
				measure(b, inFlight, p.get)
				require.GreaterOrEqual(b, arrived.Load(), int64(b.N), "each call is a GET of its own")
			})
		}
	}
}

func counted(n *atomic.Int64, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		next.ServeHTTP(w, r)
	})
}

// canned answers two paths with recorded answers of the simulator.
func canned(t testing.TB) http.Handler {
	sim := simulator.New(simulator.Options{})
	answers := map[string][]byte{}
	for _, path := range []string{"/api/v1/account/me/", "/api/v1/servers/12345/"} {
		rw, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Authorization", "Bearer vps_demo")
		sim.ServeHTTP(rw, r)
		require.Equal(t, http.StatusOK, rw.Code)
		answers[path] = rw.Body.Bytes()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answers[r.URL.Path])
	})
}

func get(c *http.Client, url string) error {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer vps_demo")
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

func benchRunner(b *testing.B, url string) *runner.Runner {
	source := func() (string, error) { return "vps_demo", nil }
	c, err := apiclient.New(apiclient.Options{BaseURL: url + "/api/v1", Token: source})
	require.NoError(b, err)
	return &runner.Runner{Client: c, API: url, Token: source, Policy: func() permissions.Policy { return permissions.Policy{} }, Process: "b", Now: time.Now, Log: slog.New(slog.DiscardHandler)}
}

// measure runs work b.N times, inFlight at a time, and reports the median and the rate.
func measure(b *testing.B, inFlight int, work func() error) {
	require.NoError(b, work())
	var left atomic.Int64
	left.Store(int64(b.N))
	took := make([][]time.Duration, inFlight)
	var (
		all           sync.WaitGroup
		before, after runtime.MemStats
	)
	runtime.ReadMemStats(&before)
	b.ResetTimer()
	for i := range inFlight {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				began := time.Now()
				if err := work(); err != nil {
					b.Error(err)
					return
				}
				took[i] = append(took[i], time.Since(began))
			}
		})
	}
	all.Wait()
	b.StopTimer()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(b.N), "allocs")
	sorted := slices.Sorted(slices.Values(slices.Concat(took...)))
	b.ReportMetric(float64(sorted[len(sorted)/2].Microseconds()), "median-µs")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}

// piped is a minimal client on the two pipes of a process.
type piped struct {
	mu      sync.Mutex
	out     *os.File
	next    int
	pending map[int]chan bool
}

func newPiped(b *testing.B, r *runner.Runner) *piped {
	in, out, err := os.Pipe()
	require.NoError(b, err)
	back, answers, err := os.Pipe()
	require.NoError(b, err)
	s := &Server{Runner: r, Version: "1", Log: r.Log}
	served := make(chan error, 1)
	go func() {
		served <- s.ServeStdio(context.WithoutCancel(b.Context()), alice, in, answers)
		answers.Close()
	}()
	p := &piped{out: out, pending: map[int]chan bool{}}
	go p.listen(back)
	b.Cleanup(func() {
		out.Close()
		require.NoError(b, <-served)
	})
	return p
}

func (p *piped) listen(r io.Reader) {
	lines := bufio.NewReaderSize(r, 1<<16)
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return
		}
		_, after, _ := bytes.Cut(line, []byte(`"id":`))
		end := bytes.IndexAny(after, ",}")
		id, _ := strconv.Atoi(string(after[:end]))
		p.mu.Lock()
		answer := p.pending[id]
		delete(p.pending, id)
		p.mu.Unlock()
		if answer != nil {
			answer <- bytes.Contains(line, []byte("web-server-01")) && !bytes.Contains(line, []byte("isError"))
		}
	}
}

func (p *piped) get() error {
	answer := make(chan bool, 1)
	p.mu.Lock()
	p.next++
	p.pending[p.next] = answer
	_, err := fmt.Fprintf(p.out, `{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"servers_get","arguments":{"server":12345}}}`+"\n", p.next)
	p.mu.Unlock()
	if err == nil && !<-answer {
		err = fmt.Errorf("the tool did not answer with the server")
	}
	return err
}
