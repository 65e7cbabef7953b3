package e2e_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
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

// Each store call of each scenario fails in turn, in four ways. Then the process ends, the store works
// again, and another process runs the scenario to its end.
func TestFigure10EveryStoreCallFails(t *testing.T) {
	t.Parallel()
	stride, seed := testkit.Size(20, 1), testkit.Seed(t) // the small size: every twentieth, from a random first
	first := int(seed % uint64(stride))
	calls, runs := 0, 0
	for _, name := range slices.Sorted(maps.Keys(scenarios)) {
		callCount := runScenario(t, scenarios[name], 0, failBefore)
		calls += callCount
		for nth := 1 + first; nth <= callCount; nth += stride {
			for how := range failureNames {
				t.Run(fmt.Sprintf("%s/%d/%s", name, nth, failureNames[how]), func(t *testing.T) { runScenario(t, scenarios[name], nth, how) })
				runs++
			}
		}
	}
	if t.Failed() {
		return // the figure would claim an unproven result
	}
	testkit.Figure(t, 10, "%d scenarios with %d store calls, %d runs with one failing in one of 4 ways: 0 calls without their row, 0 approvals lost, 0 sent twice (seed %d)",
		len(scenarios), calls, runs, seed)
}

// runScenario runs a scenario with one failing call, then to its end without failures. It returns the
// number of store calls of the first run.
func runScenario(t *testing.T, s scenario, nth int, how failure) int {
	w := newWorld(t, storetest.SQLite(t), simulator.Options{Speed: 60})
	if s.others {
		w.policy = twoDelete()
	}
	checkWrites(w, s.api)
	f := &faultyStore{Store: w.store, nth: nth, how: how}
	p := &scenarioRun{scenario: s, world: w, runner: w.faultyRunner("process-1", f)}
	s.steps(p)
	calls := f.calls
	if nth > 0 {
		require.NotEmpty(t, f.failedCall, "no store call failed")
		t.Logf("failed: %s", f.failedCall)
	}
	f.repair()
	checkReplies(t, p)
	second := &scenarioRun{scenario: s, world: w, runner: w.faultyRunner("process-2", f), asked: p.asked, replies: p.replies, consentCounted: p.consentCounted, denialCounted: p.denialCounted, frozen: p.frozen}
	lock, err := w.store.Hold(t.Context())
	require.NoError(t, err)
	require.NoError(t, lock.Release(), "the end of the first process releases its lock")
	second.finish()
	checkEnd(t, second, how, nth > 0)
	return calls
}

func (w *world) faultyRunner(process string, f *faultyStore) *runner.Runner {
	w.Helper()
	s := w.processConfig(process)
	s.store = f
	r := w.runner(s)
	r.Store = f.open
	return r
}

// finish runs the steps again, as a requester without an outcome does, and runs the reconciler.
func (p *scenarioRun) finish() {
	reconcile := func() { require.NoError(p.world, p.runner.ReconcileOnce(p.world.Context())) }
	reconcile()
	p.steps(p)
	p.world.clock.Advance(61 * time.Second)
	reconcile()
	reconcile()
	p.request()
}

// checkWrites fails the test for a write that arrives without an executing record and its audit row.
func checkWrites(w *world, api simulator.Interceptor) {
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method == http.MethodGet {
			next.ServeHTTP(rw, r)
			return
		}
		log := readLog(w, w.store)
		if log.states()[approval.Executing] != 1 {
			w.Errorf("%s %s arrived without its record: %v", r.Method, r.URL.Path, log.states())
		}
		if missing, extra := log.compareLog(); len(missing)+len(extra) > 0 {
			w.Errorf("%s %s arrived without its row: %v %v", r.Method, r.URL.Path, missing, extra)
		}
		if api != nil {
			api(rw, r, next)
			return
		}
		next.ServeHTTP(rw, r)
	})
}

// checkReplies checks the requester's replies against the requests sent.
func checkReplies(t *testing.T, p *scenarioRun) {
	t.Helper()
	sent := len(p.world.sim.Writes())
	for _, reply := range p.replies {
		require.False(t, sent > 0 && saysNothingSent(reply), "a request was sent: %s", reply.Message)
		require.False(t, sent == 0 && reply.Outcome == runner.Done, "no request was sent: %s", reply.Message)
	}
}

func checkEnd(t *testing.T, p *scenarioRun, how failure, failing bool) {
	t.Helper()
	log := readLog(t, p.world.store)
	log.requireComplete(t)
	sent := len(p.world.sim.Writes())
	require.LessOrEqual(t, sent, 1, "never sent twice")
	for _, rec := range log.records {
		require.NotContains(t, []approval.State{approval.Executing, approval.Unknown, approval.Approved}, rec.State, "%s was left unsettled: %s", rec.ID, rec.Message)
	}
	checkReplies(t, p)
	done := log.states()[approval.Done]
	require.Equal(t, p.changeApplied(), done == 1, "%v", log.states())
	switch {
	case !failing:
		require.Equal(t, map[approval.State]int{p.wantState: 1}, log.states())
		require.Equal(t, p.wantWrites, sent)
	case p.denialCounted:
		require.Zero(t, sent, "a counted denial was ignored")
	case done == 1:
	case p.wantState == approval.Done && how != failAfter && how != failAfterFromNow:
		// A failure before the claim loses no approval; after the claim the attempt may have ended.
		require.True(t, log.anyClaimed() && p.knowsOutcome(log), "an approval was lost: %v", log.states())
	default:
		require.True(t, p.knowsOutcome(log), "the requester got no outcome: %v", log.states())
	}
}

// knowsOutcome reports whether the requester has an outcome, or a question that is still open.
func (p *scenarioRun) knowsOutcome(log logAndRecords) bool {
	return p.hasOutcome() || log.states()[approval.Pending] > 0
}

// changeApplied reports whether the account is as after the change.
func (p *scenarioRun) changeApplied() (changeApplied bool) {
	p.world.sim.Edit(func(w *simulator.World) {
		s := w.Servers[12345]
		changeApplied = s == nil || s.Hostname == "new.example.com"
	})
	return changeApplied
}

// twoDelete is a policy in which a deletion by alice or bob needs the other's approval.
func twoDelete() permissions.Policy {
	both := []permissions.Principal{"alice", "bob"}
	return permissions.Policy{Book: &permissions.Rulebook{
		People: []permissions.Person{{ID: "alice", Identities: []permissions.Actor{alice}}, {ID: "bob", Identities: []permissions.Actor{bob}}},
		Rules: []permissions.Rule{
			{Name: "two delete", Effect: permissions.Allow, Who: both, Approvers: &permissions.Approvers{Count: 1, Who: both}},
		},
	}}
}
