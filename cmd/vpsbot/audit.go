package main

import (
	"context"
	"slices"
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
	target       string
	since, until string
	limit        int
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
	f.StringVar(&flags.target, "target", "", "a part of the target as it is shown, such as server:12345 or web-server-01")
	f.StringVar(&flags.filter.Approval, "approval", "", "id of an approval")
	addWordFlag(cmd, &flags.filter.Decision, "decision", decisions)
	addWordFlag(cmd, &flags.filter.Outcome, "outcome", outcomes)
	f.StringVar(&flags.since, "since", "", "from then on: 2026-01-31, 2026-01-31T14:00:00Z, or 24h ago")
	f.StringVar(&flags.until, "until", "", "before then, written the same way")
	f.IntVar(&flags.limit, "limit", 50, "the newest so many; 0: all")
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
	rows, total, err := newest(store.Rows(ctx, filter), flags.target, flags.limit)
	if err != nil {
		return err
	}
	if flags.json {
		return a.writeRows(rows, total)
	}
	return a.showRows(rows, total)
}

func (f auditFlags) read(now time.Time) (audit.Filter, error) {
	filter := f.filter
	if filter.Valid() != nil {
		return filter, fail(tools.Invalid, "--operation %q is not a glob: write such as servers.*", filter.Operation)
	}
	if f.limit < 0 {
		return filter, fail(tools.Invalid, "--limit must be 0 or more")
	}
	for _, w := range []struct {
		flag, text string
		words      []string
	}{{"--decision", filter.Decision, decisions}, {"--outcome", filter.Outcome, outcomes}} {
		if w.text != "" && !slices.Contains(w.words, w.text) {
			return filter, fail(tools.Invalid, "%s %q is none: write %s", w.flag, w.text, oneOf(w.words))
		}
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
