package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// limitsFor returns the budgets that a claim of a record uses up.
func (r *Runner) limitsFor(rec approval.Record) []approval.Limit {
	var limits []approval.Limit
	for _, b := range r.Policy().Budgets() {
		if b.Counts(rec.Operation, permissions.Risk(rec.Risk)) && !(b.NotByHand && rec.Interactive) {
			limits = append(limits, limitOf(b, rec))
		}
	}
	return limits
}

// Room says why no budget has room now for what a record asks; "" if there is room. It is asked
// before the question is put to a person; only the claim decides.
func (r *Runner) Room(ctx context.Context, rec approval.Record) string {
	store, err := r.openStore(ctx)
	if err != nil {
		return "" // the claim will say so
	}
	if no := refusalOf(store.Room(ctx, rec, r.limitsFor(rec), r.Now()), r.Now()); no != nil {
		return no.Text
	}
	return ""
}

func limitOf(b permissions.Budget, rec approval.Record) approval.Limit {
	l := approval.Limit{Name: b.Name, Most: b.Most, Within: b.Within}
	if b.PerActor {
		l.Person, l.Risk = rec.Person, rec.Risk
	} else {
		l.Suffix = ".delete"
	}
	return l
}

// refusalOf makes a sentence of what a store refuses; nil for an error of the store itself.
func refusalOf(err error, now time.Time) *tools.Refusal {
	var (
		limit  *approval.LimitError
		frozen *approval.FrozenError
		paused *approval.PausedError
		reused *approval.RequestError
	)
	switch {
	case errors.As(err, &frozen):
		return frozenBy(frozen.Freeze, now)
	case errors.As(err, &limit) && limit.Limit.Within == 0:
		return &tools.Refusal{Text: fmt.Sprintf("that would be more than the %d %s allowed at a time; there is room again once one is answered, or at %s",
			limit.Limit.Most, limit.Limit.Name, At(limit.Until))}
	case errors.As(err, &limit):
		return &tools.Refusal{Text: fmt.Sprintf("that would be more than the %d %s allowed in %s; there is room again at %s",
			limit.Limit.Most, limit.Limit.Name, text.Duration(limit.Limit.Within), At(limit.Until))}
	case errors.As(err, &paused):
		return &tools.Refusal{Text: fmt.Sprintf("a person said no to this very request (approval %s); it can be asked again at %s", paused.Record.ID, At(paused.Until))}
	case errors.As(err, &reused):
		return &tools.Refusal{Text: "this request id was used for another request within 24 hours; use a new one"}
	}
	return nil
}

// At says when something is, for a sentence. The day is there today, too: a sentence is kept and read
// later, and Slack makes a moment in the reader's own time zone of it.
func At(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// Since is At for what has happened: by a clock that was wrong it may seem to be still to come.
func Since(t, now time.Time) string {
	if t.After(now) {
		t = now
	}
	return At(t)
}

// Freeze stops every change, by everybody and in every process, until it is lifted.
func (r *Runner) Freeze(ctx context.Context, actor permissions.Actor, from permissions.Surface, reason string) error {
	return onStore(ctx, r, func(s approval.Store) error {
		row := r.ActRow(actor, from, "freeze")
		row.Reason = text.Clean(r.redact(reason))
		return s.Freeze(ctx, approval.Freeze{By: row.Actor, Reason: row.Reason, At: row.At}, row)
	})
}

// Unfreeze lifts a freeze. Where nothing is frozen it changes nothing.
func (r *Runner) Unfreeze(ctx context.Context, actor permissions.Actor, from permissions.Surface) error {
	return onStore(ctx, r, func(s approval.Store) error { return s.Unfreeze(ctx, r.ActRow(actor, from, "unfreeze")) })
}

// ActRow makes the audit row of an act that is no operation.
func (r *Runner) ActRow(actor permissions.Actor, from permissions.Surface, what string) audit.Row {
	return audit.Row{At: r.Now(), Actor: string(actor), Surface: string(from), Account: r.AccountName(), Token: InProfile("", r.Profile), Operation: what, Decision: audit.Allowed}
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
