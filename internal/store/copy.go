package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/vpsbot/vpsbot/internal/audit"
)

// Migrated is what [Migrate] has copied.
type Migrated struct {
	Tables []Table
	Log    audit.Report // of the copied log, read back from the target
}

// Table is a table and how many rows of it were copied.
type Table struct {
	Name string `json:"table"`
	Rows int64  `json:"rows"`
}

// Migrate copies a SQLite store into an empty PostgreSQL database: all of it in one
// transaction, or nothing. Both are locked against writes meanwhile. It reads the copy back,
// counts every table and verifies the audit log before it commits. The SQLite file stays as
// it is: a process that still uses it appends to a log of its own.
func Migrate(ctx context.Context, from, to string) (Migrated, error) {
	if err := migratable(from, to); err != nil {
		return Migrated{}, err
	}
	source, err := Open(ctx, from)
	if err != nil {
		return Migrated{}, err
	}
	defer source.Close() //nolint:errcheck // nothing was written
	target, err := Open(ctx, to)
	if err != nil {
		return Migrated{}, err
	}
	defer target.Close() //nolint:errcheck // what was written is committed
	var report Migrated
	// A write transaction keeps writers off the file; nothing is written in it.
	err = source.inTx(ctx, func(ctx context.Context, tx transaction) error {
		report, err = copyInto(ctx, tx, target)
		return err
	})
	switch {
	case errors.Is(err, errCommitUnknown):
		return Migrated{}, target.explain(err)
	case err != nil:
		return Migrated{}, fmt.Errorf("nothing was copied: %w", target.explain(err))
	}
	return report, nil
}

func migratable(from, to string) error {
	path, ok := strings.CutPrefix(from, "sqlite:")
	if !ok || !isPostgres(to) {
		return errors.New("a store is copied from sqlite:PATH to postgres://USER:PASSWORD@HOST/DATABASE")
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no store to copy: %w", err)
	}
	return nil
}

// copyInto is not held to the time that a transaction has otherwise, only each of its
// statements is.
func copyInto(ctx context.Context, source transaction, target *Store) (Migrated, error) {
	tx, err := target.write.BeginTx(ctx, target.options)
	if err != nil {
		return Migrated{}, err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	into := transaction{conn{db: tx}, &appended{}}
	if err := target.lockAppend(ctx, into); err != nil {
		return Migrated{}, err
	}
	report, err := copyTables(ctx, source, into)
	if err != nil {
		return report, err
	}
	if report.Log, err = sameLog(ctx, source, into); err != nil {
		return report, err
	}
	if err := tx.Commit(); err != nil {
		return report, fmt.Errorf("%w: %w", errCommitUnknown, err)
	}
	return report, nil
}

func copyTables(ctx context.Context, source, target transaction) (Migrated, error) {
	var report Migrated
	// What others refer to comes first.
	names, err := texts(ctx, source, `SELECT name FROM pragma_table_list t WHERE schema = 'main' AND type = 'table'
		AND name NOT LIKE 'sqlite\_%' ESCAPE '\' AND name <> 'goose_db_version'
		ORDER BY (SELECT count(*) FROM pragma_foreign_key_list(t.name)), name`)
	if err != nil {
		return report, err
	}
	for _, name := range names {
		n, err := copyTable(ctx, source, target, name)
		if err != nil {
			return report, fmt.Errorf("table %s: %w", name, err)
		}
		report.Tables = append(report.Tables, Table{name, n})
	}
	return report, nil
}

func texts(ctx context.Context, q queryer, query string, args ...any) ([]string, error) {
	return all(ctx, q, func(s *string) []any { return []any{s} }, query, args...)
}

// copyTable copies a table into an empty one, and counts both afterwards.
func copyTable(ctx context.Context, source, target transaction, name string) (int64, error) {
	occupied, err := exists(ctx, target, "SELECT count(*) FROM "+name)
	if err != nil {
		return 0, err
	}
	if occupied {
		return 0, errors.New("the target is in use: name an empty database")
	}
	columns, err := texts(ctx, source, "SELECT name FROM pragma_table_info($1) ORDER BY cid", name)
	if err != nil {
		return 0, err
	}
	if err := copyRows(ctx, source, target, name, columns); err != nil {
		return 0, err
	}
	want, err := count(ctx, source, "SELECT count(*) FROM "+name)
	if err != nil {
		return 0, err
	}
	have, err := count(ctx, target, "SELECT count(*) FROM "+name)
	if err == nil && have != want {
		err = fmt.Errorf("it has %d rows and %d arrived", want, have)
	}
	return have, err
}

// batch is how many values go into one statement; PostgreSQL takes 65,535.
const batch = 10_000

func copyRows(ctx context.Context, source, target transaction, name string, columns []string) error {
	list := strings.Join(columns, ", ")
	rows, err := source.db.QueryContext(ctx, "SELECT "+list+" FROM "+name) //nolint:gosec // the names are those of the schema
	if err != nil {
		return err
	}
	defer rows.Close()
	var p params
	var marks []string
	for more := true; more; {
		if more = rows.Next(); more {
			values, err := rowValues(rows, len(columns))
			if err != nil {
				return err
			}
			marks = append(marks, "("+addAll(&p, values)+")")
		}
		if len(marks) > 0 && (!more || len(p.values) >= batch) {
			if _, err := execute(ctx, target, "INSERT INTO "+name+" ("+list+") VALUES "+strings.Join(marks, ", "), p.values...); err != nil {
				return err
			}
			p, marks = params{}, nil
		}
	}
	return rows.Err()
}

func rowValues(rows *sql.Rows, n int) ([]any, error) {
	values, places := make([]any, n), make([]any, n)
	for i := range values {
		places[i] = &values[i]
	}
	err := rows.Scan(places...)
	return values, err
}

// sameLog verifies both logs and compares their ends.
func sameLog(ctx context.Context, source, target transaction) (audit.Report, error) {
	before, err := audit.Verify(logOf(ctx, source))
	if err != nil {
		return before, fmt.Errorf("the audit log is not whole (vpsbot audit verify): %w", err)
	}
	after, err := audit.Verify(logOf(ctx, target))
	if err == nil && after != before {
		err = fmt.Errorf("the audit log ends with row %d, and the copy with row %d", before.Rows, after.Rows)
	}
	return after, err
}

func logOf(ctx context.Context, tx transaction) iter.Seq2[audit.Row, error] {
	return filtered(audit.Filter{}, auditColumns, func(read func(context.Context, queryer) error) error { return read(ctx, tx) })
}

// Backup writes a copy of a SQLite store to a new file, as of one moment, while others use
// the store. The file is its owner's alone, is nothing but a database (no companion files),
// and there is either a whole one or an empty one. A file that exists is never replaced.
func (s *Store) Backup(ctx context.Context, path string) error {
	if s.path == "" {
		return errors.New("a PostgreSQL database is backed up with PostgreSQL's own pg_dump")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	reserved, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("backup: %s exists: name a new file", path)
	}
	if err != nil {
		return fmt.Errorf("backup: %w: name a file in a folder that you may write to", err)
	}
	if err := errors.Join(reserved.Close(), copyFile(ctx, s.path, path)); err != nil {
		return fmt.Errorf("backup: %w", errors.Join(err, os.Remove(path)))
	}
	return nil
}

// copyFile copies a database into a file beside path and puts it in place of the empty one when it is whole.
func copyFile(ctx context.Context, database, path string) error {
	folder, err := os.MkdirTemp(filepath.Dir(path), ".vpsbot-backup-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder) //nolint:errcheck // what it held was moved, or is of no use
	partial := filepath.Join(folder, "copy")
	if err := makePrivate(partial); err != nil {
		return err
	}
	if err := vacuumInto(ctx, database, partial); err != nil {
		return explainSQLite(err)
	}
	if err := synced(partial); err != nil {
		return err
	}
	if err := os.Rename(partial, path); err != nil {
		return err
	}
	_ = synced(filepath.Dir(path)) // some systems cannot sync a folder; the file itself is safe then
	return nil
}

// vacuumInto needs a connection of its own: the readers' may not write, not even elsewhere.
func vacuumInto(ctx context.Context, database, path string) error {
	db, err := openPool(database, "?_pragma=busy_timeout(10000)", 1)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, "VACUUM INTO $1", path)
	return err
}

// synced has the system keep a file, or the names in a folder, through a loss of power.
func synced(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
