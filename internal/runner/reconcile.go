package runner

import (
	"context"
	"sync"
	"time"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/approval"
)

// reconcileEvery is how often a living process looks after what dead ones left.
const reconcileEvery = 5 * time.Second

// lastWriteTime is how long the end of a process may take for what is not recorded yet.
const lastWriteTime = 5 * time.Second

// Reconcile puts the store in order again and again until ctx ends: what nobody answered
// expires, what a dead process was executing becomes unknown, and what is unknown is read
// back, ever more rarely, for this Runner's own account alone. A store or an API that fails is tried again. begin says
// whether there is anything to look after: before it does, no store is opened.
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
		r.Log.Warn("looking after unfinished work", "error", explain(err))
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
		r.retryOutcomes(ctx, store)
	}
}

// ReconcileOnce is one round of [Runner.Reconcile].
func (r *Runner) ReconcileOnce(ctx context.Context) error {
	ctx = r.pin(ctx)
	store, err := r.openStore(ctx)
	if err != nil {
		return err
	}
	r.retryOutcomes(ctx, store)
	if _, err := r.token(ctx, false); err != nil {
		return err // whose records they are is not known
	}
	r.reconcile(ctx, store, func(id string) bool { return r.looks.due(id, r.Now()) })
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

const mostLooks = 1000

func (l *readBackSchedule) due(id string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !now.Before(l.next[id].at) && !now.Before(l.rest)
}

// leave notes that a record was read back, and that the API wants to be left alone for so long.
// The moment from which no sign of a change means that it did not happen is not passed over.
func (l *readBackSchedule) leave(rec approval.Record, now time.Time, rest time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.next == nil || len(l.next) > mostLooks {
		l.next = map[string]readBackTurn{}
	}
	pause := apiclient.NextPause(l.next[rec.ID].pause)
	next, decides := now.Add(pause), rec.ChangedAt.Add(notAppliedFor)
	if now.Before(decides) && next.After(decides) {
		next = decides
	}
	l.next[rec.ID] = readBackTurn{next, pause}
	if rest > 0 {
		l.rest = now.Add(rest)
	}
}
