package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/vpsbot/vpsbot/internal/liveness"
)

// What every connection is opened with. The write-ahead log is not here: it is a property
// of the file, set once by migrate.
const (
	writerOptions = "?_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)"
	readerOptions = "?_pragma=busy_timeout(10000)&_pragma=query_only(1)"
)

// sqliteClock is that of the one machine that has the file.
const sqliteClock = "CAST(round(unixepoch('subsec') * 1000) AS INTEGER)"

func openSQLite(ctx context.Context, path string) (*Store, error) {
	if strings.HasPrefix(path, ":memory:") {
		return nil, errors.New("a database in memory would forget what was agreed to: name a file, sqlite:PATH")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", path, err)
	}
	s, err := openFile(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", path, explainSQLite(err))
	}
	return s, nil
}

func openFile(ctx context.Context, path string) (*Store, error) {
	if err := CheckPlace(path); err != nil {
		return nil, err
	}
	if err := prepareFiles(path); err != nil {
		return nil, err
	}
	write, err := openPool(path, writerOptions, 1)
	if err != nil {
		return nil, err
	}
	if err := migrateSQLite(ctx, write, path); err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read, err := openPool(path, readerOptions, readers)
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	opened, err := openedFiles(path, write)
	if err != nil {
		return nil, errors.Join(err, read.Close(), write.Close())
	}
	locks := path + "-locks"
	s := newStore(engine{
		path: path, files: opened, clock: sqliteClock, explain: opened.explain,
		turns: &turns{folder: locks, write: write}, lockFiles: liveness.FilesIn(locks),
	}, write, 1, read)
	s.writes, s.reads = newStatements(write), newStatements(read)
	return s, nil
}

// openPool does not touch the file yet.
func openPool(path, options string, connections int) (*sql.DB, error) {
	db, err := sql.Open("sqlite", fileURI(path)+options)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// fileURI escapes what SQLite would read as a query, a fragment or an escape.
func fileURI(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/folder
	}
	return "file://" + (&url.URL{Path: path}).EscapedPath()
}

// prepareFiles makes folder and file for their owner alone. SQLite gives its companion
// files the mode of the database, so an older, wider one is narrowed with them.
func prepareFiles(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := makePrivate(path); err != nil {
		return err
	}
	for _, suffix := range suffixes {
		if err := makeOwnerOnly(path + suffix); err != nil {
			return err
		}
	}
	return nil
}

// makePrivate makes an empty file of mode 0600 unless it is there. Linux gives a new file
// no more than that whatever the umask.
func makePrivate(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return file.Close()
}

func makeOwnerOnly(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return err
	}
	return os.Chmod(path, 0o600)
}

func explainSQLite(err error) error {
	var failure *sqlite.Error
	switch {
	case errors.Is(err, fs.ErrPermission), isCode(err, sqlite3.SQLITE_READONLY):
		return fmt.Errorf("%w: take a folder that you may write to, or correct its owner", err)
	case isCode(err, sqlite3.SQLITE_NOTADB), isCode(err, sqlite3.SQLITE_CORRUPT):
		return fmt.Errorf("%w: move that file away, or name another, sqlite:PATH", err)
	case isCode(err, sqlite3.SQLITE_FULL):
		return fmt.Errorf("%w: make room there", err)
	case isCode(err, sqlite3.SQLITE_BUSY):
		return fmt.Errorf("%w: another process kept it locked for 10 seconds, try again", err)
	case errors.As(err, &failure), errors.As(err, new(*fs.PathError)):
		return fmt.Errorf("%w: name another file, sqlite:PATH", err)
	}
	return err
}

// isCode compares the primary result code; the upper bits only refine it.
func isCode(err error, code int) bool {
	var failure *sqlite.Error
	return errors.As(err, &failure) && failure.Code()&0xff == code
}
