package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vpsbot/vpsbot/internal/liveness"
)

// Now returns the time by the database's clock: of SQLite the machine's, of PostgreSQL the server's.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	return readOne(ctx, s, func(t *time.Time) []any { return []any{(*millis)(t)} }, "SELECT "+s.clock)
}

// Hold returns the lock that shows others that this process exists. What the process claims names
// the lock's id. A lock that was lost is replaced by one of another id: what was claimed under the
// old one may be somebody else's by now.
func (s *Store) Hold(ctx context.Context) (liveness.Lock, error) {
	return s.hold(ctx, liveness.Work)
}

// Identify gives the first lock of this process its id. It is called before anything else.
func (s *Store) Identify(id string) { s.id = id }

// Advertise holds a lock of a kind until Withdraw, for other processes to see.
func (s *Store) Advertise(ctx context.Context, kind liveness.Kind) error {
	_, err := s.hold(ctx, kind)
	return err
}

// Withdraw releases the lock of Advertise.
func (s *Store) Withdraw(kind liveness.Kind) error {
	s.locks.Lock()
	defer s.locks.Unlock()
	lock := s.held[kind]
	delete(s.held, kind)
	if lock == nil {
		return nil
	}
	if s.lockFiles != nil {
		return s.lockFiles.Remove(lock)
	}
	return lock.Release()
}

func (s *Store) hold(ctx context.Context, kind liveness.Kind) (liveness.Lock, error) {
	s.locks.Lock()
	defer s.locks.Unlock()
	if lock := s.held[kind]; lock != nil {
		if lock.Check(ctx) == nil {
			return lock, nil
		}
		_ = lock.Release() // it is lost
	}
	id := liveness.NewID()
	if kind == liveness.Work && s.id != "" {
		id, s.id = s.id, ""
	}
	lock, err := take(ctx, s, kind, id)
	if err != nil {
		return nil, fmt.Errorf("store: %w", s.explain(err))
	}
	s.held[kind] = lock
	return lock, nil
}

// take acquires a lock. The first time it removes the lock files of dead processes, to save space.
func take(ctx context.Context, s *Store, kind liveness.Kind, id string) (liveness.Lock, error) {
	if s.session != nil {
		return s.session.take(ctx, kind, id)
	}
	if len(s.held) == 0 {
		if err := s.lockFiles.Sweep(func(id string) (bool, error) { return isTrue(ctx, s, selectNamed, id) }); err != nil {
			s.warn(fmt.Errorf("lock files of processes that have ended could not be removed: %w", err))
		}
	}
	lock, err := s.lockFiles.Take(kind, id)
	return lock, explainSQLite(err)
}

// CheckDirect fails where a connection pooler stands before a PostgreSQL server.
func (s *Store) CheckDirect(ctx context.Context) error {
	if s.session == nil {
		return nil
	}
	return s.explain(s.session.checkDirect(ctx))
}

var selectNamed = "SELECT (SELECT count(*) FROM approvals WHERE owner = $1 AND " + inHolding + ")" +
	" + (SELECT count(*) FROM inbox WHERE owner = $1 AND done = 0)" +
	" + (SELECT count(*) FROM posts WHERE owner = $1 AND owner <> '')"

// Holder reports what is known of the process that claimed something under an id. Where that cannot
// be found out it exists.
func (s *Store) Holder(ctx context.Context, id string) (liveness.State, error) {
	if s.lockFiles != nil {
		return s.lockFiles.State(id)
	}
	free, err := isTrue(ctx, s, selectFree, liveness.Work, id)
	if err != nil || !free {
		return liveness.Exists, err
	}
	return liveness.Gone, nil
}

// IsAdvertised reports whether some process holds a lock of a kind.
func (s *Store) IsAdvertised(ctx context.Context, kind liveness.Kind) (bool, error) {
	if s.lockFiles != nil {
		return s.lockFiles.Any(kind)
	}
	return isTrue(ctx, s, selectAnyLock, kind)
}

// isTrue reports whether a query returns another number than 0.
func isTrue(ctx context.Context, s *Store, query string, args ...any) (is bool, err error) {
	return readOne(ctx, s, func(f *bool) []any { return []any{(*flag)(f)} }, query, args...)
}

// releaseLocks gives the locks up as the store is closed. A lock file that something names stays, so
// that others find its holder gone rather than missing.
func (s *Store) releaseLocks() (failed error) {
	ctx, cancel := context.WithTimeout(context.Background(), releaseTime)
	defer cancel()
	s.locks.Lock()
	defer s.locks.Unlock()
	for kind, lock := range s.held {
		delete(s.held, kind)
		if s.lockFiles == nil {
			continue // the session ends below
		}
		named, err := isTrue(ctx, s, selectNamed, lock.ID())
		if err != nil || named {
			failed = errors.Join(failed, lock.Release())
			continue
		}
		failed = errors.Join(failed, s.lockFiles.Remove(lock))
	}
	return errors.Join(failed, s.session.close(ctx))
}

const releaseTime = 2 * time.Second
