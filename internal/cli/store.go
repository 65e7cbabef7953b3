package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/store"
)

func storeCommand(c *cli) *cobra.Command {
	return parent("store", "Copy the database, or move it to PostgreSQL",
		"The database holds approvals, the audit log and the hashes of access keys. VPSBOT_DATABASE_URL names it.",
		storeMigrateCommand(c), storeBackupCommand(c))
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
	type tableJSON struct {
		Table string `json:"table"`
		Rows  int64  `json:"rows"`
	}
	list, t := []tableJSON{}, runner.Table{Header: []string{"table", "rows"}}
	for _, table := range copied.Tables {
		list = append(list, tableJSON{table.Name, table.Rows})
		t.Rows = append(t.Rows, []string{table.Name, fmt.Sprint(table.Rows)})
	}
	t.Note = fmt.Sprintf("Copied and counted; the audit log is whole, %d rows. Set VPSBOT_DATABASE_URL to the new database.", copied.Log.Rows)
	return c.print(result{value: list, table: &t, names: t.Column("table")})
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
