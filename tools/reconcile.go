package tools

import (
	"context"
	"time"
)

// reconcileEvery is how often a living process looks after what dead ones left.
const reconcileEvery = 5 * time.Second

// lastWriteTime is how long the end of a process may take for what is not recorded yet.
const lastWriteTime = 5 * time.Second

// Reconcile puts the store in order again and again until ctx ends: what nobody answered
// expires, what a dead process was executing becomes unknown, and what is unknown is read
// back, for this Runner's own account alone. A store or an API that fails is tried again. begin says
// whether there is anything to look after: before it does, no store is opened.
func (r *Runner) Reconcile(ctx context.Context, begin func() bool) {
	for ctx.Err() == nil {
		if begin() {
			if err := r.ReconcileOnce(ctx); err != nil && ctx.Err() == nil {
				r.Log.Warn("looking after unfinished work", "error", explain(err))
			}
		}
		r.pause(ctx, reconcileEvery)
	}
	r.lastWrite(ctx)
}

// lastWrite tries once more, as the process ends, to record what the store did not take.
func (r *Runner) lastWrite(ctx context.Context) {
	left := false
	r.unrecorded.Range(func(any, any) bool { left = true; return false })
	if !left {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWriteTime)
	defer cancel()
	if store, err := r.store(ctx); err == nil {
		r.recordLate(ctx, store)
	}
}

// ReconcileOnce is one round of [Runner.Reconcile].
func (r *Runner) ReconcileOnce(ctx context.Context) error {
	ctx = r.pin(ctx)
	store, err := r.store(ctx)
	if err != nil {
		return err
	}
	r.recordLate(ctx, store)
	if _, err := r.token(ctx, false); err != nil {
		return err // whose records they are is not known
	}
	r.sweep(ctx, store)
	return nil
}
