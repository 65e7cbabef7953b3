package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/testkit"
	"github.com/vpsbot/vpsbot/permissions"
)

// Many people have a reboot of the same server approved, and three processes run the approved records
// concurrently. A run that finds the server busy is repeated until each record is done.
func TestFigure4OneChangeOfAServerAtATime(t *testing.T) {
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) { testOneAtATime(t, name, engine(t), testkit.Size(30, 2000)) })
	}
}

func testOneAtATime(t *testing.T, engine, url string, n int) {
	// At this speed a rebooted server is active again at the next read.
	w := newWorld(t, url, simulator.Options{Speed: 1e12})
	running := watchReboots(w)
	runners := w.replicas(t, url, 3)
	ids := approvedReboots(t, runners, n)

	var busy atomic.Int64
	queue := make(chan int, n)
	run := func(i int) {
		rec, err := runners[i%3].RunApproved(t.Context(), reboot(i), ids[i])
		switch {
		case err != nil:
			t.Error(err)
		case rec.State == approval.Approved:
			busy.Add(1)
			queue <- i
		case rec.State != approval.Done:
			t.Errorf("%s: %s", rec.State, rec.Message)
		}
	}
	testkit.Concurrently(n, run)
	firstTry := int64(n) - busy.Load()
	for len(queue) > 0 {
		testkit.Concurrently(3, func(int) {
			for {
				select {
				case i := <-queue:
					run(i)
					time.Sleep(time.Millisecond) // lets the other workers run first
				default:
					return
				}
			}
		})
	}

	log := readLog(t, w.store)
	log.requireComplete(t)
	require.Equal(t, map[approval.State]int{approval.Done: n}, log.states())
	require.EqualValues(t, n, running.all.Load(), "each was sent once")
	require.EqualValues(t, 1, running.most.Load(), "concurrent calls")
	require.Equal(t, 1, log.maxExecuting(), "records executing concurrently, by the order of the log")
	testkit.Figure(t, 4, "%s: %d approved changes of one server by 3 processes at once: never two executing, %d run by the first try, %d times busy, all done in the end, each sent once",
		engine, n, firstTry, busy.Load())
}

// concurrencyGauge counts concurrent calls: now, at most, and in all.
type concurrencyGauge struct{ now, most, all atomic.Int64 }

func (g *concurrencyGauge) track(do func()) {
	now := g.now.Add(1)
	defer g.now.Add(-1)
	g.all.Add(1)
	for most := g.most.Load(); now > most && !g.most.CompareAndSwap(most, now); most = g.most.Load() {
	}
	do()
}

func watchReboots(w *world) *concurrencyGauge {
	g := &concurrencyGauge{}
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method == http.MethodGet {
			next.ServeHTTP(rw, r)
			return
		}
		g.track(func() {
			time.Sleep(time.Millisecond) // so that another process can interleave
			next.ServeHTTP(rw, r)
		})
	})
	return g
}

// replicas are processes with a store each on one database.
func (w *world) replicas(t *testing.T, url string, n int) []*runner.Runner {
	t.Helper()
	runners := make([]*runner.Runner, n)
	for i := range runners {
		s := w.processConfig(fmt.Sprint("process-", i))
		s.store = open(t, url)
		runners[i] = w.runner(s)
	}
	return runners
}

// reboot is the call of the ith person.
func reboot(i int) runner.Call {
	return call(permissions.Local(fmt.Sprint("person-", i)), "servers.reboot", `{"server":"web-server-01"}`)
}

// approvedReboots requests n reboots and approves each from a terminal.
func approvedReboots(t *testing.T, runners []*runner.Runner, n int) []string {
	t.Helper()
	ids := make([]string, n)
	testkit.Concurrently(6, func(worker int) {
		for i := worker; i < n; i += 6 {
			c, r := reboot(i), runners[i%3]
			asked := r.Run(context.Background(), c)
			if asked.Record == nil {
				t.Error(asked.Message)
				return
			}
			ids[i] = asked.Record.ID
			if _, err := r.Decide(context.Background(), c.Actor, runner.Answer{Approval: ids[i], Channel: permissions.Terminal, Yes: true}, ""); err != nil {
				t.Error(err)
			}
		}
	})
	return ids
}
