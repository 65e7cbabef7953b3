package runner

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
)

// reconcileEvery is how often a process settles records that dead ones left.
const reconcileEvery = 5 * time.Second

// lastWriteTime is how long a process, as it ends, may take to record pending outcomes.
const lastWriteTime = 5 * time.Second

// Reconcile settles open records until ctx ends: a question that nobody answered
// expires, a record that a dead process was executing becomes unknown, and an unknown one is read
// back, ever more rarely, for this Runner's own account only. A store or an API that fails is tried again. No store
// is opened before begin returns true.
func (r *Runner) Reconcile(ctx context.Context, begin func() bool) {
	for pause := reconcileEvery; ctx.Err() == nil; r.pause(ctx, pause) {
		if !begin() {
			continue
		}
		err := r.ReconcileOnce(ctx)
		if err == nil || ctx.Err() != nil {
			pause = reconcileEvery
			continue
		}
		r.Log.Warn("looking after unfinished work", "error", Explain(err))
		pause = max(apiclient.NextPause(pause), apiclient.RetryAfter(err))
	}
	r.flushOutcomes(ctx)
}

// flushOutcomes tries once more, as the process ends, to record what the store did not take.
func (r *Runner) flushOutcomes(ctx context.Context) {
	left := false
	r.pendingOutcomes.Range(func(any, any) bool { left = true; return false })
	if !left {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWriteTime)
	defer cancel()
	if store, err := r.openStore(ctx); err == nil {
		reconciler{r, store}.retryOutcomes(ctx)
	}
}

// ReconcileOnce is one round of [Runner.Reconcile].
func (r *Runner) ReconcileOnce(ctx context.Context) error {
	ctx = r.pin(ctx)
	store, err := r.openStore(ctx)
	if err != nil {
		return err
	}
	reconciler{r, store}.retryOutcomes(ctx)
	if _, err := r.token(ctx, false); err != nil {
		return err // whose records they are is not known
	}
	reconciler{r, store}.reconcile(ctx, func(id string) bool { return r.schedule.due(id, r.Now()) })
	return nil
}

// readBackSchedule remembers when each unknown record was read back, so that what stays unknown is read
// ever more rarely, and an API that asks for rest gets it. Its zero value is ready to use.
type readBackSchedule struct {
	mu   sync.Mutex
	rest time.Time // until when nothing is read back
	next map[string]readBackTurn
}

type readBackTurn struct {
	at    time.Time
	pause time.Duration // before it
}

const mostScheduled = 1000

func (s *readBackSchedule) due(id string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !now.Before(s.next[id].at) && !now.Before(s.rest)
}

// delay schedules the next read-back of a record; the API may have asked for a rest before any other.
// The moment from which no sign of a change means that it did not happen is never skipped.
func (s *readBackSchedule) delay(rec approval.Record, now time.Time, rest time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == nil || len(s.next) > mostScheduled {
		s.next = map[string]readBackTurn{}
	}
	pause := apiclient.NextPause(s.next[rec.ID].pause)
	next, decides := now.Add(pause), rec.ChangedAt.Add(notAppliedFor)
	if now.Before(decides) && next.After(decides) {
		next = decides
	}
	s.next[rec.ID] = readBackTurn{next, pause}
	if rest > 0 {
		s.rest = now.Add(rest)
	}
}

const (
	recordTime  = 30 * time.Second // for recording an outcome
	recordTries = 6
)

type pendingOutcome struct {
	move approval.Move
	row  audit.Row
}

// recordOutcome records an outcome. Whatever has become of the record meanwhile, the outcome has its row
// in the log when there is no error.
func (r reconciler) recordOutcome(ctx context.Context, o pendingOutcome) (approval.Record, error) {
	moved, err := r.store.Move(ctx, o.move, o.row)
	state := (*approval.StateError)(nil)
	switch {
	case errors.Is(err, approval.ErrNotFound): // it was closed by somebody else, and pruned since
		return approval.Record{ID: o.move.ID, State: o.move.To, Message: o.move.Message, Result: o.move.Result}, r.store.Note(ctx, o.row)
	case !errors.As(err, &state):
		return moved, err
	case state.Record.State == o.move.To && state.Record.Message == o.move.Message:
		return state.Record, nil // an earlier try was taken, and only its answer was lost
	}
	return settleLate(ctx, r.store, state.Record, o)
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
func (r reconciler) retryOutcomes(ctx context.Context) {
	r.pendingOutcomes.Range(func(id, late any) bool {
		if _, err := r.recordOutcome(ctx, late.(pendingOutcome)); err != nil {
			r.Log.Warn("an outcome still cannot be recorded", "approval", id, "error", err)
			return false
		}
		r.pendingOutcomes.Delete(id)
		return true
	})
}
