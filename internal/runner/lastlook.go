package runner

import (
	"context"
	"errors"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/liveness"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// The last look comes after the last read at VPS.org: only the store is read, and Slack for groups that
// were not read for a minute.

// errClaimLost says that a claim no longer holds: another process has taken the record for dead.
var errClaimLost = errors.New("the claim no longer holds")

// lastLook checks, right before the call, whether all that it rests on still holds: the claim and the
// lock of its holder, no freeze, the token, the asker, the policy, and each consent. It
// returns the record as the store has it, and what the connection asks before the first byte is sent:
// time may pass in between, as for a process that is stopped.
func (a *attempt) lastLook(ctx context.Context, p plan) (*liveness.LastLook, approval.Record, error) {
	defer a.refuseOnPanic(ctx)
	if err := a.checkGrounds(ctx, p); err != nil {
		return nil, a.rec, err
	}
	lock, err := a.store.Hold(ctx)
	if err != nil {
		return nil, a.rec, &storeError{err}
	}
	look := liveness.StartLastLook(lock)
	now, err := a.store.Record(ctx, a.rec.ID)
	if err != nil {
		return nil, a.rec, &tools.Refusal{Text: "the store cannot be asked whether the claim still holds. Ask for it again."}
	}
	switch frozen, err := a.store.Frozen(ctx); {
	case err != nil:
		return nil, a.rec, &tools.Refusal{Text: "the store cannot be asked whether all changes are frozen: " + err.Error() + ". Ask for it again."}
	case frozen != nil:
		return nil, a.rec, &tools.Refusal{Text: "all changes have been frozen meanwhile. Ask for it again."}
	case now.State != approval.Executing || now.Owner != a.rec.Owner || !now.ClaimedAt.Equal(a.rec.ClaimedAt):
		return nil, now, errClaimLost
	case now.Owner != lock.ID():
		return nil, now, &tools.Refusal{Text: "the lock that shows that this process exists was lost meanwhile. Ask for it again."}
	}
	return look, now, nil
}

// checkGrounds checks whether what allowed the change still does: the token, the asker, the policy,
// and each consent.
func (a *attempt) checkGrounds(ctx context.Context, p plan) error {
	if a.Now().Sub(a.rec.ClaimedAt) > freshFor {
		return &tools.Refusal{Text: "the last check took too long. Ask for it again."}
	}
	now := a.request
	if a.Groups != nil && now.call.Surface == permissions.Slack && !now.call.External {
		now.call.Groups = a.Groups(ctx, now.call.Actor)
	}
	d, err := now.authorizeTarget(ctx, p.target)
	switch {
	case err != nil:
		return err
	case d.Others > a.rec.Others || d.Own && !a.rec.Own:
		return &tools.Refusal{Text: "the policy now asks for more consent than was given; ask for it again"}
	case a.tokenChanged(ctx):
		return &tools.Refusal{Text: "the token has been changed meanwhile. Ask for it again."}
	}
	if err := a.ended(ctx, permissions.Actor(a.rec.Actor)); err != nil {
		return err
	}
	return a.stillAgreed(ctx)
}

// tokenChanged reports whether another token is in use than the one that everything was checked with.
func (a *attempt) tokenChanged(ctx context.Context) bool {
	pinned, ok := apiclient.PinnedToken(ctx)
	now, err := a.Token()
	return ok && (err != nil || now != pinned)
}

// ended fails for an identity that counts no more: an access key that was revoked or has expired.
func (r *Runner) ended(ctx context.Context, who permissions.Actor) error {
	if r.Ended == nil {
		return nil
	}
	why, err := r.Ended(ctx, who)
	switch {
	case err != nil:
		return &storeError{err}
	case why != "":
		return &tools.Refusal{Text: text.Clean(string(who)) + " counts no more: " + why}
	}
	return nil
}
