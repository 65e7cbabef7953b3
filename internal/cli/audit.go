package cli

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/tools"
)

func auditCommand(c *cli) *cobra.Command {
	list := auditListCommand(c)
	return withDefault(list, parent("audit", "Read, verify, sign and export the log of what was done",
		"The audit log holds every change, every refusal, and every approval with its outcome. Each row is\nchained to the one before, so that a row changed or dropped later is found. With a key, signed\ncheckpoints also show that its end was cut off, or that all of it was rewritten.",
		list, auditShowCommand(c), auditVerifyCommand(c), auditExportCommand(c), auditKeyCommand(c)))
}

// withDefault has a parent do what one of its commands does, with the same flags, where it is given alone.
func withDefault(alone, parent *cobra.Command) *cobra.Command {
	parent.Flags().AddFlagSet(alone.Flags())
	parent.RunE = func(cmd *cobra.Command, _ []string) error {
		alone.SetContext(cmd.Context())
		return alone.RunE(alone, nil)
	}
	sayDefault(parent, alone.Name())
	return parent
}

func sayDefault(parent *cobra.Command, alone string) {
	parent.Use = parent.Name() + " [COMMAND]"
	parent.Long += " Without a command this is\nvpsbot " + parent.Name() + " " + alone + "."
}

type auditFlags struct {
	filter       audit.Filter
	since, until string
}

func auditListCommand(c *cli) *cobra.Command {
	var flags auditFlags
	cmd := &cobra.Command{
		Use: "list [WORD...]", Short: "Say what was done, the newest last", Long: helpText("audit-list"), Args: cobra.ArbitraryArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		Example:           "  vpsbot audit list web-1 delete\n  vpsbot audit list --operation '*.delete' --since 7d\n  vpsbot audit list --decision refused --json",
		RunE:              func(cmd *cobra.Command, words []string) error { return c.listAudit(cmd.Context(), flags, words) },
	}
	addFilterFlags(cmd, &flags)
	cmd.Flags().IntVar(&flags.filter.Limit, "limit", 50, "how many of the newest rows; 0: all")
	return c.withOutput(cmd, true)
}

func addFilterFlags(cmd *cobra.Command, flags *auditFlags) {
	f := cmd.Flags()
	f.StringVar(&flags.filter.Actor, "actor", "", "`WHO` asked: an identity such as local:alice, or a person of the policy")
	f.StringVar(&flags.filter.Operation, "operation", "", "`NAME` or glob, such as servers.*, or a verb: delete")
	f.StringVar(&flags.filter.Target, "target", "", "a `PART` of the target as it is shown, such as server:12345 or web-server-01")
	f.StringVar(&flags.filter.Approval, "approval", "", "`ID` of an approval")
	f.StringVar((*string)(&flags.filter.Decision), "decision", "", text.Join(text.Strings(audit.Decisions), "or"))
	f.StringVar((*string)(&flags.filter.Outcome), "outcome", "", text.Join(text.Strings(audit.Outcomes), "or"))
	f.StringVar(&flags.since, "since", "", "from that `TIME` on: 2026-01-31, 2026-01-31T14:00:00Z, or so long ago: 24h, 7d")
	f.StringVar(&flags.until, "until", "", "before that `TIME`, written the same way")
	f.Int64Var(&flags.filter.After, "after", 0, "only rows after this number, to continue where an export ended")
}

func checkEnum[T ~string](name string, value T, values []T) error {
	if value == "" || slices.Contains(values, value) {
		return nil
	}
	return app.Errorf(runner.Invalid, "--%s %q is none: write %s", name, value, text.Join(text.Strings(values), "or"))
}

func (c *cli) listAudit(ctx context.Context, flags auditFlags, words []string) error {
	return c.withApp(ctx, anyone, func(s *session) error {
		filter, err := flags.read(s.Now())
		if err != nil {
			return err
		}
		rows, err := s.readAudit(ctx, filter, words)
		if err != nil {
			return err
		}
		omitted := ""
		if filter.Limit > 0 && len(rows) > filter.Limit {
			rows, omitted = rows[1:], "only the newest; --limit 0 shows all"
		}
		return s.printAudit(rows, omitted)
	})
}

// readAudit reads the rows that a filter and words choose, the newest last, and one more than the limit where there
// are more: how many would take reading all of them.
func (s *session) readAudit(ctx context.Context, filter audit.Filter, words []string) (rows []audit.Row, err error) {
	if filter.Limit > 0 {
		filter.Limit++
	}
	if len(words) > 0 {
		hasWords := text.Search(strings.Join(words, " "))
		filter.Where = func(row audit.Row) bool {
			return hasWords(runner.RowWords(row, func(identity string) []string { return []string{identity, runner.NameOf(s.Runner.Policy(), identity)} })...)
		}
	}
	err = app.WithLog(ctx, s.Config, func(log *store.Log) (err error) {
		rows, err = s.formatter().Rows(ctx, log, filter, runner.AuditScope{})
		return err
	})
	if errors.As(err, new(*tools.InputError)) {
		return nil, app.Errorf(runner.Invalid, "--operation: %v", err)
	}
	slices.Reverse(rows)
	return rows, err
}

func (s *session) printAudit(rows []audit.Row, omitted string) error {
	numbers := text.Map(rows, func(row audit.Row) string { return strconv.FormatInt(row.Seq, 10) })
	if omitted != "" && s.output.isForProgram() {
		s.io.say("%s", omitted)
	}
	if s.output.format != "" || s.output.columns != nil || s.output.sort != "" {
		table := auditTable(rows, omitted)
		return s.print(result{value: rows, lines: true, table: &table, names: numbers})
	}
	lines := s.sentences(rows)
	switch {
	case len(rows) == 0:
		lines = []string{"The log has no such row."}
	case omitted != "":
		lines = append(lines, "("+omitted+")")
	}
	return s.print(result{text: strings.Join(lines, "\n")})
}

// sentences says rows with their times, and their accounts where there are several.
func (s *session) sentences(rows []audit.Row) (lines []string) {
	accounts, isKnown := map[string]bool{}, func(account string) bool { return account != "" && !strings.HasPrefix(account, "not read") }
	for _, row := range rows {
		if isKnown(row.Account) {
			accounts[row.Account] = true
		}
	}
	for _, row := range s.formatter().Format(rows) {
		line := clock(row.At, s.Now(), "15:04") + " " + row.Text
		if len(accounts) > 1 && isKnown(row.Account) {
			line += " (" + text.Clean(row.Account) + ")"
		}
		lines = append(lines, line)
	}
	return lines
}

func (s *session) formatter() runner.AuditFormatter {
	return runner.AuditFormatter{Catalogue: s.Catalogue, Policy: s.Runner.Policy()}
}

// clock is a time of the local zone, with its day where that is not today.
func clock(at, now time.Time, layout string) string {
	at, now = at.Local(), now.Local()
	if at.Format(time.DateOnly) != now.Format(time.DateOnly) {
		layout = time.DateOnly + " " + layout
	}
	return at.Format(layout)
}

func (f auditFlags) read(now time.Time) (audit.Filter, error) {
	filter := f.filter
	if filter.Actor != "" && strings.Contains(filter.Actor, ":") && !runner.IsIdentity(filter.Actor) {
		return filter, app.Errorf(runner.Invalid, "--actor %q is no identity: write local:NAME, key:NAME, slack:ID, or the name of a person of the policy", filter.Actor)
	}
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

func auditTable(rows []audit.Row, omitted string) runner.Table {
	t := runner.Table{Header: []string{"seq", "at", "actor", "surface", "account", "operation", "target", "decision", "outcome", "approver", "approval"}}
	for _, row := range rows {
		t.Rows = append(t.Rows, []string{
			strconv.FormatInt(row.Seq, 10), row.At.UTC().Format(time.RFC3339), text.Clean(row.Actor), row.Surface, text.Clean(row.Account),
			text.Clean(row.Operation), text.Clean(row.Target), string(row.Decision), string(row.Outcome), text.Clean(row.Approver), row.Approval,
		})
	}
	t.Note = text.Plural(len(rows), "row")
	if omitted != "" {
		t.Note += " (" + omitted + ")"
	}
	t.Note += "; -o json shows everything about each."
	return t
}
