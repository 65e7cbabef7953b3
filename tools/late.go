package tools

import (
	"context"
	"errors"

	"github.com/vpsbot/vpsbot/internal/approval"
)

// What is recorded later than it happened.

// knownAfterAll settles a record that somebody took for dead while its call was still under
// way, as after the sleep of a laptop. If it was closed as something else, the log says what
// really became of it.
func (r *Runner) knownAfterAll(ctx context.Context, store approval.Store, rec approval.Record, m approval.Move, row auditRow) approval.Record {
	m.From = []approval.State{approval.Unknown}
	if m.To == approval.Failed {
		m.To = approval.NotApplied
	}
	row.Decision, row.Outcome = "settled", string(m.To)
	if moved, err := store.Move(ctx, m, row); err == nil {
		return moved
	}
	row.Reason = "The record was closed as " + string(rec.State) + " while the call was under way. " + m.Message
	r.noteOrLog(ctx, row)
	rec.State, rec.Message, rec.Result = m.To, m.Message, m.Result
	return rec
}

// unrecorded is an outcome that the store did not take.
type unrecorded struct {
	move approval.Move
	row  auditRow
}

// recordLate tries again to record what the store did not take when it happened.
func (r *Runner) recordLate(ctx context.Context, store approval.Store, id string) {
	late, ok := r.unrecorded.Load(id)
	if !ok {
		return
	}
	u := late.(unrecorded)
	_, err := store.Move(ctx, u.move, u.row)
	var state *approval.StateError
	switch {
	case errors.As(err, &state) && state.Record.State == approval.Unknown:
		r.knownAfterAll(ctx, store, state.Record, u.move, u.row)
		r.unrecorded.Delete(id)
	case err == nil || state != nil:
		r.unrecorded.Delete(id)
	}
}
