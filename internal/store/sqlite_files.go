package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"sync/atomic"

	sqlite3 "modernc.org/sqlite/lib"
)

// suffixes are of the database file and of what SQLite keeps beside it while it is open: the rows
// that were committed last, and where they are in there.
var suffixes = []string{"", "-wal", "-shm"}

// files are the files of an open SQLite database, as this process has them open.
type files struct {
	path   string
	write  *sql.DB
	opened map[string]os.FileInfo // by suffix
	wal    atomic.Int64           // the least size of the write-ahead log: it only grows while it is open
	last   appended               // the last row of the log that this process committed
	broken error                  // why nothing is written any more
}

// openedFiles notes which files a database consists of. A connection must have read it, so that
// all are there and open.
func openedFiles(path string, write *sql.DB) (*files, error) {
	f := &files{path: path, write: write, opened: map[string]os.FileInfo{}}
	for _, suffix := range suffixes {
		own, err := ownFile(path + suffix)
		if err != nil {
			return nil, err
		}
		f.opened[suffix] = own
	}
	f.wal.Store(f.opened["-wal"].Size())
	return f, nil
}

// ownFile returns the file at path. Where the system lists the open files of this process, it
// must be one of them: it may have been exchanged since it was opened.
func ownFile(path string) (os.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS != "linux" {
		return info, err
	}
	const own = "/proc/self/fd"
	names, err := os.ReadDir(own)
	if err != nil {
		return info, nil //nolint:nilerr // not every system has it
	}
	for _, name := range names {
		if open, err := os.Stat(own + "/" + name.Name()); err == nil && os.SameFile(open, info) {
			return info, nil
		}
	}
	return nil, fmt.Errorf("%s was replaced while it was being opened", path)
}

// verify makes sure that the files which are written are those that others will find. What is
// written to files that were removed, replaced or cut while they are open is lost with the
// process, or at once: a change would leave no trace. The caller has the write slot.
func (f *files) verify(ctx context.Context) error {
	if f == nil {
		return nil
	}
	if f.broken != nil {
		return f.broken
	}
	wal, err := f.find()
	if err == nil && wal < f.wal.Load() {
		return f.verifyCut(ctx)
	}
	return err
}

// verifyFiles is verify for a read, which waits for the write slot only where something seems wrong.
func verifyFiles(ctx context.Context, s *Store) error {
	wal, err := s.files.find()
	if err != nil || s.files == nil || wal >= s.files.wal.Load() {
		return err
	}
	leave, err := s.growth.enter(ctx, s.writeSlots)
	if err != nil {
		return err
	}
	defer leave()
	return s.files.verify(ctx)
}

// find fails unless the opened files are the ones at their paths, and returns the size of the
// write-ahead log; 0 without files.
func (f *files) find() (wal int64, err error) {
	if f == nil {
		return 0, nil
	}
	for suffix, opened := range f.opened {
		name := f.path + suffix
		now, err := os.Lstat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return 0, lostFile(name, "removed")
		case err != nil:
			return 0, fmt.Errorf("%w: the database file %s cannot be looked at: %w", errLostFile, name, err)
		case !os.SameFile(opened, now):
			return 0, lostFile(name, "replaced")
		case suffix == "-wal":
			wal = now.Size()
		}
	}
	return wal, nil
}

// errLostFile: what would be written would be lost.
var errLostFile = errors.New("store: nothing is written")

func lostFile(name, how string) error {
	return fmt.Errorf("%w: the database file %s was %s while it was in use; put it back, or start the program again", errLostFile, name, how)
}

// verifyCut distinguishes a write-ahead log that was checkpointed and truncated, by another program too,
// from one of which a part was cut off.
func (f *files) verifyCut(ctx context.Context) error {
	whole, err := f.isWhole(ctx)
	switch {
	case whole:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("store: %w", ctx.Err())
	case err == nil:
		f.broken = lostFile(f.path+"-wal", "cut short")
		return f.broken
	}
	return fmt.Errorf("%w (%w)", lostFile(f.path+"-wal", "cut short"), err)
}

// isWhole compares a write-ahead log that has become shorter with its index, and checks whether the
// last row that was committed here is still there.
func (f *files) isWhole(ctx context.Context) (bool, error) {
	var busy, frames, moved, page, rows int64
	const checkpoint, last = "PRAGMA wal_checkpoint(PASSIVE)", "SELECT (SELECT count(*) FROM audit WHERE seq = $1 AND hash = $2), page_size FROM pragma_page_size"
	if err := f.write.QueryRowContext(ctx, checkpoint).Scan(&busy, &frames, &moved); err != nil {
		return false, err
	}
	if err := f.write.QueryRowContext(ctx, last, f.last.seq, f.last.hash).Scan(&rows, &page); err != nil {
		return false, err
	}
	info, err := os.Lstat(f.path + "-wal")
	const header, frameHeader = 32, 24
	if err != nil || frames > 0 && header+frames*(frameHeader+page) > info.Size() || f.last.seq > 0 && rows == 0 {
		return false, err
	}
	f.wal.Store(info.Size())
	return true, nil
}

// explain adds to an error that the file stayed locked or its disk is full, or that a part of the write-ahead log is missing.
func (f *files) explain(err error) error {
	if isCode(err, sqlite3.SQLITE_BUSY) || isCode(err, sqlite3.SQLITE_FULL) {
		return explainSQLite(err)
	}
	if !isCode(err, sqlite3.SQLITE_IOERR) && !isCode(err, sqlite3.SQLITE_CORRUPT) {
		return err
	}
	wal, gone := f.find()
	switch {
	case gone != nil:
		return fmt.Errorf("%w (%w)", gone, err)
	case wal < f.wal.Load():
		return fmt.Errorf("%w (%w)", lostFile(f.path+"-wal", "cut short"), err)
	}
	return err
}

// committed notes what a transaction has written: its row of the log, if any, and how long the
// write-ahead log must be from now on.
func (f *files) committed(done appended) {
	if f == nil {
		return
	}
	if done.seq > 0 {
		f.last = done
	}
	if info, err := os.Lstat(f.path + "-wal"); err == nil && os.SameFile(info, f.opened["-wal"]) {
		f.wal.Store(max(f.wal.Load(), info.Size()))
	}
}
