package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations
var migrations embed.FS

// upToDate brings the schema to the newest version this program knows. Where it is there
// already, which is nearly always, that costs one query and none of goose.
func upToDate(ctx context.Context, db *sql.DB, path string) error {
	newest, err := newestVersion()
	if err != nil {
		return err
	}
	// An error here is looked at again under the lock: a fresh file has no such table.
	version, mode, err := recorded(ctx, db)
	if err == nil && version == newest && mode == "wal" {
		return nil
	}
	if err == nil && version > newest {
		return tooNew(version, newest)
	}
	return locked(ctx, path, func() error { return upgradeSQLite(ctx, db) })
}

// recorded reads the schema's version and the journal mode.
func recorded(ctx context.Context, db *sql.DB) (version int64, mode string, err error) {
	err = db.QueryRowContext(ctx, `SELECT max(version_id), (SELECT journal_mode FROM pragma_journal_mode)
		FROM goose_db_version`).Scan(&version, &mode)
	return version, mode, err
}

func newestVersion() (int64, error) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil || len(names) == 0 {
		return 0, errors.Join(err, errors.New("no migrations"))
	}
	return goose.NumericComponent(names[len(names)-1])
}

func tooNew(version, newest int64) error {
	return fmt.Errorf("its schema is version %d and this vpsbot knows %d: it was written by a newer one, upgrade vpsbot",
		version, newest)
}

func upgradeSQLite(ctx context.Context, db *sql.DB) error {
	if _, err := db.ExecContext(ctx, "PRAGMA journal_mode = WAL"); err != nil {
		return err
	}
	return upgrade(ctx, goose.DialectSQLite3, db, "sqlite", strict)
}

// upgrade applies the migrations that are missing. folder has what one engine alone gets.
func upgrade(ctx context.Context, dialect goose.Dialect, db *sql.DB, folder string, rewrite func([]byte) []byte) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(dialect, db, dialectSQL{files, folder, rewrite},
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

// locked runs f while no other process is in here with the same database. The lock is a
// transaction on an empty database beside it: that works wherever SQLite does, and the
// system frees it when a process dies.
func locked(ctx context.Context, path string, f func() error) error {
	path += "-lock"
	if err := makePrivate(path); err != nil {
		return err
	}
	db, err := openPool(path, writerOptions, 1)
	if err != nil {
		return err
	}
	defer db.Close()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	return f()
}
