//go:build unix

package main

import (
	"crypto/rand"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/fakeslack"
	"github.com/vpsbot/vpsbot/internal/testkit/bigstore"
)

// growth is how far BenchmarkGrowth goes: as far as a check in passing may, or to years.
var growth = struct {
	approvals, rows int
	idle            time.Duration
	commands        int // of each kind, on each store
}{2_000, 20_000, 300 * time.Millisecond, 3}

// growthAPI is the same for every run: a store that is kept for the next one has records of this API.
const growthAPI = "127.0.0.1:47823"

// BenchmarkGrowth runs whole programs on a store with an hour's past and on one of years, in turn, and reports the
// CPU time that each takes (system and user, of the simulated API as well) and the ratio. An idle serve is
// measured once it is ready. VPSBOT_BENCH_STORE names a folder in which the big store is kept for the next run.
//
//	VPSBOT_BENCH=full go test ./cmd/vpsbot -run '^$' -bench Growth -benchtime 1x -timeout 1h
func BenchmarkGrowth(b *testing.B) {
	if os.Getenv("VPSBOT_BENCH") == "full" {
		growth.approvals, growth.rows, growth.idle, growth.commands = 1_000_000, 10_000_000, 10*time.Second, 9
	}
	small, big := growthSandbox(b, 60, 1_200), growthSandbox(b, growth.approvals, growth.rows) // a list is full in both
	serveGrowthAPI(b, small.sim)
	for _, args := range [][]string{{"approvals", "list"}, {"audit", "list"}, {"doctor"}} {
		b.Run(args[0], func(b *testing.B) {
			compare(b, growth.commands, func(s *sandbox) time.Duration {
				before := cpu(b)
				out, errs, code := s.run(b.Context(), args...)
				require.Zero(b, code, out+errs)
				return cpu(b) - before
			}, small, big)
		})
	}
	b.Run("serve", func(b *testing.B) {
		compare(b, 5, func(s *sandbox) time.Duration { return idleServe(b, s) }, small, big) // one alone is up to a half off
	})
}

// compare reports the median of what a run takes on the small store and on the big one.
func compare(b *testing.B, runs int, run func(*sandbox) time.Duration, small, big *sandbox) {
	var took [2][]time.Duration
	for b.Loop() {
		for range runs {
			took[0], took[1] = append(took[0], run(small)), append(took[1], run(big))
		}
	}
	var median [2]float64
	for i, all := range took {
		slices.Sort(all)
		median[i] = float64(all[len(all)/2].Microseconds()) / 1000
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median[0], "ms-small")
	b.ReportMetric(median[1], "ms-big")
	b.ReportMetric(median[1]/median[0], "big/small")
}

// serveGrowthAPI serves the API of both sandboxes.
func serveGrowthAPI(b *testing.B, api http.Handler) {
	listener, err := new(net.ListenConfig).Listen(b.Context(), "tcp", growthAPI)
	require.NoError(b, err)
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: api}}
	server.Start()
	b.Cleanup(server.Close)
}

// idleServe returns the CPU time of a second of a serve that has nothing to do.
func idleServe(b *testing.B, s *sandbox) time.Duration {
	s = &sandbox{sim: s.sim, env: maps.Clone(s.env)}
	s.pointTo(fakeslack.New(b, fakeslack.Options{}), false)
	s.env["VPSBOT_LISTEN"] = "127.0.0.1:0"
	process := s.startServe(b)
	process.waitReady()
	time.Sleep(growth.idle / 3)
	before := cpu(b)
	time.Sleep(growth.idle)
	took := cpu(b) - before
	require.Zero(b, process.stop())
	return time.Duration(float64(took) / growth.idle.Seconds())
}

// cpu is the CPU time that this process has used.
func cpu(b *testing.B) time.Duration {
	var used syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// growthSandbox has a store with so many approvals that have ended and so many rows of the audit log, signed.
func growthSandbox(b *testing.B, approvals, rows int) *sandbox {
	s := newSandbox(b)
	s.env["VPS_API_URL"] = "http://" + growthAPI + "/api/v1"
	folder := b.TempDir()
	if kept := os.Getenv("VPSBOT_BENCH_STORE"); kept != "" && approvals > 0 {
		folder = kept
	}
	s.env["XDG_STATE_HOME"] = filepath.Join(folder, fmt.Sprintf("%d-%d", approvals, rows))
	path := filepath.Join(s.env["XDG_STATE_HOME"], "vpsbot", "vpsbot.db")
	if _, err := os.Stat(path); err != nil {
		fillGrowth(b, path, bigstore.Size{
			Ended: approvals, Rows: rows, Now: time.Now(), API: s.env["VPS_API_URL"], Account: "john@example.com", Actor: "local:alice",
		})
	}
	return s
}

// fillGrowth fills a store, and gives it its name once it is whole.
func fillGrowth(b *testing.B, path string, size bigstore.Size) {
	private, err := audit.NewKey(rand.Reader)
	require.NoError(b, err)
	size.Key, err = audit.ParseKey(private)
	require.NoError(b, err)
	require.NoError(b, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(b, os.WriteFile(filepath.Join(filepath.Dir(path), "audit.key"), []byte(private), 0o600))
	partial := path + ".part"
	require.NoError(b, os.RemoveAll(partial))
	bigstore.Fill(b, "sqlite:"+partial, size)
	require.NoError(b, os.Rename(partial, path))
}
