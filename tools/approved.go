package tools

import (
	"context"

	"github.com/vpsbot/vpsbot/internal/approval"
)

// RunApproved runs a record that a person agreed to elsewhere, for the asker's side: its
// own token, its own account. It returns the record as it stands, and whether it is still
// open, so that it must be looked at again.
func (r *Runner) RunApproved(ctx context.Context, call Call, id string) (rec approval.Record, open bool, err error) {
	store, err := r.store(ctx)
	if err != nil {
		return rec, true, err
	}
	rec, err = store.Record(ctx, id)
	if err != nil {
		return rec, true, &storeError{err}
	}
	waits := rec.State == approval.Pending || rec.State == approval.Approved
	switch {
	case waits && !r.Now().Before(rec.ExpiresAt):
		rec = r.expire(ctx, store, rec)
	case rec.State == approval.Approved:
		call.Operation, call.Unheard = rec.Operation, true
		r.execute(ctx, store, rec, approval.Approved, nil, false, call)
		rec, err = store.Record(context.WithoutCancel(ctx), id)
	}
	return rec, rec.State.IsOpen(), err
}
