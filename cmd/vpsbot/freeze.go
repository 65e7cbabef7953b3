package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

const freezeHelp = `Stops every change, by everybody and in every process that uses this database, until
vpsbot unfreeze lifts it. What has been sent is not taken back; reads go on. Where a policy is in
force, who may run something destructive at a terminal may freeze and unfreeze.`

func (a *app) freezeCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "freeze", Short: "Stop every change, by everybody", Long: freezeHelp, Args: noArgs,
		Example: "  vpsbot freeze --reason 'the assistant behaves strangely'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withFreeze(cmd.Context(), "freeze", func(ctx context.Context, p *parts, _ *store.Store) error {
				if err := p.runner.Freeze(ctx, p.actor, permissions.Terminal, reason); err != nil {
					return err
				}
				_, err := fmt.Fprintln(a.io.Out, "All changes are frozen. vpsbot unfreeze lifts it.")
				return err
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for whoever is refused")
	return cmd
}

func (a *app) unfreezeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "unfreeze", Short: "Lift a freeze", Args: noArgs,
		Long: "Lets changes run again that vpsbot freeze has stopped. What was refused meanwhile must be asked for\nanew; what was approved meanwhile can run.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withFreeze(cmd.Context(), "unfreeze", a.unfreeze)
		},
	}
}

func (a *app) unfreeze(ctx context.Context, p *parts, db *store.Store) error {
	frozen, err := db.Frozen(ctx)
	if err != nil {
		return err
	}
	says := "Nothing was frozen."
	if frozen != nil {
		says = "Changes can run again."
	}
	if err := p.runner.Unfreeze(ctx, p.actor, permissions.Terminal); err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.io.Out, says)
	return err
}

// withFreeze does what is to be done about a freeze, for who may. A refusal is a row of the
// log as well.
func (a *app) withFreeze(ctx context.Context, what string, do func(context.Context, *parts, *store.Store) error) error {
	p, err := a.operating(ctx)
	if err != nil {
		return err
	}
	defer p.store.close() //nolint:errcheck // what was written is committed
	db, err := p.store.get(ctx)
	if err != nil {
		return err
	}
	if p.mayFreeze() {
		return do(ctx, p, db)
	}
	no := fmt.Sprintf("%s is for who may run something destructive at a terminal, and the policy lets %s run nothing of the kind", what, p.actor)
	row := audit.Row{At: a.now(), Actor: string(p.actor), Surface: string(permissions.Terminal), Operation: what, Decision: "refused", Reason: no}
	if err := db.Note(ctx, row); err != nil {
		return err
	}
	return fail(tools.Refuse, "%s", no)
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
func frozen(ctx context.Context, store approval.Store) (string, error) {
	f, err := store.Frozen(ctx)
	if f == nil || err != nil {
		return "", err
	}
	says := fmt.Sprintf("all changes are frozen by %s since %s", tools.Clean(f.By), f.At.UTC().Format(time.RFC3339))
	if f.Reason != "" {
		says += ": " + tools.Clean(f.Reason)
	}
	return says, nil
}
