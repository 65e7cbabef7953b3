package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// archiveFlags are the flags of "audit archive".
type archiveFlags struct {
	before, to string
	keep       int64
	keepGiven  bool
	keys       []string
}

func (a *app) auditArchiveCommand() *cobra.Command {
	flags := archiveFlags{}
	cmd := &cobra.Command{
		Use: "archive (--before DATE | --keep ROWS) --to FOLDER", Short: "Move old rows of the log into a file", Args: noArgs,
		Long:    "Verifies the log, writes its oldest rows as lines of JSON into a new file, reads that back and\nverifies it, and only then removes them from the database, with a row that says so. With a key it\nmoves whole segments, up to the last checkpoint that fits. Keep the files: vpsbot audit verify\n--file verifies them together with the rest.",
		Example: "  vpsbot audit archive --before 90d --to /var/backups/vpsbot\n  vpsbot audit archive --keep 10000 --to archives",
		RunE: func(cmd *cobra.Command, _ []string) error {
			flags.keepGiven = cmd.Flags().Changed("keep")
			return a.archiveAudit(cmd.Context(), flags)
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.before, "before", "", "rows before then: 2026-01-31, 2026-01-31T14:00:00Z, or so long ago: 2160h, 90d")
	f.Int64Var(&flags.keep, "keep", 0, "all but the newest so many rows")
	f.StringVar(&flags.to, "to", "", "folder for the file; made where it is missing")
	f.StringArrayVar(&flags.keys, "key", nil, "verifier key of the checkpoints (default: that of the key that signs)")
	return cmd
}

func (a *app) archiveAudit(ctx context.Context, flags archiveFlags) error {
	before, err := readTime(flags.before, a.now())
	switch {
	case err != nil:
		return fail(tools.Invalid, "--before %v", err)
	case flags.keepGiven == (flags.before != ""):
		return fail(tools.Invalid, "say what to archive, one way: --before DATE or --keep ROWS")
	case flags.keep < 0:
		return fail(tools.Invalid, "--keep must be 0 or more")
	case flags.to == "":
		return fail(tools.Invalid, "say where to: --to FOLDER")
	}
	return a.withLog(ctx, func(p *parts, db *store.Store) error {
		return a.archiveLog(ctx, p, db, flags, before)
	})
}

func (a *app) archiveLog(ctx context.Context, p *parts, db *store.Store, flags archiveFlags, before time.Time) error {
	known, notes, err := a.archiveKeys(ctx, p, db, flags)
	if err != nil {
		return err
	}
	log := func() rowSeq { return db.Rows(ctx, audit.Filter{}) }
	old := int64(0)
	report, err := audit.VerifyParts(known, audit.Merge(counting(log(), before, &old), notes))
	if err != nil {
		return badRow(err, report)
	}
	if flags.keepGiven {
		old = report.Rows - flags.keep
	}
	to := audit.Cut{Limit: old, Notes: notes}.To()
	if to < max(report.First, 1) {
		a.io.say("Nothing to archive: the log begins with row %d, and no whole segment ends before that limit.", max(report.First, 1))
		return nil
	}
	segment, err := storeArchive(flags.to, known, audit.Merge(log(), notes), to)
	if err != nil {
		return err
	}
	row := segment.Row()
	row.At, row.Actor, row.Surface = a.now(), string(p.actor), string(permissions.Terminal)
	if err := db.Archived(ctx, segment, row); err != nil {
		return fmt.Errorf("the archive %s is written, but its rows were not removed: %w", filepath.Join(flags.to, segment.File), err)
	}
	_, err = fmt.Fprintf(a.io.Out, "Rows %d to %d are now in %s\n", segment.From, segment.To, filepath.Join(flags.to, segment.File))
	return err
}

// archiveKeys has the store sign the row that is to come, and returns the keys and checkpoints to verify the
// log with. A signed log is not archived unverified.
func (a *app) archiveKeys(ctx context.Context, p *parts, db *store.Store, flags archiveFlags) (audit.Verifiers, []audit.Note, error) {
	key, err := signingKey(p.config)
	if err != nil {
		return audit.Verifiers{}, nil, err
	}
	db.SignWith(key)
	known, err := knownKeys(p.config, flags.keys)
	if err != nil {
		return known, nil, err
	}
	notes, err := db.Notes(ctx)
	if err == nil && len(notes) > 0 && !known.Any() {
		err = fail(tools.Invalid, "the log is signed, and no key is here to verify it: give --key, as vpsbot audit key printed it")
	}
	return known, notes, err
}

// counting hands rows on, and notes the last one of those that are all before a time.
func counting(rows rowSeq, before time.Time, last *int64) rowSeq {
	return func(yield func(audit.Row, error) bool) {
		young := false
		for row, err := range rows {
			young = young || err != nil || !row.At.Before(before)
			if !young {
				*last = row.Seq
			}
			if !yield(row, err) {
				return
			}
		}
	}
}
