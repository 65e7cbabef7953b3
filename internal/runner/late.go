package runner

import (
	"context"
	"errors"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
)

// What is recorded later than it happened.

const (
	recordTime  = 30 * time.Second // for writing an outcome down
	recordTries = 6
)

// pendingOutcome is what came of a call, as it is to be written down.
type pendingOutcome struct {
	move approval.Move
	row  audit.Row
}

// recordOutcome records an outcome. Whatever has become of the record meanwhile, the outcome has its row
// in the log when there is no error.
func (r *Runner) recordOutcome(ctx context.Context, store approval.Store, o pendingOutcome) (approval.Record, error) {
	moved, err := store.Move(ctx, o.move, o.row)
	state := (*approval.StateError)(nil)
	switch {
	case !errors.As(err, &state):
		return moved, err
	case o.isIn(state.Record):
		return state.Record, nil // an earlier try was taken, and only its answer was lost
	}
	return settleLate(ctx, store, state.Record, o)
}

// isIn reports whether a record has this outcome, and not one that somebody else found out.
func (o pendingOutcome) isIn(rec approval.Record) bool {
	return rec.State == o.move.To && rec.Message == o.move.Message
}

// settleLate settles a record that somebody took for dead while its call was still under
// way, as after the sleep of a laptop. If it was closed as something else, the log says what
// really became of it.
func settleLate(ctx context.Context, store approval.Store, rec approval.Record, o pendingOutcome) (approval.Record, error) {
	m, row := o.move, o.row
	m.From = []approval.State{approval.Unknown}
	if !approval.Unknown.May(m.To) { // refused, here or by the API: nothing has changed
		m.To = approval.NotApplied
	}
	row.Decision, row.Outcome = audit.Settled, m.To.Outcome()
	moved, err := store.Move(ctx, m, row)
	state := (*approval.StateError)(nil)
	if !errors.As(err, &state) {
		return moved, err
	}
	row.Reason = "The record was closed as " + string(state.Record.State) + " while the call was under way. " + m.Message
	if err := store.Note(ctx, row); err != nil {
		return rec, err
	}
	rec.State, rec.Message, rec.Result = m.To, m.Message, m.Result
	return rec, nil
}

// retryOutcomes tries again to record what the store did not take when it happened.
func (r *Runner) retryOutcomes(ctx context.Context, store approval.Store) {
	r.pendingOutcomes.Range(func(id, late any) bool {
		if _, err := r.recordOutcome(ctx, store, late.(pendingOutcome)); err != nil {
			r.Log.Warn("an outcome still cannot be recorded", "approval", id, "error", err)
			return false
		}
		r.pendingOutcomes.Delete(id)
		return true
	})
}
