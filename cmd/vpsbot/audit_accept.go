package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/permissions"
)

const acceptHelp = `After a database was put back from a copy, its log does not have the newest checkpoint that is kept
outside it: nothing is signed, and vpsbot audit verify fails. This takes the log up as it is, with a
signed row that says so. SEQ:HASH is its last row, as vpsbot audit verify prints it.
A person does this, at a terminal, on each machine that keeps a checkpoint of the database.`

func (a *app) acceptLogCommand() *cobra.Command {
	return &cobra.Command{
		Use: "accept SEQ:HASH", Short: "Take up a log that was restored from a copy", Long: acceptHelp,
		Args: oneArg("the number and the hash of the log's last row, SEQ:HASH"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.acceptLog(cmd.Context(), args[0]) },
	}
}

func (a *app) acceptLog(ctx context.Context, text string) error {
	at, err := audit.ParseMark(text)
	if err != nil {
		return fail(runner.Invalid, "SEQ:HASH: %v", err)
	}
	p, err := a.assemble(ctx)
	if err != nil {
		return err
	}
	defer p.store.close() //nolint:errcheck // what was written is committed
	if err := p.named(ctx); err != nil {
		return err
	}
	if err := a.mayAct(ctx, p, permissions.MakeAuditKey, at.String()); err != nil {
		return err
	}
	check, err := a.acceptable(ctx, p.config, at)
	if err != nil {
		return err
	}
	db, err := p.store.get(ctx)
	if err != nil {
		return err
	}
	row := audit.AcceptRow(at, check.Kept)
	by := a.rowAct(p, row.Operation, row.Target)
	row.At, row.Actor, row.Surface = by.At, by.Actor, by.Surface
	if err := db.Accept(ctx, at, row); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.io.Out, "The log is taken up at row %d, and signed from here on. A row says so.\n", at.Seq)
	return err
}

// acceptable returns what the log is held to, and fails unless it is whole in itself, has that row,
// and does not have what is kept of it outside.
func (a *app) acceptable(ctx context.Context, cfg config.Config, at audit.Mark) (check audit.Check, err error) {
	check.Keys, err = knownKeys(cfg, nil)
	if err != nil {
		return check, err
	}
	if !check.Keys.Any() {
		return check, fail(runner.Invalid, "there is no key to sign with here: a log without one has nothing to take up")
	}
	check.Kept, err = keeper(cfg).Newest()
	changed := errors.Is(err, audit.ErrNoCheckpoint)
	if err != nil && !changed {
		return check, err
	}
	report, err := checkLog(ctx, cfg, audit.Check{Keys: check.Keys, Contains: []audit.Mark{at}}, exports{})
	if _, unsigned := errors.AsType[*audit.UnsignedError](err); err != nil && !unsigned {
		return check, badLog(err, report)
	}
	_, err = checkLog(ctx, cfg, check, exports{})
	if bad, found := errors.AsType[*audit.BadRowError](err); !changed && (!found || !bad.Outside) {
		return check, fail(runner.Invalid, "the log has all that is kept of it outside the database: there is nothing to take up")
	}
	return check, nil
}

// signing is how the log is signed: with the key, if there is one, and the newest checkpoint kept
// outside the database.
func signing(cfg config.Config, log *slog.Logger) (store.Signing, error) {
	key, err := signingKey(cfg)
	return store.Signing{Key: key, Keep: keeper(cfg), Warn: func(err error) {
		if _, untrusted := errors.AsType[*store.Untrusted](err); untrusted {
			log.Error(err.Error())
			return
		}
		log.Warn(err.Error())
	}}, err
}
