package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
)

const approvalsHelp = `Shows what waits for a person's answer, and takes that answer. What an assistant asked for is run
by the assistant's side once you have approved it; what you asked for at another terminal runs at
once, and what a script asked for runs when its command is given again. An id may be cut down to
its first six characters or more.`

func (a *app) approvalsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "approvals", Short: "Answer what waits for a person", Long: approvalsHelp, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.approvalsListCommand(), a.approvalsShowCommand(),
		a.approveCommand(), a.denyCommand(), a.cancelCommand(), a.settleCommand())
	return cmd
}

// onRecord makes a command that does something with one approval.
func (a *app) onRecord(use, short string, do func(context.Context, *parts, approval.Record) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: oneArg("the id of an approval"), ValidArgsFunction: a.completeApprovals,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRecord(cmd.Context(), args[0], do)
		},
	}
}

func (a *app) withRecord(ctx context.Context, id string, do func(context.Context, *parts, approval.Record) error) error {
	p, err := a.assemble(ctx)
	if err != nil {
		return err
	}
	defer p.store.close() //nolint:errcheck // what was written is committed
	if err := p.named(ctx); err != nil {
		return err
	}
	rec, err := p.pick(ctx, id)
	if err != nil {
		return err
	}
	return do(ctx, p, rec)
}

// shortest is how much of an id is enough, if no other begins the same.
const shortest = 6

// pick finds the record of an id or of its beginning.
func (p *parts) pick(ctx context.Context, id string) (approval.Record, error) {
	id = strings.ToLower(strings.TrimSpace(id))
	store, err := p.store.get(ctx)
	if err != nil {
		return approval.Record{}, err
	}
	rec, err := store.Record(ctx, id)
	if !errors.Is(err, approval.ErrNotFound) {
		return rec, err
	}
	if len(id) < shortest {
		return rec, fail(runner.Invalid, "no approval has the id %q; give at least its first %d characters: vpsbot approvals list --all shows them", id, shortest)
	}
	return p.begins(ctx, store, id)
}

func (p *parts) begins(ctx context.Context, store approval.Store, prefix string) (approval.Record, error) {
	all, err := store.Find(ctx, approval.Query{Limit: manyRecords})
	if err != nil {
		return approval.Record{}, err
	}
	var hits []approval.Record
	for _, rec := range all {
		if strings.HasPrefix(rec.ID, prefix) {
			hits = append(hits, rec)
		}
	}
	switch len(hits) {
	case 1:
		return hits[0], nil
	case 0:
		return approval.Record{}, fail(runner.Invalid, "no approval has an id that begins with %q; vpsbot approvals list --all shows them", prefix)
	}
	return approval.Record{}, fail(runner.Invalid, "%d approvals have ids that begin with %q; give more of it", len(hits), prefix)
}

// manyRecords bounds what is read to find or list records.
const manyRecords = 10_000

func (a *app) cancelCommand() *cobra.Command {
	return a.onRecord("cancel ID", "Take back what you asked for", func(ctx context.Context, p *parts, rec approval.Record) error {
		if err := p.own(rec); err != nil {
			return err
		}
		ended, err := p.runner.Cancel(ctx, p.actor, rec.ID)
		return a.tellEnd(ended, err)
	})
}

func (a *app) settleCommand() *cobra.Command {
	return &cobra.Command{
		Use: "settle ID done|not_applied", Short: "Say what became of a change whose answer was lost",
		Long: "A change whose answer was lost keeps every other change off its server. Look at the server, then\nsay whether it happened. It takes a person at a terminal, who is asked once more, or an access key\nthat the policy gives approvals.settle.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 2 && (args[1] == "done" || args[1] == "not_applied") {
				return nil
			}
			return fail(runner.Invalid, "write: vpsbot approvals settle ID done, or: vpsbot approvals settle ID not_applied")
		},
		ValidArgsFunction: a.completeApprovals,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRecord(cmd.Context(), args[0], func(ctx context.Context, p *parts, rec approval.Record) error {
				return a.settle(ctx, p, rec, args[1] == "done")
			})
		},
	}
}

// settle asks the person who has looked at the server, and records what they say.
func (a *app) settle(ctx context.Context, p *parts, rec approval.Record, happened bool) error {
	given := p.runner.Policy().MayAct(p.actor, permissions.SettleApproval).Allowed
	if err := p.own(rec); err != nil && !given {
		return err
	}
	if err := a.mayAct(ctx, p, permissions.SettleApproval, "approval:"+rec.ID); err != nil {
		return err
	}
	if a.stateOf(rec).IsOpen() && !a.stateOf(rec).Waits() {
		card, err := runner.CardOf(rec)
		if err != nil {
			return err
		}
		card.Until = ""
		question := "Record that it happened?"
		if !happened {
			question = "Record that it did not happen?"
		}
		if err := a.sure(ctx, card.Text(), question); err != nil {
			return err
		}
		if err := p.identify(ctx); err != nil { // a key may have ended while the person read
			return err
		}
	}
	ended, err := p.runner.Settle(ctx, p.actor, rec.ID, happened)
	return a.tellEnd(ended, err)
}

// own refuses what only its asker may do.
func (p *parts) own(rec approval.Record) error {
	if p.actor == "" {
		return errNameless
	}
	if p.isOwn(rec.Actor, rec.Person) {
		return nil
	}
	return fail(runner.Refuse, "only %s, who asked for it, can answer approval %s; you are %s", text.Clean(rec.Actor), rec.ID, p.actor)
}

func (a *app) tellEnd(rec approval.Record, err error) error {
	if err != nil {
		return fail(runner.Failed, "%v", err)
	}
	if _, err := fmt.Fprintln(a.io.Out, ending(rec)); err != nil {
		return fail(runner.Failed, "%s (this could not be written to stdout: %v)", ending(rec), err)
	}
	return nil
}

// ending says in a sentence how a record stands.
func ending(rec approval.Record) string {
	if rec.Message != "" {
		return text.Clean(rec.Message)
	}
	return fmt.Sprintf("%s is %s.", runner.Subject(rec), rec.State)
}
