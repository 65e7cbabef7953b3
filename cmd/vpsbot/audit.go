package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/tools"
)

func (a *app) auditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "audit", Short: "Read and verify the log of what was done",
		Long: "The audit log holds every change, every refusal, and every approval with its fate. Each row is\nchained to the one before, so that a row changed or dropped later is found.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.auditListCommand(), a.auditVerifyCommand())
	return cmd
}

// auditFlags are the flags of "audit list".
type auditFlags struct {
	filter       audit.Filter
	since, until string
	json         bool
}

func (a *app) auditListCommand() *cobra.Command {
	var flags auditFlags
	cmd := &cobra.Command{
		Use: "list", Short: "Show the newest rows of the log, newest last", Args: noArgs,
		Example: "  vpsbot audit list --operation '*.delete' --since 24h\n  vpsbot audit list --decision refused --json",
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.listAudit(cmd.Context(), flags) },
	}
	f := cmd.Flags()
	f.StringVar(&flags.filter.Actor, "actor", "", "who asked, such as local:alice")
	f.StringVar(&flags.filter.Operation, "operation", "", "name or glob, such as servers.*")
	f.StringVar(&flags.filter.Target, "target", "", "what it was about, such as server:12345")
	f.StringVar(&flags.filter.Approval, "approval", "", "id of an approval")
	f.StringVar(&flags.filter.Decision, "decision", "", "allowed, refused, asked, approved, denied, cancelled, expired, stale or settled")
	f.StringVar(&flags.filter.Outcome, "outcome", "", "done, failed, unknown, not_applied or needs_human")
	f.StringVar(&flags.since, "since", "", "from then on: 2026-01-31, 2026-01-31T14:00:00Z, or 24h ago")
	f.StringVar(&flags.until, "until", "", "before then, written the same way")
	f.IntVar(&flags.filter.Limit, "limit", 50, "the newest so many; 0: all")
	f.BoolVar(&flags.json, "json", false, "one line of JSON a row")
	return cmd
}

func (a *app) listAudit(ctx context.Context, flags auditFlags) error {
	filter, err := flags.read(a.now())
	if err != nil {
		return err
	}
	p, err := a.assemble(ctx)
	if err != nil {
		return err
	}
	defer p.store.close() //nolint:errcheck // nothing was written
	store, err := p.store.get(ctx)
	if err != nil {
		return err
	}
	if flags.json {
		return a.writeRows(store.Rows(ctx, filter))
	}
	return a.showRows(store.Rows(ctx, filter))
}

func (f auditFlags) read(now time.Time) (audit.Filter, error) {
	filter := f.filter
	if filter.Valid() != nil {
		return filter, fail(tools.Invalid, "--operation %q is not a glob: write such as servers.*", filter.Operation)
	}
	if filter.Limit < 0 {
		return filter, fail(tools.Invalid, "--limit must be 0 or more")
	}
	for _, t := range []struct {
		flag, text string
		to         *time.Time
	}{{"--since", f.since, &filter.Since}, {"--until", f.until, &filter.Until}} {
		at, err := readTime(t.text, now)
		if err != nil {
			return filter, fail(tools.Invalid, "%s %v", t.flag, err)
		}
		*t.to = at
	}
	return filter, nil
}

// readTime reads a date, a time, or how long ago.
func readTime(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return at, nil
		}
	}
	return time.Time{}, errors.New("is no time: write 2026-01-31, 2026-01-31T14:00:00Z, or 24h for a day ago")
}

func (a *app) writeRows(rows rowSeq) error {
	for row, err := range rows {
		if err != nil {
			return err
		}
		if err := a.io.writeJSON(row); err != nil {
			return err
		}
	}
	return nil
}

type rowSeq = iter.Seq2[audit.Row, error]

func (a *app) showRows(rows rowSeq) error {
	t := tools.Table{Header: []string{"seq", "at", "actor", "operation", "target", "decision", "outcome", "approval"}}
	for row, err := range rows {
		if err != nil {
			return err
		}
		t.Rows = append(t.Rows, []string{
			strconv.FormatInt(row.Seq, 10), row.At.Format(time.RFC3339), tools.Clean(row.Actor), tools.Clean(row.Operation),
			tools.Clean(row.Target), row.Decision, row.Outcome, row.Approval,
		})
	}
	t.Note = fmt.Sprintf("%d rows; --json shows everything about each.", len(t.Rows))
	_, err := fmt.Fprintln(a.io.Out, t.Styled(a.io.style(a.env).cell))
	return err
}

func (a *app) auditVerifyCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "verify", Short: "Prove that no row of the log was changed or dropped", Args: noArgs,
		Long: "Reads the whole log and checks the chain. Rows cut off at the end leave no trace in the log\nitself: note the head that this prints, and compare.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.verifyAudit(cmd.Context(), asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

func (a *app) verifyAudit(ctx context.Context, asJSON bool) error {
	p, err := a.assemble(ctx)
	if err != nil {
		return err
	}
	defer p.store.close() //nolint:errcheck // nothing was written
	store, err := p.store.get(ctx)
	if err != nil {
		return err
	}
	report, err := audit.Verify(store.Rows(ctx, audit.Filter{}))
	if bad, ok := errors.AsType[*audit.BadRow](err); ok {
		return fail(tools.Failed, "%v; the %d rows before it are whole. Keep the database as it is and find out who can write to it", bad, report.Rows)
	}
	if err != nil {
		return err
	}
	if asJSON {
		return a.io.writeJSON(report)
	}
	_, err = fmt.Fprintf(a.io.Out, "The log is whole: %d rows, head %s\n", report.Rows, report.Head)
	return err
}
