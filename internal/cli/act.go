package cli

import (
	"context"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

// mayAct allows an act to a person at a real terminal, and elsewhere to the access key that the policy gives
// it to. A refusal is a row of the audit log.
func (s *session) mayAct(ctx context.Context, act permissions.Act, target string) error {
	policy := s.Runner.Policy()
	if rule, forbidden := policy.Forbids(permissions.Ask{Actor: s.Actor, Surface: permissions.Terminal}, act); forbidden {
		return s.refuse(ctx, string(act), target, app.Errorf(runner.Refuse, "the policy's rule %q forbids %s to %s", rule, act, s.Actor))
	}
	if s.io.atTerminal() || policy.MayAct(s.Actor, act).Allowed {
		return nil
	}
	return s.refuse(ctx, string(act), target,
		app.Errorf(runner.Waiting, "this is for a person at a terminal, and here is none; nothing was changed"))
}

func (s *session) refuse(ctx context.Context, operation, target string, refusal error) error {
	row := s.auditRow(operation, target)
	row.Decision, row.Reason = audit.Refused, refusal.Error()
	if s.HasStore() {
		s.Runner.NoteOrLog(ctx, row)
	}
	return refusal
}

// auditRow is the row of an act. On a shared database without an access key nothing proves who acts, which
// the row says.
func (s *session) auditRow(operation, target string) audit.Row {
	row := s.Runner.ActRow(s.Actor, permissions.Terminal, operation)
	row.Target = target
	if s.Actor == "" {
		row.Actor = string(app.LocalActor())
		row.Reason = "by somebody who can open the database; the name is what their own machine says"
	}
	return row
}

// confirm asks a person at the terminal for a yes, below a text. Without a terminal the policy has given the
// act to the access key, and nobody is asked.
func (s *session) confirm(ctx context.Context, text, question string) error {
	if !s.io.atTerminal() {
		return nil
	}
	answer, err := s.io.ask(ctx, text, question+" [y/N] ")
	switch {
	case err != nil || answer == "":
		return app.Errorf(runner.Waiting, "no answer was given; nothing was changed")
	case !isYes(answer):
		return app.Errorf(runner.Waiting, "that is not a yes; nothing was changed")
	}
	return s.Authenticate(ctx) // the key may have been revoked while the person read
}
