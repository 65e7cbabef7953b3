package runner

import (
	"context"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// Freeze stops every change, by everybody and in every process, until it is lifted.
func (r *Runner) Freeze(ctx context.Context, actor permissions.Actor, from permissions.Surface, reason string) error {
	store, err := r.openStore(ctx)
	if err != nil {
		return err
	}
	f := approval.Freeze{By: string(actor), Reason: text.Clean(r.redact(reason)), At: r.Now()}
	row := r.rowFreeze(actor, from, "freeze")
	row.Reason = f.Reason
	if err := store.Freeze(ctx, f, row); err != nil {
		return &storeError{err}
	}
	return nil
}

// Unfreeze lifts a freeze. Where nothing is frozen it changes nothing.
func (r *Runner) Unfreeze(ctx context.Context, actor permissions.Actor, from permissions.Surface) error {
	store, err := r.openStore(ctx)
	if err != nil {
		return err
	}
	if err := store.Unfreeze(ctx, r.rowFreeze(actor, from, "unfreeze")); err != nil {
		return &storeError{err}
	}
	return nil
}

func (r *Runner) rowFreeze(actor permissions.Actor, from permissions.Surface, what string) audit.Row {
	return audit.Row{At: r.Now(), Actor: string(actor), Surface: string(from), Account: r.AccountName(), Operation: what, Decision: audit.Allowed}
}

// LiftedByPerson is all that a refusal says of how a freeze ends: an assistant reads it too.
const LiftedByPerson = "a person must lift it"

func frozenBy(f approval.Freeze, now time.Time) *tools.Refusal {
	says := "all changes are frozen by " + text.Clean(f.By) + " since " + Since(f.At, now)
	if f.Reason != "" {
		says += ": " + text.Quote(f.Reason)
	}
	return &tools.Refusal{Text: says + "; " + LiftedByPerson}
}
