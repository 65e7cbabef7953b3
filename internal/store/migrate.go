package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"testing/fstest"

	"github.com/pressly/goose/v3"
)

//go:embed migrations
var migrations embed.FS

var migrationFiles, _ = fs.Glob(migrations, "migrations/*.sql") // the pattern is valid

// migrateSQLite brings the schema to the newest version this program knows. Where it is there
// already, which is nearly always, that costs two queries and none of goose.
func migrateSQLite(ctx context.Context, db *sql.DB, path string) error {
	done, err := isUpToDate(ctx, db)
	if err != nil {
		return err
	}
	mode := "" // a copy that Backup made is in another than ours
	if done && db.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode) == nil && mode == "wal" {
		return nil
	}
	return withMigrationLock(ctx, path, func() error {
		if _, err := db.ExecContext(ctx, "PRAGMA journal_mode = WAL"); err != nil {
			return err
		}
		return migrate(ctx, db, dialect{goose.DialectSQLite3, "sqlite", strict, sqliteClock})
	})
}

// isUpToDate reports whether a schema is of the newest version. A fresh database has none, and an error
// recurs under the migration lock.
func isUpToDate(ctx context.Context, db *sql.DB) (bool, error) {
	var version int64
	if db.QueryRowContext(ctx, "SELECT max(version_id) FROM goose_db_version").Scan(&version) != nil {
		return false, nil
	}
	return version == newestVersion, checkKnown(version)
}

// newestVersion is the version of the schema that the last migration leads to.
var newestVersion = func() int64 {
	version, err := goose.NumericComponent(migrationFiles[len(migrationFiles)-1])
	if err != nil {
		panic(err) // it is misnamed
	}
	return version
}()

// checkKnown fails for a version of the schema that is newer than this program.
func checkKnown(version int64) error {
	if version > newestVersion {
		return fmt.Errorf("its schema is version %d and this vpsbot knows %d: it was written by a newer one, upgrade vpsbot",
			version, newestVersion)
	}
	return nil
}

// dialect is how one engine gets the migrations: rewritten, and with a file of the same name in the
// engine's own folder appended.
type dialect struct {
	goose   goose.Dialect
	folder  string
	rewrite func([]byte) []byte
	clock   string // as of an engine
}

func (d dialect) files() fs.FS {
	files := fstest.MapFS{}
	for _, file := range migrationFiles {
		name := path.Base(file)
		shared, _ := migrations.ReadFile(file)                               // it is there
		own, _ := migrations.ReadFile("migrations/" + d.folder + "/" + name) // few have one
		files[name] = &fstest.MapFile{Data: append(d.rewrite(shared), own...)}
	}
	return files
}

func migrate(ctx context.Context, db *sql.DB, d dialect) error {
	if err := checkNoHeartbeat(ctx, db, d.clock); err != nil {
		return err
	}
	provider, err := goose.NewProvider(d.goose, db, d.files(),
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

// The versions of the schema in which a process shows by heartbeats that it exists. Such a process and
// one that uses locks each take the other for dead.
const firstBeats, lastBeats = 2, 7

// checkNoHeartbeat fails where a process of such a version has used the database within the last minute.
func checkNoHeartbeat(ctx context.Context, db *sql.DB, clock string) error {
	var version, beating int64
	if err := db.QueryRowContext(ctx, "SELECT max(version_id) FROM goose_db_version").Scan(&version); err != nil {
		return nil //nolint:nilerr // a fresh database has no such table
	}
	if version < firstBeats || version > lastBeats {
		return nil
	}
	err := db.QueryRowContext(ctx, "SELECT count(*) FROM beats WHERE at BETWEEN "+clock+" - 60000 AND "+clock+" + 60000").Scan(&beating)
	if err == nil && beating > 0 {
		err = errors.New("an older vpsbot has used it within the last minute, and does not work beside this one: " +
			"stop every vpsbot first, wait a minute, then start this one again")
	}
	return err
}

// withMigrationLock runs f while no other process is in here with the same database. The lock is a
// transaction on an empty database beside it: that works wherever SQLite does, and the
// system frees it when a process dies.
func withMigrationLock(ctx context.Context, path string, f func() error) error {
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

// createTable matches a table's definition, which ends in a parenthesis at the start of a line.
var createTable = regexp.MustCompile(`(?m)^(CREATE TABLE [^;]*?^\));`)

// strict has SQLite hold every table to its types.
func strict(text []byte) []byte { return createTable.ReplaceAll(text, []byte("$1 STRICT;")) }

var integer = regexp.MustCompile(`\bINTEGER\b`)

// wide gives PostgreSQL's numbers the 64 bits that SQLite's have.
func wide(text []byte) []byte { return integer.ReplaceAll(text, []byte("BIGINT")) }
