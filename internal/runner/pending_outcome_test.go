package runner_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
)

// timed notes how much time a move was given.
type timed struct {
	approval.Store
	given map[approval.State]time.Duration
}

func (s timed) Move(ctx context.Context, m approval.Move, row audit.Row) (approval.Record, error) {
	if end, limited := ctx.Deadline(); limited {
		s.given[m.To] = time.Until(end)
	}
	return s.Store.Move(ctx, m, row)
}

// However much of its time a call used up, its outcome is written in a time of its own.
func TestOutcomeIsRecordedWithinItsOwnTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	store := timed{w.store, map[approval.State]time.Duration{}}
	w.runner.Store = func(context.Context) (approval.Store, error) { return store, nil }
	ctx, cancel := context.WithCancel(t.Context())
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(rw, r)
		if r.Method == http.MethodPost {
			cancel() // nobody waits any more
		}
	})
	w.runner.Run(ctx, call("backups.create", `{"server":"web-server-01"}`))
	require.InDelta(t, 30*time.Second, store.given[approval.Done], float64(5*time.Second), "not what is left of the call's own")
}

// Rows returns the reasons of the rows about a record that have an outcome.
func (w *world) outcomes(id string) (reasons []string) {
	w.Helper()
	for row, err := range w.store.Rows(w.Context(), audit.Filter{Approval: id}) {
		require.NoError(w, err)
		if row.Outcome != "" {
			reasons = append(reasons, string(row.Outcome)+": "+row.Reason)
		}
	}
	return reasons
}

// unrecorded deletes a server whose outcome the store does not take, until it is mended.
func (w *world) unrecorded() (broken *failing, id string) {
	w.Helper()
	broken = w.failingStore()
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		broken.always = broken.always || r.Method == http.MethodDelete
		next.ServeHTTP(rw, r)
	})
	reply := w.agree("servers.delete", `{"server":"web-server-01"}`)
	require.Contains(w, reply.Message, "could not be recorded")
	require.Equal(w, approval.Executing, w.onRecord(reply.Record.ID).State)
	return broken, reply.Record.ID
}

// What really happened stands in the log, whatever others have made of the record meanwhile.
func TestPendingOutcomeHasItsAuditRow(t *testing.T) {
	t.Parallel()
	for _, closed := range []approval.State{approval.Unknown, approval.Done, approval.NotApplied, approval.NeedsHuman} {
		t.Run(string(closed), func(t *testing.T) {
			w := newWorld(t)
			broken, id := w.unrecorded()

			// Somebody else takes this process for dead.
			m := approval.Move{ID: id, From: []approval.State{approval.Executing}, To: approval.Unknown, At: w.clock.Now(), Message: "gone"}
			_, err := w.store.Move(t.Context(), m, audit.Row{At: m.At, Actor: "x", Operation: "servers.delete", Approval: id, Decision: "settled", Outcome: m.To.Outcome()})
			require.NoError(t, err)
			if closed != approval.Unknown {
				m.From, m.To = []approval.State{approval.Unknown}, closed
				_, err = w.store.Move(t.Context(), m, audit.Row{At: m.At, Actor: "x", Operation: "servers.delete", Approval: id, Decision: "settled", Outcome: m.To.Outcome()})
				require.NoError(t, err)
			}

			require.NoError(t, w.runner.ReconcileOnce(t.Context())) // the store is still broken
			before := len(w.outcomes(id))
			broken.always = false
			require.NoError(t, w.runner.ReconcileOnce(t.Context()))
			require.NoError(t, w.runner.ReconcileOnce(t.Context()), "and only once")
			after := w.outcomes(id)
			require.Len(t, after, before+1)
			require.Contains(t, after[before], "done: ")
			require.Contains(t, after[before], "Deleted web-server-01.")
			if closed == approval.Unknown {
				require.Equal(t, approval.Done, w.onRecord(id).State)
			} else {
				require.Contains(t, after[before], "was closed as "+string(closed)+" while the call was under way")
			}
		})
	}
}

// pruned has no record any more.
type pruned struct{ approval.Store }

func (pruned) Move(context.Context, approval.Move, audit.Row) (approval.Record, error) {
	return approval.Record{}, approval.ErrNotFound
}

// An outcome whose record was pruned, while a machine slept for months, has its row too.
func TestPendingOutcomeOfAPrunedRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, id := w.unrecorded()
	w.runner.Store = func(context.Context) (approval.Store, error) { return pruned{w.store}, nil }
	before := len(w.outcomes(id))
	require.NoError(t, w.runner.ReconcileOnce(t.Context()))
	require.NoError(t, w.runner.ReconcileOnce(t.Context()), "and only once")
	after := w.outcomes(id)
	require.Len(t, after, before+1)
	require.Contains(t, after[before], "done: ")
}

// The next change tries once more, and so does a process that ends.
func TestPendingOutcomeIsRecordedLater(t *testing.T) {
	t.Parallel()
	for _, next := range []func(*world){
		func(w *world) { w.run("backups.create", `{"server":"db-server-01"}`) },
		func(w *world) {
			ended, cancel := context.WithCancel(w.Context())
			cancel()
			w.runner.Reconcile(ended, func() bool { return true })
		},
	} {
		w := newWorld(t)
		broken, id := w.unrecorded()
		broken.always = false
		next(w)
		require.Equal(t, approval.Done, w.onRecord(id).State)
	}
}
