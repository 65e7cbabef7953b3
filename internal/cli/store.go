package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/text"
)

func storeCommand(c *cli) *cobra.Command {
	return parent("store", "Copy the database, move it to PostgreSQL, delete what is old",
		"The database holds approvals, the audit log and the hashes of access keys. VPSBOT_DATABASE_URL names it.",
		storeMigrateCommand(c), storeBackupCommand(c), storePruneCommand(c))
}

func storeMigrateCommand(c *cli) *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use: "migrate", Short: "Copy a SQLite database to PostgreSQL", Long: helpText("store-migrate"), Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.migrate(cmd.Context(), from, to) },
	}
	cmd.Flags().StringVar(&from, "from", "", "`URL` of the database to copy: sqlite:PATH")
	cmd.Flags().StringVar(&to, "to", "", "`URL` of an empty database: postgres://USER:PASSWORD@HOST/DATABASE")
	return c.withOutput(cmd, true)
}

func (c *cli) migrate(ctx context.Context, from, to string) error {
	cfg, err := c.Config(ctx)
	if err != nil {
		return err
	}
	if configured, err := cfg.Database(); err == nil && cfg.IsShared() {
		to = cmp.Or(to, configured)
	} else if err == nil {
		from = cmp.Or(from, configured)
	}
	if !strings.HasPrefix(from, "sqlite:") || !strings.HasPrefix(to, "postgres") {
		return app.Errorf(runner.Invalid, "name both: --from sqlite:PATH --to postgres://USER:PASSWORD@HOST/DATABASE")
	}
	copied, err := store.Migrate(ctx, from, to)
	if err != nil {
		return err
	}
	t := runner.Table{Header: []string{"table", "rows"}}
	t.Rows = text.Map(copied.Tables, func(table store.Table) []string { return []string{table.Name, fmt.Sprint(table.Rows)} })
	t.Note = fmt.Sprintf("Copied and counted; the audit log is whole, %d rows. Set VPSBOT_DATABASE_URL to the new database.", copied.Log.Rows)
	return c.print(result{value: copied.Tables, table: &t, names: t.Column("table")})
}

func storeBackupCommand(c *cli) *cobra.Command {
	return c.withOutput(&cobra.Command{
		Use: "backup FILE", Short: "Copy the SQLite database into a new file, while it is in use", Args: oneArg("the path of a new file"),
		Long: "Writes a whole copy, as of one moment, for you alone. A file that exists is never replaced.",
		RunE: c.run(anyone, func(ctx context.Context, s *session, args []string) error {
			if !s.HasStore() {
				return app.Errorf(runner.Failed, "there is no database yet, so there is nothing to copy")
			}
			db, err := s.Store.Open(ctx)
			if err != nil {
				return err
			}
			if err := db.Backup(ctx, args[0]); err != nil {
				return err
			}
			return s.print(result{value: map[string]string{"file": args[0]}, names: args, text: "Copied into " + args[0] + "."})
		}),
	}, false)
}

func storePruneCommand(c *cli) *cobra.Command {
	var before string
	var dryRun bool
	cmd := &cobra.Command{
		Use: "prune", Short: "Delete what ended long ago; the audit log stays", Long: helpText("store-prune"), Args: noArgs,
		RunE: c.run(ifKnown, func(ctx context.Context, s *session, _ []string) error { return s.prune(ctx, before, dryRun) }),
	}
	cmd.Flags().StringVar(&before, "before", keptFor(), "what ended before a `TIME`: 90d, 2026-01-31, 2026-01-31T14:00:00Z")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "count what would be deleted, and delete nothing")
	return c.withOutput(cmd, false)
}

func keptFor() string { return fmt.Sprintf("%dd", approval.KeptFor/(24*time.Hour)) }

type pruneJSON struct {
	Before     time.Time `json:"before"`
	DryRun     bool      `json:"dry_run"`
	Approvals  int       `json:"approvals"`
	Deliveries int       `json:"deliveries"`
}

func (s *session) prune(ctx context.Context, before string, dryRun bool) error {
	now := s.Now()
	until, err := audit.ParseTime(before, now)
	switch {
	case err != nil:
		return app.Errorf(runner.Invalid, "--before %v", err)
	case until.After(now.Add(-approval.KeptFor)):
		return app.Errorf(runner.Invalid, "--before is too late: limits count what ended within %s, so it is kept for as long; write --before %[1]s or an earlier time", keptFor())
	case !s.HasStore():
		return app.Errorf(runner.Failed, "there is no database yet, so there is nothing to delete")
	}
	if err := s.openStore(ctx); err != nil {
		return err
	}
	row := s.auditRow("store.prune", "before "+until.UTC().Format(time.RFC3339))
	if !dryRun {
		if err := s.db.Note(ctx, row); err != nil {
			return err
		}
	}
	done, err := s.db.Prune(ctx, store.PruneOptions{Before: until, DryRun: dryRun})
	if done.Busy {
		return app.Errorf(runner.Failed, "another process is deleting what is old right now; try again in a minute")
	}
	counts := fmt.Sprintf("%s and %s", text.Plural(done.Approvals, "approval"), text.Plural(done.Deliveries, "delivered Slack message"))
	if !dryRun {
		row.At, row.Outcome, row.Reason = s.Now(), audit.Done, "deleted "+counts
		if err != nil {
			row.Outcome, row.Reason = audit.Failed, "deleted "+counts+" before an error"
		}
		s.Runner.NoteOrLog(ctx, row)
	}
	if err != nil {
		return err
	}
	said := map[bool]string{true: "Would delete ", false: "Deleted "}[dryRun] + counts + ", which ended before " + until.UTC().Format(time.RFC3339) + ". The audit log stays whole."
	return s.print(result{value: pruneJSON{until.UTC().Truncate(time.Second), dryRun, done.Approvals, done.Deliveries}, text: said})
}
