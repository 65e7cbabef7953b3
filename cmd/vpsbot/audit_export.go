package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/runner"
)

const exportHelp = `Writes the log on stdout, oldest row first, one line of JSON a row and a signed checkpoint. Rows
stay in the database. vpsbot audit verify --file checks such files: all of them in order, together
with the database where it is there.

What a filter other than --after leaves is a selection: its rows do not follow each other, so each is
compared with the database's.`

func (a *app) auditExportCommand() *cobra.Command {
	var flags auditFlags
	cmd := &cobra.Command{
		Use: "export", Short: "Write the log as lines of JSON", Args: noArgs, Long: exportHelp,
		Example: "  vpsbot audit export > audit.jsonl\n  vpsbot audit export --after 1200 > audit-1201.jsonl\n  vpsbot audit export --operation '*.delete' --since 30d > deletions.jsonl",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.exportAudit(cmd.Context(), flags, selection(cmd.Flags()))
		},
	}
	addFilterFlags(cmd, &flags)
	cmd.Flags().IntVar(&flags.limit, "limit", 0, "the newest so many; 0: all")
	return cmd
}

// selection says which filters were given that leave gaps, as they were typed.
func selection(flags *pflag.FlagSet) string {
	var given []string
	flags.Visit(func(f *pflag.Flag) {
		if f.Name != "after" && f.Name != "limit" {
			given = append(given, "--"+f.Name+" "+f.Value.String())
		}
	})
	return strings.Join(given, " ")
}

func (a *app) exportAudit(ctx context.Context, flags auditFlags, selection string) error {
	filter, err := flags.read(a.now())
	if err != nil {
		return err
	}
	cfg, err := config.Read(ctx, a.env, a.goos)
	if err != nil {
		return invalid(err)
	}
	log, err := openLog(ctx, cfg)
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // it was only read
	part, err := exportedPart(ctx, log, filter, flags, selection != "")
	if err != nil {
		return err
	}
	err = audit.Export(a.io.Out, part, selection)
	if err == nil && log.Stale() {
		err = fail(runner.Failed, "somebody began to write while the log was read: export it again")
	}
	return err
}

// exportedPart is what of a log is exported: a selection without checkpoints, or all from a row on.
func exportedPart(ctx context.Context, log auditLog, filter audit.Filter, flags auditFlags, selected bool) (audit.Segment, error) {
	if !selected {
		filter.Limit = flags.limit
		return partOf(ctx, log, filter)
	}
	rows, _, err := newest(log.Rows(ctx, filter), flags.target, flags.limit)
	return audit.Merge(yielding(rows), nil), err
}

func yielding(rows []audit.Row) rowSeq {
	return func(yield func(audit.Row, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}
}

// exports are files to verify.
type exports struct {
	parts    []audit.Segment
	selected []audit.Mark // rows of selections, each of which is whole in itself
}

// openExports takes the paths of exports and archives, in any order. Each is opened again when it
// is verified.
func openExports(paths []string) (exports, error) {
	type file struct {
		path  string
		first int64
	}
	var files []file
	var out exports
	for _, path := range paths {
		first, err := firstEntry(path)
		switch {
		case err != nil:
			return exports{}, err
		case first.Selection == "":
			files = append(files, file{path, first.Row.Seq})
			continue
		}
		marks, err := selected(path)
		if err != nil {
			return exports{}, err
		}
		out.selected = append(out.selected, marks...)
	}
	slices.SortStableFunc(files, func(a, b file) int { return cmp.Compare(a.first, b.first) })
	for _, file := range files {
		out.parts = append(out.parts, exportPart(file.path))
	}
	return out, nil
}

// firstEntry is what a file begins with.
func firstEntry(path string) (audit.Entry, error) {
	for entry, err := range exportPart(path) {
		if errors.Is(err, fs.ErrNotExist) {
			return entry, fail(runner.Invalid, "--file: there is no %s", path)
		}
		return entry, err
	}
	return audit.Entry{}, fail(runner.Failed, "%s is empty: no export is", path)
}

// selected reads the rows of a selection, and fails for one whose hash is not its own.
func selected(path string) (marks []audit.Mark, err error) {
	for entry, err := range exportPart(path) {
		switch {
		case err != nil:
			return nil, err
		case entry.Selection != "":
		case entry.Checkpoint != "" || entry.Row.CheckHash() != nil:
			return nil, fail(runner.Failed, "%s: audit row %d: its hash is not that of its content: it was changed", path, entry.Row.Seq)
		default:
			marks = append(marks, audit.Mark{Seq: entry.Row.Seq, Hash: entry.Row.Hash})
		}
	}
	return marks, nil
}

// exportPart reads a file. Its errors name it.
func exportPart(path string) audit.Segment {
	return func(yield func(audit.Entry, error) bool) {
		file, err := os.Open(path)
		if err != nil {
			yield(audit.Entry{}, err)
			return
		}
		defer file.Close() //nolint:errcheck // it was only read
		for entry, err := range audit.ReadExport(file) {
			if err != nil {
				err = fmt.Errorf("%s: %w", path, err)
			}
			if !yield(entry, err) {
				return
			}
		}
	}
}
