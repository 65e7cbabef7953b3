package e2e_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/store/storetest"
	"github.com/vpsbot/vpsbot/internal/testkit"
	"github.com/vpsbot/vpsbot/permissions"
)

const (
	faultRate         = 0.4
	requesters        = 50
	reconcileInterval = 5 * time.Second // between two rounds of a reconciler, as in the product

	// settleTime is how long a create without a sign of it is looked for before it counts as not applied.
	// A read-back whose every request failed is repeated 30 s later.
	settleTime    = time.Minute
	lateReadBacks = 3 * 30 * time.Second

	createTimeout = 2 * time.Minute // of a requester's attempts, by a real clock
	applyDelay    = 2 * time.Second // of a change that the API applies after the connection was reset
)

// Creates go over real connections to a simulator that fails two in five requests of any kind: the
// connection is reset before or after the request is read; 429; 502 after the change was applied. A
// requester whose create failed repeats it, until the server exists or the outcome is unknown. The
// reconciler's pauses are simulated with the Runner's clock.
func TestFigure3CreatesUnderFaults(t *testing.T) {
	t.Parallel()
	n := testkit.Size(25, 1000)
	random, s := seededRand(t)
	w := newWorld(t, storetest.SQLite(t), simulator.Options{Speed: 60})
	faults := &faultyNetwork{random: random}
	w.sim.Edit(func(world *simulator.World) { world.Credits = 1e9 })
	w.sim.Intercept(faults.handle)
	p := w.processConfig("process-1")
	p.transport, p.url = nil, w.serve(faults.listen)
	core := w.runner(p)

	stop := w.reconcile(p)
	outcomes := createAll(t, core, n)
	stop()
	faults.pendingWrites.Wait() // before the clock is put forward
	unknown := readLog(t, w.store).states()[approval.Unknown]
	applied, notApplied := settleAll(t, w, core)
	faults.stop()

	log := readLog(t, w.store)
	log.requireComplete(t)
	doubled, wrong := compareWithAccount(w, log, n)
	require.Zero(t, doubled, "servers were created twice")
	require.Empty(t, wrong, "records disagree with the account")
	require.Zero(t, log.states()[approval.Unknown]+log.states()[approval.Executing])
	require.LessOrEqual(t, applied, settleTime)
	require.LessOrEqual(t, notApplied, settleTime+lateReadBacks)
	require.Greater(t, faults.total(), n, "there were faults")
	testkit.Figure(t, 3, "%d creates in %d requests with %d faults (%d reset unread, %d reset read, %d reset and applied later, %d 429, %d 502 after the commit): 0 doubled; %d answers lost, %d of them not settled by their caller: those that happened were settled within %s, the others at %s (seed %d)",
		n, faults.requests, faults.total(), faults.drawn[resetUnread], faults.drawn[resetRead], faults.drawn[appliedLate], faults.drawn[throttled], faults.drawn[appliedThen502],
		outcomes[runner.Unknown], unknown, applied.Round(time.Second), notApplied.Round(time.Second), s)
}

// reconcile runs the reconciler of another process, at the product's own pace, until stop is called.
func (w *world) reconcile(s processConfig) (stop func()) {
	w.Helper()
	other := w.processConfig("process-2")
	s.process, s.store, s.sleep = other.process, other.store, nil
	core := w.runner(s)
	ctx, cancel := context.WithCancel(w.Context())
	var ended sync.WaitGroup
	ended.Go(func() { core.Reconcile(ctx, func() bool { return true }) })
	return func() { cancel(); ended.Wait() }
}

// createAll requests n servers, each until it exists or its outcome is unknown.
func createAll(t *testing.T, core *runner.Runner, n int) map[runner.Outcome]int {
	t.Helper()
	var mu sync.Mutex
	outcomes := map[runner.Outcome]int{}
	testkit.Concurrently(requesters, func(requester int) {
		actor := permissions.Local(fmt.Sprint("asker-", requester))
		for i := requester; i < n; i += requesters {
			outcome := createOne(t, core, actor, i)
			mu.Lock()
			outcomes[outcome]++
			mu.Unlock()
		}
	})
	return outcomes
}

func createOne(t *testing.T, core *runner.Runner, actor permissions.Actor, i int) runner.Outcome {
	c := call(actor, "servers.create", `{"name":"new-%d","plan_id":"1","os_id":"5","location":"us-west"}`, i)
	for until := time.Now().Add(createTimeout); time.Now().Before(until); time.Sleep(time.Millisecond) { // the client holds calls back for a while after many faults
		reply := core.Run(context.Background(), c)
		if reply.Outcome == runner.ApprovalRequired {
			reply = core.Answer(context.Background(), c, yes(reply.Record))
		}
		switch reply.Outcome {
		case runner.Done:
			return reply.Outcome
		case runner.Unknown:
			if again := core.Run(context.Background(), c); reply.Record != nil && again.Outcome == runner.ApprovalRequired && reply.Record.State == approval.Unknown {
				t.Errorf("new-%d: a repeated request of an unknown outcome asked for a new approval", i)
			}
			return reply.Outcome
		}
	}
	t.Errorf("new-%d was never created", i)
	return ""
}

// settleAll runs the reconciler until no outcome is unknown. It returns the longest times to settle a
// create that was applied, and one that was not.
func settleAll(t *testing.T, w *world, core *runner.Runner) (applied, notApplied time.Duration) {
	t.Helper()
	unknownSince := map[string]time.Time{}
	w.clock.Stop()
	for range int((settleTime+lateReadBacks)/reconcileInterval) + 1 {
		_ = core.ReconcileOnce(t.Context()) // a round whose reads fail is repeated by the next
		open, err := w.store.Find(t.Context(), approval.Query{States: []approval.State{approval.Unknown}})
		require.NoError(t, err)
		for _, rec := range open {
			unknownSince[rec.ID] = rec.ChangedAt
		}
		if len(open) == 0 {
			break
		}
		w.clock.Advance(reconcileInterval)
	}
	for id, rec := range readLog(t, w.store).records {
		began, ok := unknownSince[id]
		switch took := rec.ChangedAt.Sub(began); {
		case !ok:
		case rec.State == approval.Done:
			applied = max(applied, took)
		default:
			notApplied = max(notApplied, took)
		}
	}
	return applied, notApplied
}

// compareWithAccount counts the names of which more than one server exists, and lists the names whose
// records disagree with the account.
func compareWithAccount(w *world, log logAndRecords, n int) (doubled int, wrong []string) {
	done := map[string]int{}
	for _, rec := range log.records {
		if rec.State == approval.Done {
			done[rec.TargetName]++
		}
	}
	present := map[string]int{}
	w.sim.Edit(func(world *simulator.World) {
		for _, s := range world.Servers {
			present[s.Name]++
		}
	})
	for i := range n {
		name := fmt.Sprint("new-", i)
		if present[name] > 1 {
			doubled++
		}
		if present[name] != done[name] {
			wrong = append(wrong, fmt.Sprintf("%s: %d exist, %d are done: %s", name, present[name], done[name], log.logOf(name)))
		}
	}
	return doubled, wrong
}

// fault is how a request fails.
type fault int

const (
	noFault fault = iota
	resetUnread
	resetRead
	appliedLate // reset, and the change is applied later
	throttled
	appliedThen502 // 502 after the change
	faultKinds
)

// faultyNetwork fails requests, on the connection or in the handler.
type faultyNetwork struct {
	mu            sync.Mutex
	random        *rand.Rand
	stopped       bool
	requests      int
	drawn         [faultKinds]int
	pendingWrites sync.WaitGroup
}

// draw draws the fault of a request.
func (f *faultyNetwork) draw() fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests++
	if f.stopped || f.random.Float64() >= faultRate {
		return noFault
	}
	drawn := fault(1 + f.random.IntN(int(faultKinds)-1))
	f.drawn[drawn]++
	return drawn
}

func (f *faultyNetwork) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped = true
}

func (f *faultyNetwork) total() (sum int) {
	for _, n := range f.drawn {
		sum += n
	}
	return sum
}

// handle applies the fault that was drawn when the request began.
func (f *faultyNetwork) handle(w http.ResponseWriter, r *http.Request, next http.Handler) {
	switch takeFault(r) {
	case resetRead:
		hijackAndReset(w)
	case appliedLate:
		hijackAndReset(w)
		f.pendingWrites.Go(func() {
			time.Sleep(applyDelay)
			next.ServeHTTP(discardResponse{http.Header{}}, r)
		})
	case throttled:
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusTooManyRequests)
	case appliedThen502:
		applyThen502(w, r, next)
	default:
		next.ServeHTTP(w, r)
	}
}

// hijackAndReset resets the connection of a request.
func hijackAndReset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	reset(conn)
}

func reset(conn net.Conn) {
	if broken, ok := conn.(*faultyConn); ok {
		conn = broken.Conn
	}
	_ = conn.(*net.TCPConn).SetLinger(0) // so that closing is a reset
	_ = conn.Close()
}
