package main

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"slices"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/store"
)

func (a *app) auditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "audit", Short: "Read, verify, sign and export the log of what was done",
		Long: "The audit log holds every change, every refusal, and every approval with its fate. Each row is\nchained to the one before, so that a row changed or dropped later is found. With a key, signed\ncheckpoints also tell when its end was cut off, or all of it written anew.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.auditListCommand(), a.auditVerifyCommand(), a.auditExportCommand(), a.auditKeyCommand())
	return cmd
}

type rowSeq = iter.Seq2[audit.Row, error]

// auditLog is a log to be read: that of a database, or an empty one where there is none yet.
type auditLog interface {
	audit.Store
	audit.CheckpointStore
	Stale() bool
	Close() error
}

// noLog is the log of a database that is not there.
type noLog struct{}

func (noLog) Rows(context.Context, audit.Filter) rowSeq                     { return func(func(audit.Row, error) bool) {} }
func (noLog) Checkpoints(context.Context) ([]audit.SignedCheckpoint, error) { return nil, nil }
func (noLog) Stale() bool                                                   { return false }
func (noLog) Close() error                                                  { return nil }

// withLog reads the log, and changes nothing. What reads it may be called again, if somebody
// began to write meanwhile.
func withLog(ctx context.Context, cfg config.Config, read func(log auditLog) error) error {
	for again := false; ; again = true {
		log, err := openLog(ctx, cfg)
		if err != nil {
			return err
		}
		err = read(log)
		stale := log.Stale()
		if err = errors.Join(err, log.Close()); !stale || again {
			return err
		}
	}
}

func openLog(ctx context.Context, cfg config.Config) (auditLog, error) {
	url, err := cfg.Database()
	if err != nil {
		return nil, err
	}
	log, err := store.OpenLog(ctx, url)
	if errors.Is(err, fs.ErrNotExist) {
		return noLog{}, nil
	}
	if err != nil {
		return nil, err // not a *store.Log that is nil inside an interface
	}
	return log, nil
}

// partOf is a log from a row on, with its checkpoints.
func partOf(ctx context.Context, log auditLog, f audit.Filter) (audit.Segment, error) {
	notes, err := log.Checkpoints(ctx)
	if err != nil {
		return nil, err
	}
	notes = slices.DeleteFunc(notes, func(n audit.SignedCheckpoint) bool { return n.Seq < f.After })
	return audit.Merge(log.Rows(ctx, f), notes), nil
}

// badLog makes a failure of the error of a verification.
func badLog(err error, report audit.Report) error {
	if unsigned, ok := errors.AsType[*audit.UnsignedError](err); ok {
		return fail(runner.Failed, "%v", unsigned)
	}
	bad, ok := errors.AsType[*audit.BadRowError](err)
	if !ok {
		return err
	}
	whole := max(0, report.Rows-max(report.First, 1)+1)
	if bad.Outside && report.Rows > 0 {
		return fail(runner.Failed, "%v. Its %d rows fit each other. Keep the database as it is and find out who can write to it. If you yourself put it back from a copy, take it up: vpsbot audit key accept %s",
			bad, whole, audit.Mark{Seq: report.Rows, Hash: report.Head})
	}
	return fail(runner.Failed, "%v; the %d rows before it are whole. Keep the database as it is and find out who can write to it", bad, whole)
}
