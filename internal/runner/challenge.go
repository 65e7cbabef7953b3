package runner

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/tools"
)

// MinAnswerDelay is how soon after a question an answer cannot have come from a person.
const MinAnswerDelay = 700 * time.Millisecond

// IssueChallenge notes that the question of a record is about to be put to a session, and returns
// the nonce that the answer must bring back. The store keeps its hash alone.
func (r *Runner) IssueChallenge(ctx context.Context, rec approval.Record, session string) (nonce string, err error) {
	nonce = randomID(r.Random)
	return nonce, onStore(ctx, r, func(s approval.Store) error {
		return s.IssueChallenge(ctx, approval.Challenge{Hash: hashOfNonce(nonce), Approval: rec.ID, Session: session, AskedAt: r.Now(), ExpiresAt: rec.ExpiresAt})
	})
}

// ErrNotAsked is the error of [Runner.ConsumeChallenge] for an answer to nothing.
var ErrNotAsked = &tools.Refusal{Text: "this answer belongs to no open question: it was never asked here, was answered before, or came too late; nothing was sent"}

// ConsumeChallenge uses up the question that an answer belongs to, and returns the id of its record. ErrNotAsked: it was
// never given to this session, was used, or is too old. automatic reports that the answer came faster
// than a person can read.
func (r *Runner) ConsumeChallenge(ctx context.Context, nonce, session string) (approvalID string, automatic bool, err error) {
	came := r.Now() // a slow store makes no person of a program
	store, err := r.openStore(ctx)
	if err != nil {
		return "", false, err
	}
	f, err := store.ConsumeChallenge(ctx, hashOfNonce(nonce), session, came)
	if errors.Is(err, approval.ErrNotFound) {
		return "", false, ErrNotAsked
	}
	if err != nil {
		return "", false, &storeError{err}
	}
	return f.Approval, came.Sub(f.AskedAt) < MinAnswerDelay, nil
}

func hashOfNonce(nonce string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(nonce))) }

// RefuseAnswer makes the reply to an answer that does not count, and records it. op is nil where it belongs to no call.
func (r *Runner) RefuseAnswer(ctx context.Context, op *tools.Op, call Call, err error) Reply {
	named := op
	if op == nil {
		named = &tools.Op{Meta: tools.Meta{Name: "approvals.answer"}}
	}
	request{Runner: r, call: call, op: named}.noteRefusal(ctx, err)
	return fail(op, err)
}

var errOtherCall = &tools.Refusal{Text: "the answer belongs to another call than this one; nothing was sent"}

// AnswerMatches checks that an answer which came with a call is for that very call: the same
// operation with the same input, names and ids of one server being the same. It changes
// nothing. It returns the record, and whether the call wants to wait for the work to settle.
func (r *Runner) AnswerMatches(ctx context.Context, call Call, approvalID string) (rec approval.Record, wait bool, err error) {
	a, err := r.asked(ctx, call, approvalID)
	rec = a.rec
	switch {
	case err != nil:
		return rec, false, err
	case a.op.Name != call.Operation:
		return rec, false, errOtherCall
	}
	in, err := r.accept(a.op, call.Input)
	switch {
	case err != nil:
		return rec, false, &tools.InputError{Text: err.Error()}
	case in.DryRun:
		return rec, false, &tools.Refusal{Text: "a dry run asks nobody, so no answer belongs to it; nothing was sent"}
	}
	if hash := fingerprint(in.Canonical()); hash == rec.AskedHash || hash == rec.ArgsHash {
		return rec, in.Wait, nil
	}
	resolved, _, err := request{Runner: r, call: call, op: a.op, in: in}.resolve(ctx, false)
	if err != nil {
		return rec, false, err
	}
	if fingerprint(resolved.in.Canonical()) != rec.ArgsHash {
		return rec, false, errOtherCall
	}
	return rec, in.Wait, nil
}

// Standing replies with how a record stands by now, for a call that waited for its answer
// and got none: it may have been answered elsewhere, or have expired.
func (r *Runner) Standing(ctx context.Context, call Call, approvalID string) Reply {
	a, err := r.asked(ctx, call, approvalID)
	if err != nil {
		return fail(a.op, err)
	}
	a.rec = a.reconciler().asOfNow(ctx, a.rec)
	if a.rec.State.Waits() {
		return replyFor(a.op, a.rec, a.Now())
	}
	return a.joinRunning(ctx)
}

// ErrUnreadable is for [Runner.RefuseAnswer]: the client's answer cannot be read.
var ErrUnreadable = errors.New("the answer cannot be read, so it does not count; nothing was sent. Ask again to see the question anew")
