package tools

import (
	"context"

	"github.com/vpsbot/vpsbot/internal/approval"
)

// RunApproved runs a record that a person agreed to elsewhere, for the asker's side: its
// own token, its own account. It returns the record as it then stands; while that is open
// it must be looked at again.
func (r *Runner) RunApproved(ctx context.Context, call Call, id string) (approval.Record, error) {
	if _, err := r.CarryOut(ctx, call, id); err != nil {
		return approval.Record{}, err
	}
	store, err := r.store(ctx)
	if err != nil {
		return approval.Record{}, err
	}
	return store.Record(context.WithoutCancel(ctx), id)
}

// CarryOut is [Runner.RunApproved] for who wants to follow the work to its end: it waits as the
// call says. What is not approved is left as it is.
func (r *Runner) CarryOut(ctx context.Context, call Call, id string) (Reply, error) {
	ctx = r.pin(ctx)
	store, err := r.store(ctx)
	if err != nil {
		return Reply{}, err
	}
	rec, err := store.Record(ctx, id)
	if err != nil {
		return Reply{}, &storeError{err}
	}
	rec = r.asOfNow(ctx, store, rec)
	if rec.State != approval.Approved {
		return Reply{Record: &rec}, nil
	}
	call.Operation, call.Unheard = rec.Operation, true
	return r.execute(ctx, store, rec, approval.Approved, nil, call.WaitLimit > 0, call), nil
}
