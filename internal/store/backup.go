package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

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
	if err := errors.Join(reserved.Close(), s.fill(ctx, path)); err != nil {
		return fmt.Errorf("backup: %w", errors.Join(err, os.Remove(path)))
	}
	return nil
}

// fill copies into a file beside path and puts it in place of the empty one when it is whole.
func (s *Store) fill(ctx context.Context, path string) error {
	folder, err := os.MkdirTemp(filepath.Dir(path), ".vpsbot-backup-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder) //nolint:errcheck // what it held was moved, or is of no use
	partial := filepath.Join(folder, "copy")
	if err := makePrivate(partial); err != nil {
		return err
	}
	if err := s.vacuumInto(ctx, partial); err != nil {
		return explainSQLite(err)
	}
	if err := synced(partial); err != nil {
		return err
	}
	if err := os.Rename(partial, path); err != nil {
		return err
	}
	return synced(filepath.Dir(path))
}

// vacuumInto needs a connection of its own: the readers' may not write, not even elsewhere.
func (s *Store) vacuumInto(ctx context.Context, path string) error {
	db, err := openPool(s.path, "?_pragma=busy_timeout(10000)", 1)
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
	// Some systems have no way to sync a folder; the file itself is safe then.
	if err := file.Sync(); err != nil && !isFolder(file) {
		return errors.Join(err, file.Close())
	}
	return file.Close()
}

func isFolder(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.IsDir()
}
