package liveness

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Files are the lock files beside a SQLite database, in a folder of their own. A file is made by
// its holder alone; all others open what is there.
type Files struct{ folder string }

// FilesIn returns the lock files of a folder, which is made when the first lock is taken.
func FilesIn(folder string) *Files { return &Files{folder} }

const (
	suffix  = ".lock"
	settled = time.Minute // after which a new file is locked by its holder
)

func (f *Files) path(kind Kind, id string) string {
	return filepath.Join(f.folder, string(kind)+"-"+id+suffix)
}

// Take makes a lock file under an id, and locks it. It fails where there is one already.
func (f *Files) Take(kind Kind, id string) (Lock, error) {
	if err := os.MkdirAll(f.folder, 0o700); err != nil {
		return nil, fmt.Errorf("a lock file cannot be made: %w", err)
	}
	file := flock.New(f.path(kind, id), flock.SetFlag(os.O_RDWR|os.O_CREATE|os.O_EXCL), flock.SetPermissions(0o600))
	lock := &fileLock{id: id, file: file}
	locked, err := file.TryLock()
	if locked {
		err = lock.Check(context.Background())
	}
	switch {
	case err != nil:
		return nil, errors.Join(fmt.Errorf("a lock file cannot be locked: %w", err), file.Close())
	case !locked: // by Any or Sweep of another process
		return nil, fmt.Errorf("the lock file %s is locked by another process: try again", file.Path())
	}
	return lock, nil
}

// State reports what is known of the holder of a [Work] lock.
func (f *Files) State(id string) (State, error) {
	if !isID(id) {
		return Missing, nil
	}
	return probe(f.path(Work, id))
}

// probe tries a shared lock, so that two processes that probe do not take each other for the holder.
func probe(path string) (State, error) {
	file := flock.New(path, flock.SetFlag(os.O_RDWR)) // without creating it
	free, err := file.TryRLock()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Missing, nil
	case err != nil:
		return Exists, fmt.Errorf("a lock file cannot be asked for: %w", err)
	case !free:
		return Exists, nil
	}
	return Gone, file.Close()
}

// Any reports whether somebody holds a lock of a kind.
func (f *Files) Any(kind Kind) (bool, error) {
	ids, err := f.all(kind)
	for _, id := range ids {
		state, failed := probe(f.path(kind, id))
		if state == Exists && failed == nil {
			return true, nil
		}
		err = errors.Join(err, failed)
	}
	return false, err
}

// all lists the ids that have a file of a kind. A folder that was never made has none.
func (f *Files) all(kind Kind) (ids []string, err error) {
	entries, err := os.ReadDir(f.folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, entry := range entries {
		id, isKind := strings.CutPrefix(strings.TrimSuffix(entry.Name(), suffix), string(kind)+"-")
		if isKind && isID(id) {
			ids = append(ids, id)
		}
	}
	return ids, err
}

// Sweep removes the files of holders that are gone and that no row names any more. There is no race: an
// id is never used again, a dead holder writes no row, and the file is removed while its lock is held.
// New files are skipped: their holder is about to lock them.
func (f *Files) Sweep(isNamed func(id string) (bool, error)) error {
	var failed error
	for _, kind := range []Kind{Work, Slack, Prune} {
		ids, err := f.all(kind)
		failed = errors.Join(failed, err)
		for _, id := range ids {
			failed = errors.Join(failed, f.sweepOne(kind, id, isNamed))
		}
	}
	return failed
}

func (f *Files) sweepOne(kind Kind, id string, isNamed func(id string) (bool, error)) error {
	path := f.path(kind, id)
	if info, err := os.Stat(path); err != nil || time.Since(info.ModTime()).Abs() < settled {
		return nil //nolint:nilerr // another sweep was quicker
	}
	file := flock.New(path, flock.SetFlag(os.O_RDWR))
	if locked, err := file.TryLock(); err != nil || !locked {
		return nil //nolint:nilerr // it is held, or gone
	}
	if kind == Work {
		if named, err := isNamed(id); err != nil || named {
			return errors.Join(err, file.Close())
		}
	}
	return remove(file)
}

// remove removes a file whose lock is held, and releases it. Where open files cannot be removed the
// lock is released first.
func remove(file *flock.Flock) error {
	err := os.Remove(file.Path())
	closed := file.Close()
	if err != nil {
		err = os.Remove(file.Path())
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, closed)
}

type fileLock struct {
	id   string
	file *flock.Flock
}

func (l *fileLock) ID() string { return l.id }

// Check implements [Lock]: the file that others find must be the one that is locked.
func (l *fileLock) Check(context.Context) error {
	if !l.file.Locked() {
		return ErrLost
	}
	own, err := l.file.Stat()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	found, err := os.Lstat(l.file.Path())
	if err != nil || !os.SameFile(own, found) {
		return fmt.Errorf("%w: the file %s was removed or replaced", ErrLost, l.file.Path())
	}
	return nil
}

// Release implements [Lock]. The file stays: records may name it.
func (l *fileLock) Release() error { return l.file.Close() }

// Remove releases a lock that nothing names, and removes its file.
func (f *Files) Remove(lock Lock) error {
	if held, ok := lock.(*fileLock); ok && held.file.Locked() {
		return remove(held.file)
	}
	return nil
}
