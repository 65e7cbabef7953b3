package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

func freezeCommand(c *cli) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "freeze", Short: "Stop every change, by everybody", Long: helpText("freeze"), Args: noArgs,
		RunE: c.run(required, func(ctx context.Context, s *session, _ []string) error { return s.freeze(ctx, reason) }),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "the reason, a `TEXT` shown to everybody who is refused")
	return c.withOutput(cmd, false)
}

func (s *session) freeze(ctx context.Context, reason string) error {
	if err := s.mayFreeze(ctx, "freeze"); err != nil {
		return err
	}
	if err := s.Runner.Freeze(ctx, s.Actor, permissions.Terminal, reason); err != nil {
		return err
	}
	next := " A person must lift it." // a machine is not told how
	if s.io.atTerminal() {
		next = " vpsbot unfreeze lifts it."
	}
	return s.print(result{value: frozen(true), text: "All changes are frozen." + next})
}

func unfreezeCommand(c *cli) *cobra.Command {
	return c.withOutput(&cobra.Command{
		Use: "unfreeze", Short: "Lift a freeze", Args: noArgs,
		Long: "Lets changes run again that vpsbot freeze has stopped. What was refused meanwhile must be asked for\nanew; what was approved meanwhile can run. It asks first, at a terminal.",
		RunE: c.run(required, func(ctx context.Context, s *session, _ []string) error { return s.unfreeze(ctx) }),
	}, false)
}

func frozen(yes bool) map[string]bool { return map[string]bool{"frozen": yes} }

func (s *session) unfreeze(ctx context.Context) error {
	if !s.Runner.Policy().MayAct(s.Actor, permissions.LiftFreeze).Allowed {
		if err := s.mayFreeze(ctx, "unfreeze"); err != nil {
			return err
		}
	}
	if err := s.mayAct(ctx, permissions.LiftFreeze, ""); err != nil {
		return err
	}
	notice, err := s.FreezeNotice(ctx)
	switch {
	case err != nil:
		return err
	case notice == "":
		return s.print(result{value: frozen(false), text: "Nothing was frozen."})
	}
	if err := s.confirm(ctx, strings.ToUpper(notice[:1])+notice[1:]+".", "Lift it, so that changes can run again?"); err != nil {
		return err
	}
	if err := s.Runner.Unfreeze(ctx, s.Actor, permissions.Terminal); err != nil {
		return err
	}
	return s.print(result{value: frozen(false), text: "Changes can run again."})
}

// mayFreeze refuses an actor that the policy file lets run nothing destructive at a terminal. The rest of the
// policy does not count: an environment that is read-only, or has few operations, can still stop changes.
func (s *session) mayFreeze(ctx context.Context, what string) error {
	policy := permissions.Policy{Book: s.Runner.Policy().Book}
	for _, op := range s.Catalogue.Operations() {
		ask := permissions.Ask{Actor: s.Actor, Surface: permissions.Terminal, Operation: op.Name, Risk: op.Risk}
		if op.Risk == permissions.Destructive && policy.Decide(ask).Allowed {
			return nil
		}
	}
	if _, err := s.Store.Open(ctx); err != nil { // the refusal is recorded also in a database that it makes
		return err
	}
	next := map[string]string{"freeze": "in an emergency stop vpsbot serve, or "}[what] + "ask somebody whom it lets"
	return s.refuse(ctx, what, "",
		app.Errorf(runner.Refuse, "%s is only for those whom the policy lets run something destructive at a terminal, and it lets %s run nothing of the kind; %s", what, s.Actor, next))
}
