//go:build unix

package runner_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/testkit/bigstore"
)

// benchSize is few, or full with VPSBOT_BENCH=full.
func benchSize(few, full int) int {
	if os.Getenv("VPSBOT_BENCH") == "full" {
		return full
	}
	return few
}

// BenchmarkChange is a change that needs nobody's consent, from the call to its reply: on a store without a past,
// and in turn with it on one with a past. The simulator's work is counted too.
//
//	VPSBOT_BENCH=full go test ./internal/runner -run '^$' -bench Change -benchtime 300x -timeout 1h
func BenchmarkChange(b *testing.B) {
	for name, fill := range map[string]func(w *world){
		"years": func(w *world) {
			w.fill(bigstore.Size{Ended: benchSize(2000, 1_000_000), Rows: benchSize(20_000, 10_000_000)})
		},
		"10000-in-an-hour": func(w *world) { w.lately(10_000) },
		"10000-untold": func(w *world) {
			w.change(true)
			w.lately(10_000)
		},
		"1000-open": func(w *world) { w.fill(bigstore.Size{Open: 1000}) },
	} {
		b.Run(name, func(b *testing.B) {
			small, big := newBenchWorld(b), newBenchWorld(b)
			fill(big)
			compare(b, small, big, func(w *world) { w.change(false) })
		})
	}
}

// BenchmarkReconcile is a round of an idle process that looks after unfinished work.
func BenchmarkReconcile(b *testing.B) {
	small, big := newBenchWorld(b), newBenchWorld(b)
	big.fill(bigstore.Size{Ended: benchSize(2000, 1_000_000)})
	compare(b, small, big, func(w *world) { require.NoError(w, w.runner.ReconcileOnce(w.Context())) })
}

func newBenchWorld(b *testing.B) *world {
	w := newWorldWith(b, "vps_demo", simulator.Options{})
	w.change(false) // the account is known, and statements are prepared
	w.change(false)
	return w
}

// change makes a change that needs nobody's consent; one that is detached leaves its outcome undelivered.
func (w *world) change(detached bool) {
	w.changes++
	w.clock.Advance(time.Second)
	c := call("servers.update", fmt.Sprintf(`{"server":"12345","name":"web-%d"}`, w.changes%2))
	c.Detached = detached
	reply := w.runner.Run(context.Background(), c)
	require.Equal(w, runner.Done, reply.Outcome, reply.Message)
}

func (w *world) fill(size bigstore.Size) {
	scope, err := w.runner.Scope(w.Context())
	require.NoError(w, err)
	size.Now, size.API, size.Account, size.Actor = w.clock.Now(), scope.API, scope.Account, string(alice)
	w.closed(func() { bigstore.Fill(w, w.url, size) })
}

// closed does something to the store's file while it is closed.
func (w *world) closed(do func()) {
	require.NoError(w, w.store.Close())
	do()
	w.store = w.open()
	w.runner = w.newRunner("process-1", "vps_demo")
	w.change(false)
	w.change(false)
}

// lately has n more changes like the last one end within the last hour.
func (w *world) lately(n int) {
	last, err := w.store.Find(w.Context(), approval.Query{Limit: 1})
	require.NoError(w, err)
	w.closed(func() { bigstore.Multiply(w, w.url, bigstore.Copies{ID: last[0].ID, N: n, Older: time.Hour / 10_000}) })
}

// compare runs a function on both in turn, and reports the median time and CPU time of the big one, and how much that is of
// the small one's.
func compare(b *testing.B, small, big *world, run func(*world)) {
	b.Helper()
	var wall, cpu [2][]time.Duration
	for b.Loop() {
		for i, w := range []*world{small, big} {
			start, used := time.Now(), cpuTime(b)
			run(w)
			wall[i], cpu[i] = append(wall[i], time.Since(start)), append(cpu[i], cpuTime(b)-used)
		}
	}
	median := func(took []time.Duration) float64 {
		slices.Sort(took)
		return float64(took[len(took)/2].Nanoseconds())
	}
	b.ReportMetric(median(wall[1]), "ns/op")
	b.ReportMetric(median(cpu[1]), "cpu-ns/op")
	b.ReportMetric(median(wall[1])/median(wall[0]), "ratio")
	b.ReportMetric(median(cpu[1])/median(cpu[0]), "cpu-ratio")
}

// cpuTime is what this process has used, in user and system mode.
func cpuTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
