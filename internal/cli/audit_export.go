package cli

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

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
)

func auditExportCommand(c *cli) *cobra.Command {
	var (
		flags      auditFlags
		follow     bool
		to, cursor string
	)
	cmd := &cobra.Command{
		Use: "export", Short: "Write the log as lines of JSON", Args: noArgs, Long: helpText("audit-export"),
		Example: "  vpsbot audit export > audit.jsonl\n  vpsbot audit export --after 1200 > audit-1201.jsonl\n  vpsbot audit export --operation '*.delete' --since 30d > deletions.jsonl\n  vpsbot audit export --follow --to /var/log/vpsbot/audit.jsonl\n  vpsbot audit export --follow --to syslog:///dev/log --cursor ~/audit.cursor",
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch given := selection(cmd.Flags()); {
			case !follow && (cmd.Flags().Changed("to") || cursor != ""):
				return app.Errorf(runner.Invalid, "--to and --cursor go with --follow; without it the log is written on stdout")
			case follow && (given != "" || flags.filter.Limit != 0):
				return app.Errorf(runner.Invalid, "--follow exports all rows, from --after on: leave the other filters out")
			case follow:
				return c.followAudit(cmd.Context(), flags.filter.After, to, cursor)
			default:
				return c.exportAudit(cmd.Context(), flags, given)
			}
		},
	}
	addFilterFlags(cmd, &flags)
	cmd.Flags().IntVar(&flags.filter.Limit, "limit", 0, "how many of the newest rows; 0: all")
	cmd.Flags().BoolVar(&follow, "follow", false, "go on with the rows that come, until Ctrl-C")
	cmd.Flags().StringVar(&to, "to", "-", "with --follow, the `OUTPUT`: "+sinkForms)
	cmd.Flags().StringVar(&cursor, "cursor", "", "with --follow, the `FILE` that keeps the last row")
	return cmd
}

// selection lists the flags that leave gaps between the rows, as they were given.
func selection(flags *pflag.FlagSet) string {
	var given []string
	flags.Visit(func(f *pflag.Flag) {
		if !slices.Contains([]string{"after", "limit", "follow", "to", "cursor"}, f.Name) {
			given = append(given, "--"+f.Name+" "+f.Value.String())
		}
	})
	return strings.Join(given, " ")
}

func (c *cli) exportAudit(ctx context.Context, flags auditFlags, selection string) error {
	filter, err := flags.read(c.Clock())
	if err != nil {
		return err
	}
	cfg, err := c.Config(ctx)
	if err != nil {
		return err
	}
	log, err := app.OpenLog(ctx, cfg)
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // it was only read
	segment := audit.Merge(log.Rows(ctx, filter), nil)
	if selection == "" {
		segment, err = app.LogFrom(ctx, log, filter)
	}
	if err == nil {
		err = audit.Export(c.io.Out, segment, selection)
	}
	if err == nil && log.Stale() {
		err = app.Errorf(runner.Failed, "another process wrote to the log while it was read: export it again")
	}
	return err
}

// openExports reads exports, and archives of earlier versions, in any order. Each file is opened again when
// it is verified.
func openExports(paths []string) (out app.Exports, err error) {
	type file struct {
		path  string
		first int64
	}
	var files []file
	for _, path := range paths {
		first, err := firstEntry(path)
		switch {
		case err != nil:
			return app.Exports{}, err
		case first.Selection == "":
			files = append(files, file{path, first.Row.Seq})
			continue
		}
		marks, err := selectedRows(path)
		if err != nil {
			return app.Exports{}, err
		}
		out.Selected = append(out.Selected, marks...)
	}
	slices.SortStableFunc(files, func(a, b file) int { return cmp.Compare(a.first, b.first) })
	out.Segments = text.Map(files, func(f file) audit.Segment { return readExport(f.path) })
	return out, nil
}

func firstEntry(path string) (audit.Entry, error) {
	for entry, err := range readExport(path) {
		if errors.Is(err, fs.ErrNotExist) {
			return entry, app.Errorf(runner.Invalid, "--file: there is no %s", path)
		}
		return entry, err
	}
	return audit.Entry{}, app.Errorf(runner.Failed, "%s is empty: no export is", path)
}

// selectedRows reads the rows of a selection, and fails for one whose hash is not that of its content.
func selectedRows(path string) (marks []audit.Mark, err error) {
	for entry, err := range readExport(path) {
		switch {
		case err != nil:
			return nil, err
		case entry.Selection != "":
		case entry.Checkpoint != "" || entry.Row.CheckHash() != nil:
			return nil, app.Errorf(runner.Failed, "%s: audit row %d: its hash is not that of its content: it was changed", path, entry.Row.Seq)
		default:
			marks = append(marks, audit.Mark{Seq: entry.Row.Seq, Hash: entry.Row.Hash})
		}
	}
	return marks, nil
}

// readExport reads a file. Its errors name the file.
func readExport(path string) audit.Segment {
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
