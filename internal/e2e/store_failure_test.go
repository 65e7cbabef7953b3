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

// Each call of the store fails in turn, in four ways, through whole stories. Afterwards the
// process ends, the store is back, and another process tells the story again.
func TestFigure10EveryStoreCallFails(t *testing.T) {
	t.Parallel()
	stride, drawn := testkit.Size(20, 1), testkit.Seed(t) // every twentieth in every run, others each time
	first := int(drawn % uint64(stride))
	calls, tellings := 0, 0
	for _, name := range slices.Sorted(maps.Keys(scenarios)) {
		whole := tell(t, scenarios[name], 0, refused)
		calls += whole
		for nth := 1 + first; nth <= whole; nth += stride {
			for how := range failures {
				t.Run(fmt.Sprintf("%s/%d/%s", name, nth, failures[how]), func(t *testing.T) { tell(t, scenarios[name], nth, how) })
				tellings++
			}
		}
	}
	if t.Failed() {
		return // the line would claim what was not so
	}
	testkit.Figure(t, 10, "%d scenarios with %d store calls, %d tellings with one failing in one of 4 ways: 0 calls without their row, 0 approvals lost, 0 sent twice (seed %d)",
		len(scenarios), calls, tellings, drawn)
}

// tell tells a scenario with one failing call, and then to its end without. It returns how
// many calls of the store the first telling made.
func tell(t *testing.T, s scenario, nth int, how failure) int {
	w := newWorld(t, storetest.SQLite(t), simulator.Options{Speed: 60})
	if s.others {
		w.policy = twoDelete()
	}
	guardWrites(w, s.api)
	f := &faulty{Store: w.store, nth: nth, how: how}
	p := &play{scenario: s, world: w, runner: w.faultyRunner("process-1", f)}
	s.play(p)
	calls := f.calls
	if nth > 0 {
		require.NotEmpty(t, f.failed, "nothing failed")
		t.Logf("failed: %s", f.failed)
	}
	f.heal()
	checkHeard(t, p)
	again := &play{scenario: s, world: w, runner: w.faultyRunner("process-2", f), asked: p.asked, heard: p.heard, agreed: p.agreed, denied: p.denied, frozen: p.frozen}
	lock, err := w.store.Hold(t.Context())
	require.NoError(t, err)
	require.NoError(t, lock.Release(), "as the death of the first process does")
	again.end()
	checkEnd(t, again, how, nth > 0)
	return calls
}

func (w *world) faultyRunner(process string, f *faulty) *runner.Runner {
	w.Helper()
	s := w.side(process)
	s.store = f
	r := w.runner(s)
	r.Store = f.open
	return r
}

// end tells the story again, as the asker who does not know its end would, and lets the
// reconciler do its work.
func (p *play) end() {
	reconcile := func() { require.NoError(p.world, p.runner.ReconcileOnce(p.world.Context())) }
	reconcile()
	p.play(p)
	p.world.clock.Advance(61 * time.Second)
	reconcile()
	reconcile()
	p.ask()
}

// guardWrites fails the test for a write that arrives while the store has no record of it
// executing, with its row.
func guardWrites(w *world, api simulator.Interceptor) {
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method == http.MethodGet {
			next.ServeHTTP(rw, r)
			return
		}
		l := readLedger(w, w.store)
		if l.states()[approval.Executing] != 1 {
			w.Errorf("%s %s arrived without its record: %v", r.Method, r.URL.Path, l.states())
		}
		if lost, extra := l.balance(); len(lost)+len(extra) > 0 {
			w.Errorf("%s %s arrived without its row: %v %v", r.Method, r.URL.Path, lost, extra)
		}
		if api != nil {
			api(rw, r, next)
			return
		}
		next.ServeHTTP(rw, r)
	})
}

// checkHeard holds what the asker was told against what was sent.
func checkHeard(t *testing.T, p *play) {
	t.Helper()
	sent := len(p.world.sim.Writes())
	for _, reply := range p.heard {
		require.False(t, sent > 0 && isNothingSent(reply), "it was sent: %s", reply.Message)
		require.False(t, sent == 0 && reply.Outcome == runner.Done, "it was not sent: %s", reply.Message)
	}
}

func checkEnd(t *testing.T, p *play, how failure, failing bool) {
	t.Helper()
	l := readLedger(t, p.world.store)
	l.requireBalanced(t)
	sent := len(p.world.sim.Writes())
	require.LessOrEqual(t, sent, 1, "never sent twice")
	for _, rec := range l.records {
		require.NotContains(t, []approval.State{approval.Executing, approval.Unknown, approval.Approved}, rec.State, "%s is left over: %s", rec.ID, rec.Message)
	}
	checkHeard(t, p)
	done := l.states()[approval.Done]
	require.Equal(t, p.happened(), done == 1, "%v", l.states())
	switch {
	case !failing:
		require.Equal(t, map[approval.State]int{p.ends: 1}, l.states())
		require.Equal(t, p.sends, sent)
	case p.denied:
		require.Zero(t, sent, "a no that counted was not heeded")
	case done == 1:
	case p.ends == approval.Done && how != unanswered && how != cutOff:
		// Before its claim nothing costs an approval; after it the attempt may be over.
		require.True(t, l.claimed() && p.told(l), "an approval was lost: %v", l.states())
	default:
		require.True(t, p.told(l), "the asker heard of no end: %v", l.states())
	}
}

// told reports whether the asker knows how a record ended, or still has a question to answer.
func (p *play) told(l ledger) bool {
	return p.settled() || l.states()[approval.Pending] > 0
}

// happened reports whether the world is as after the change.
func (p *play) happened() (happened bool) {
	p.world.sim.Edit(func(w *simulator.World) {
		s := w.Server(12345)
		happened = s == nil || s.Hostname == "new.example.com"
	})
	return happened
}

// twoDelete is a policy in which alice and bob delete together.
func twoDelete() permissions.Policy {
	both := []permissions.Principal{"alice", "bob"}
	return permissions.Policy{Book: &permissions.Rulebook{
		People: []permissions.Person{{ID: "alice", Identities: []permissions.Actor{alice}}, {ID: "bob", Identities: []permissions.Actor{bob}}},
		Rules: []permissions.Rule{
			{Name: "two delete", Effect: permissions.Allow, Who: both, Approvers: &permissions.Approvers{Count: 1, Who: both}},
		},
	}}
}
