package tools

import (
	"context"
	"time"
)

// reconcileEvery is how often a living process looks after what dead ones left.
const reconcileEvery = 5 * time.Second

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
}

// ReconcileOnce is one round of [Runner.Reconcile].
func (r *Runner) ReconcileOnce(ctx context.Context) error {
	ctx = r.pin(ctx)
	store, err := r.store(ctx)
	if err != nil {
		return err
	}
	if _, err := r.token(ctx, false); err != nil {
		return err // whose records they are is not known
	}
	r.sweep(ctx, store)
	return nil
}
