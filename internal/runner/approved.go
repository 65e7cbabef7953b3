package runner

import (
	"context"

	"github.com/vpsbot/vpsbot/internal/approval"
)

// RunApproved runs a record that a person agreed to elsewhere, for the asker's side: its
// own token, its own account. It returns the record as it then stands; while that is open
// it must be looked at again.
func (r *Runner) RunApproved(ctx context.Context, call Call, id string) (approval.Record, error) {
	ctx = r.pin(ctx)
	store, err := r.store(ctx)
	if err != nil {
		return approval.Record{}, err
	}
	rec, err := store.Record(ctx, id)
	if err != nil {
		return rec, &storeError{err}
	}
	rec = r.asOfNow(ctx, store, rec)
	if rec.State != approval.Approved {
		return rec, nil
	}
	call.Operation, call.Unheard = rec.Operation, true
	r.execute(ctx, store, rec, approval.Approved, nil, false, call)
	return store.Record(context.WithoutCancel(ctx), id)
}
