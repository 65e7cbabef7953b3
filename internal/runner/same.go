package runner

import (
	"context"
	"errors"

	"github.com/vpsbot/vpsbot/internal/approval"
)

var errOtherCall = &refusal{"the answer belongs to another call than this one; nothing was sent"}

// Same checks that an answer which came with a call is for that very call: the same
// operation with the same input, names and ids of one server being the same. It changes
// nothing. It returns the record, and whether the call wants to wait for the work to settle.
func (r *Runner) Same(ctx context.Context, call Call, approvalID string) (rec approval.Record, wait bool, err error) {
	_, rec, op, err := r.asked(ctx, call.Actor, approvalID)
	switch {
	case err != nil:
		return rec, false, err
	case op.Name != call.Operation:
		return rec, false, errOtherCall
	}
	in, err := r.accept(op, call.Input)
	switch {
	case err != nil:
		return rec, false, &inputError{err.Error()}
	case in.DryRun:
		return rec, false, &refusal{"a dry run asks nobody, so no answer belongs to it; nothing was sent"}
	}
	if hash := hashOf(in.Canonical()); hash == rec.AskedHash || hash == rec.ArgsHash {
		return rec, in.Wait, nil
	}
	resolved, _, err := r.resolve(ctx, op, in, call)
	if err != nil {
		return rec, false, err
	}
	if hashOf(resolved.Canonical()) != rec.ArgsHash {
		return rec, false, errOtherCall
	}
	return rec, in.Wait, nil
}

// Standing replies with how a record stands by now, for a call that waited for its answer
// and heard nothing: it may have been answered elsewhere, or have expired.
func (r *Runner) Standing(ctx context.Context, call Call, approvalID string) Reply {
	store, rec, op, err := r.asked(ctx, call.Actor, approvalID)
	if err != nil {
		return failAnswer(op, err)
	}
	rec = r.asOfNow(ctx, store, rec)
	if rec.State.Waits() {
		return replyFor(op, rec)
	}
	return r.joinRunning(ctx, store, op, rec, call)
}

// ErrUnreadable is for [Runner.RefuseAnswer]: what came back is not an answer.
var ErrUnreadable = errors.New("the answer cannot be read, so it does not count; nothing was sent. Ask again to see the question anew")
