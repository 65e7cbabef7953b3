package main

import (
	"context"
	"errors"
	"iter"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/tools"
)

func (a *app) auditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "audit", Short: "Read, verify, sign and archive the log of what was done",
		Long: "The audit log holds every change, every refusal, and every approval with its fate. Each row is\nchained to the one before, so that a row changed or dropped later is found. With a key, signed\ncheckpoints also tell when its end was cut off, or all of it written anew.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.auditListCommand(), a.auditVerifyCommand(), a.auditKeyCommand(), a.auditArchiveCommand())
	return cmd
}

type rowSeq = iter.Seq2[audit.Row, error]

// withLog opens the store for a command that works on the log, and closes it again.
func (a *app) withLog(ctx context.Context, do func(p *parts, db *store.Store) error) (err error) {
	p, err := a.assemble(ctx)
	if err != nil {
		return err
	}
	db, err := p.store.get(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.store.close()) }()
	return do(p, db)
}

// badRow makes a verdict of the error of a verification.
func badRow(err error, report audit.Report) error {
	if bad, ok := errors.AsType[*audit.BadRow](err); ok {
		return fail(tools.Failed, "%v; the %d rows before it are whole. Keep the database as it is and find out who can write to it",
			bad, max(0, report.Rows-max(report.First, 1)+1))
	}
	return err
}
