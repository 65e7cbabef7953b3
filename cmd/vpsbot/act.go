package main

import (
	"context"
	"fmt"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

// mayAct lets a person at a real terminal do an act, and elsewhere only the bearer of an access key
// that the policy gives it to. A refusal is a row of the log.
func (a *app) mayAct(ctx context.Context, p *parts, act permissions.Act, target string) error {
	policy := p.runner.Policy()
	if rule, forbidden := policy.Forbids(permissions.Ask{Actor: p.actor, Surface: permissions.Terminal}, act); forbidden {
		why := fmt.Sprintf("the policy's rule %q forbids %s to %s", rule, act, p.actor)
		return a.refuseAct(ctx, p, act, target, runner.Refuse, why)
	}
	if a.io.atTerminal() || policy.MayAct(p.actor, act).Allowed {
		return nil
	}
	return a.refuseAct(ctx, p, act, target, runner.Waiting, "this is for a person at a terminal, and here is none; nothing was changed")
}

func (a *app) refuseAct(ctx context.Context, p *parts, act permissions.Act, target string, class runner.Class, why string) error {
	row := a.rowAct(p, string(act), target)
	row.Decision, row.Reason = audit.Refused, why
	if p.hasStore() {
		if err := p.note(ctx, row); err != nil {
			p.runner.Log.Error("a refusal could not be recorded", "act", act, "error", err)
		}
	}
	return fail(class, "%s", why)
}

func (p *parts) note(ctx context.Context, row audit.Row) error {
	db, err := p.store.get(ctx)
	if err != nil {
		return err
	}
	return db.Note(ctx, row)
}

// rowAct is the row of an act. On a shared database without a key nothing proves who does it, and
// the row says so.
func (a *app) rowAct(p *parts, operation, target string) audit.Row {
	row := audit.Row{
		At: p.now(), Actor: string(p.actor), Surface: string(permissions.Terminal), Account: p.runner.AccountName(), Operation: operation, Target: target, Decision: audit.Allowed,
	}
	if p.actor == "" {
		row.Actor = string(localActor())
		row.Reason = "by somebody who can open the database; the name is what their own machine says"
	}
	return row
}

// sure asks a person at the terminal for a yes, below a text. Where there is none, who came this far
// was given the act by the policy.
func (a *app) sure(ctx context.Context, text, question string) error {
	if !a.io.atTerminal() {
		return nil
	}
	answer, err := a.io.ask(ctx, text, question+" [y/N] ")
	switch {
	case err != nil || answer == "":
		return fail(runner.Waiting, "no answer was given; nothing was changed")
	case !isYes(answer):
		return fail(runner.Waiting, "that is not a yes; nothing was changed")
	}
	return nil
}
