package main

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/runner"
)

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
	addFilterFlags(cmd, &flags)
	cmd.Flags().IntVar(&flags.limit, "limit", 50, "the newest so many; 0: all")
	cmd.Flags().BoolVar(&flags.json, "json", false, "one line of JSON a row")
	return cmd
}

// addFilterFlags adds what selects rows.
func addFilterFlags(cmd *cobra.Command, flags *auditFlags) {
	f := cmd.Flags()
	f.StringVar(&flags.filter.Actor, "actor", "", "who asked, such as local:alice")
	f.StringVar(&flags.filter.Operation, "operation", "", "name or glob, such as servers.*")
	f.StringVar(&flags.target, "target", "", "a part of the target as it is shown, such as server:12345 or web-server-01")
	f.StringVar(&flags.filter.Approval, "approval", "", "id of an approval")
	addWordFlag(cmd, (*string)(&flags.filter.Decision), "decision", decisions)
	addWordFlag(cmd, (*string)(&flags.filter.Outcome), "outcome", outcomes)
	f.StringVar(&flags.since, "since", "", "from then on: 2026-01-31, 2026-01-31T14:00:00Z, or so long ago: 24h, 7d")
	f.StringVar(&flags.until, "until", "", "before then, written the same way")
	f.Int64Var(&flags.filter.After, "after", 0, "rows after this number alone, to go on where an export ended")
}

func (a *app) listAudit(ctx context.Context, flags auditFlags) error {
	filter, err := flags.read(a.now())
	if err != nil {
		return err
	}
	cfg, err := config.Read(ctx, a.env, a.goos)
	if err != nil {
		return invalid(err)
	}
	var rows []audit.Row
	var total int
	err = withLog(ctx, cfg, func(log auditLog) error {
		rows, total, err = newest(log.Rows(ctx, filter), flags.target, flags.limit)
		return err
	})
	switch {
	case err != nil:
		return err
	case flags.json:
		return a.writeRows(rows, total)
	}
	return a.showRows(rows, total)
}

func (f auditFlags) read(now time.Time) (audit.Filter, error) {
	filter := f.filter
	if filter.Valid() != nil {
		return filter, fail(runner.Invalid, "--operation %q is not a glob: write such as servers.*", filter.Operation)
	}
	if f.limit < 0 || filter.After < 0 {
		return filter, fail(runner.Invalid, "--limit and --after must be 0 or more")
	}
	if err := cmp.Or(checkWord("--decision", string(filter.Decision), decisions), checkWord("--outcome", string(filter.Outcome), outcomes)); err != nil {
		return filter, err
	}
	for _, t := range []struct {
		flag, text string
		to         *time.Time
	}{{"--since", f.since, &filter.Since}, {"--until", f.until, &filter.Until}} {
		at, err := readTime(t.text, now)
		if err != nil {
			return filter, fail(runner.Invalid, "%s %v", t.flag, err)
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
	if ago, ok := readAgo(text); ok {
		return now.Add(-ago), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return at, nil
		}
	}
	return time.Time{}, errors.New("is no time: write 2026-01-31, 2026-01-31T14:00:00Z, or 24h for a day ago")
}

// readAgo reads a duration, which may be in days.
func readAgo(text string) (time.Duration, bool) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err == nil
	}
	ago, err := time.ParseDuration(text)
	return ago, err == nil && ago >= 0
}
