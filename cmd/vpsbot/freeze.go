package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

const freezeHelp = `Stops every change, by everybody and in every process that uses this database, until
vpsbot unfreeze lifts it. What has been sent is not taken back; reads go on. Anything may freeze,
also a script; to lift it takes a person at a terminal, or an access key that the policy gives
freeze.lift. Where a policy is in force, freezing is for who may run something destructive at a
terminal.`

func (a *app) freezeCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "freeze", Short: "Stop every change, by everybody", Long: freezeHelp, Args: noArgs,
		Example: "  vpsbot freeze --reason 'the assistant behaves strangely'",
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.freeze(cmd.Context(), reason) },
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for whoever is refused")
	return cmd
}

func (a *app) freeze(ctx context.Context, reason string) error {
	p, err := a.operating(ctx)
	if err != nil {
		return err
	}
	defer p.store.close() //nolint:errcheck // what was written is committed
	if err := a.mayStop(ctx, p, "freeze"); err != nil {
		return err
	}
	if err := p.runner.Freeze(ctx, p.actor, permissions.Terminal, reason); err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.io.Out, "All changes are frozen."+a.liftedBy())
	return err
}

// liftedBy says how a freeze ends, to a person. A machine is told that it takes one.
func (a *app) liftedBy() string {
	if a.io.atTerminal() {
		return " vpsbot unfreeze lifts it."
	}
	return " A person must lift it."
}

func (a *app) unfreezeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "unfreeze", Short: "Lift a freeze", Args: noArgs,
		Long: "Lets changes run again that vpsbot freeze has stopped. What was refused meanwhile must be asked for\nanew; what was approved meanwhile can run. It asks first, at a terminal.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.unfreeze(cmd.Context()) },
	}
}

func (a *app) unfreeze(ctx context.Context) error {
	p, err := a.operating(ctx)
	if err != nil {
		return err
	}
	defer p.store.close() //nolint:errcheck // what was written is committed
	given := p.runner.Policy().MayAct(p.actor, permissions.LiftFreeze).Allowed
	if !given {
		if err := a.mayStop(ctx, p, "unfreeze"); err != nil {
			return err
		}
	}
	if err := a.mayAct(ctx, p, permissions.LiftFreeze, ""); err != nil {
		return err
	}
	db, err := p.store.get(ctx)
	if err != nil {
		return err
	}
	says, err := frozen(ctx, db, p.now())
	switch {
	case err != nil:
		return err
	case says == "":
		_, err = fmt.Fprintln(a.io.Out, "Nothing was frozen.")
		return err
	}
	if err := a.sure(ctx, strings.ToUpper(says[:1])+says[1:]+".", "Lift it, so that changes can run again?"); err != nil {
		return err
	}
	if err := p.identify(ctx); err != nil { // a key may have ended while the person read
		return err
	}
	if err := p.runner.Unfreeze(ctx, p.actor, permissions.Terminal); err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.io.Out, "Changes can run again.")
	return err
}

// mayStop refuses who may neither freeze nor unfreeze. A refusal is a row of the log as well.
func (a *app) mayStop(ctx context.Context, p *parts, what string) error {
	if p.mayFreeze() {
		return nil
	}
	db, err := p.store.get(ctx)
	if err != nil {
		return err
	}
	no := fmt.Sprintf("%s is for who may run something destructive at a terminal, and the policy lets %s run nothing of the kind", what, p.actor)
	row := audit.Row{At: p.now(), Actor: string(p.actor), Surface: string(permissions.Terminal), Account: p.runner.AccountName(), Operation: what, Decision: audit.Refused, Reason: no}
	if err := db.Note(ctx, row); err != nil {
		return err
	}
	return fail(runner.Refuse, "%s", no)
}

// mayFreeze goes by the policy file alone: an environment that is read-only, or has few
// operations, can still stop changes.
func (p *parts) mayFreeze() bool {
	policy := permissions.Policy{Book: p.runner.Policy().Book}
	for _, op := range tools.Operations() {
		ask := permissions.Ask{Actor: p.actor, Surface: permissions.Terminal, Operation: op.Name, Risk: op.Risk}
		if op.Risk == permissions.Destructive && policy.Decide(ask).Allowed {
			return true
		}
	}
	return false
}

// frozen says that all changes are stopped, or "".
func frozen(ctx context.Context, store approval.Store, now time.Time) (string, error) {
	f, err := store.Frozen(ctx)
	if f == nil || err != nil {
		return "", err
	}
	says := fmt.Sprintf("all changes are frozen by %s since %s", text.Clean(f.By), runner.Since(f.At, now))
	if f.Reason != "" {
		says += ": “" + text.Clean(f.Reason) + "”"
	}
	return says, nil
}
