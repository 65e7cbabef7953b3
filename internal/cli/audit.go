package cli

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/text"
)

func auditCommand(c *cli) *cobra.Command {
	return parent("audit", "Read, verify, sign and export the log of what was done",
		"The audit log holds every change, every refusal, and every approval with its outcome. Each row is\nchained to the one before, so that a row changed or dropped later is found. With a key, signed\ncheckpoints also show that its end was cut off, or that all of it was rewritten.",
		auditListCommand(c), auditVerifyCommand(c), auditExportCommand(c), auditKeyCommand(c))
}

type auditFlags struct {
	filter       audit.Filter
	since, until string
}

func auditListCommand(c *cli) *cobra.Command {
	var flags auditFlags
	cmd := &cobra.Command{
		Use: "list", Short: "Show the newest rows of the log, newest last", Args: noArgs,
		Example: "  vpsbot audit list --operation '*.delete' --since 24h\n  vpsbot audit list --decision refused --json",
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.listAudit(cmd.Context(), flags) },
	}
	addFilterFlags(cmd, &flags)
	cmd.Flags().IntVar(&flags.filter.Limit, "limit", 50, "how many of the newest rows; 0: all")
	return c.withOutput(cmd, true)
}

func addFilterFlags(cmd *cobra.Command, flags *auditFlags) {
	f := cmd.Flags()
	f.StringVar(&flags.filter.Actor, "actor", "", "who asked, such as local:alice")
	f.StringVar(&flags.filter.Operation, "operation", "", "name or glob, such as servers.*")
	f.StringVar(&flags.filter.Target, "target", "", "a part of the target as it is shown, such as server:12345 or web-server-01")
	f.StringVar(&flags.filter.Approval, "approval", "", "id of an approval")
	addEnumFlag(cmd, (*string)(&flags.filter.Decision), "decision", text.Strings(audit.Decisions))
	addEnumFlag(cmd, (*string)(&flags.filter.Outcome), "outcome", text.Strings(audit.Outcomes))
	f.StringVar(&flags.since, "since", "", "from then on: 2026-01-31, 2026-01-31T14:00:00Z, or so long ago: 24h, 7d")
	f.StringVar(&flags.until, "until", "", "before then, written the same way")
	f.Int64Var(&flags.filter.After, "after", 0, "only rows after this number, to continue where an export ended")
}

func addEnumFlag(cmd *cobra.Command, to *string, name string, values []string) {
	cmd.Flags().StringVar(to, name, "", text.Join(values, "or"))
	completeFlag(cmd, name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

func checkEnum[T ~string](name string, value T, values []T) error {
	if value == "" || slices.Contains(values, value) {
		return nil
	}
	return app.Errorf(runner.Invalid, "--%s %q is none: write %s", name, value, text.Join(text.Strings(values), "or"))
}

func (c *cli) listAudit(ctx context.Context, flags auditFlags) error {
	filter, err := flags.read(c.Clock())
	if err != nil {
		return err
	}
	cfg, err := c.Config(ctx)
	if err != nil {
		return err
	}
	limit := filter.Limit
	if limit > 0 {
		filter.Limit++ // shows whether there are more; how many would take reading all of them
	}
	var rows []audit.Row
	err = app.WithLog(ctx, cfg, func(log *store.Log) (err error) {
		rows, err = collect(log.Rows(ctx, filter))
		return err
	})
	if err != nil {
		return err
	}
	omitted := ""
	if limit > 0 && len(rows) > limit {
		rows = rows[1:]
		omitted = "only the newest; --limit 0 shows all"
	}
	var numbers []string
	for _, row := range rows {
		numbers = append(numbers, strconv.FormatInt(row.Seq, 10))
	}
	table := auditTable(rows, omitted, c.Clock())
	err = c.print(result{value: rows, lines: true, table: &table, names: numbers})
	if omitted != "" && c.output.isForProgram() {
		c.io.say("%s", omitted)
	}
	return err
}

func (f auditFlags) read(now time.Time) (audit.Filter, error) {
	filter := f.filter
	if filter.Valid() != nil {
		return filter, app.Errorf(runner.Invalid, "--operation %q is not a glob: write such as servers.*", filter.Operation)
	}
	if filter.Limit < 0 || filter.After < 0 {
		return filter, app.Errorf(runner.Invalid, "--limit and --after must be 0 or more")
	}
	if err := cmp.Or(checkEnum("decision", filter.Decision, audit.Decisions), checkEnum("outcome", filter.Outcome, audit.Outcomes)); err != nil {
		return filter, err
	}
	var err error
	if filter.Since, err = audit.ParseTime(f.since, now); err != nil {
		return filter, app.Errorf(runner.Invalid, "--since %v", err)
	}
	if filter.Until, err = audit.ParseTime(f.until, now); err != nil {
		return filter, app.Errorf(runner.Invalid, "--until %v", err)
	}
	return filter, nil
}

func collect(rows iter.Seq2[audit.Row, error]) (out []audit.Row, err error) {
	for row, err := range rows {
		if err != nil {
			return nil, err
		}
		out = append(out, row)
	}
	return out, nil
}

// auditTable shows the day of a row only where it is not today.
func auditTable(rows []audit.Row, omitted string, now time.Time) runner.Table {
	t := runner.Table{Header: []string{"seq", "at", "actor", "surface", "account", "operation", "target", "decision", "outcome", "approver", "approval"}}
	today := now.UTC().Format(time.DateOnly)
	for _, row := range rows {
		at := row.At.UTC().Format(time.RFC3339)
		if row.At.UTC().Format(time.DateOnly) == today {
			at = row.At.UTC().Format("15:04:05Z")
		}
		t.Rows = append(t.Rows, []string{
			strconv.FormatInt(row.Seq, 10), at, text.Clean(row.Actor), row.Surface, text.Clean(row.Account),
			text.Clean(row.Operation), text.Clean(row.Target), string(row.Decision), string(row.Outcome), text.Clean(row.Approver), row.Approval,
		})
	}
	t.Note = text.Plural(len(rows), "row")
	if omitted != "" {
		t.Note += " (" + omitted + ")"
	}
	t.Note += "; --json shows everything about each."
	return t
}
