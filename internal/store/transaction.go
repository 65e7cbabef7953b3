package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/vpsbot/vpsbot/internal/audit"
)

const (
	attempts       = 4                      // of what lost a race, or its connection before a commit
	verifyInterval = 100 * time.Millisecond // between two questions whether a commit was kept
)

// errCommitUnknown: it cannot be found out whether a transaction was committed.
var errCommitUnknown = errors.New("whether the last write was kept is not known")

// transaction is a write transaction that uses what is prepared.
type transaction struct {
	conn
	log *appended
}

type appended struct {
	first   int64 // number of the first row; 0: none
	seq     int64 // of the last row
	hash    string
	at      time.Time
	note    audit.SignedCheckpoint // the checkpoint of the last row, if it has one
	accepts bool                   // it accepts a restored log
}

type change func(ctx context.Context, tx transaction) error

// inTx runs a change in a write transaction and commits it unless the change fails. It may run it
// several times; only the last one counts.
func (s *Store) inTx(ctx context.Context, do change) error {
	leave, err := s.growth.enter(ctx, s.writeQueue)
	if err != nil {
		return err
	}
	defer leave()
	return inUrgentTx(ctx, s, do)
}

// inUrgentTx is inTx for what somebody waits for: it goes before all that have not begun.
func inUrgentTx(ctx context.Context, s *Store, do change) (err error) {
	defer watched(ctx, s, Access{Kind: Write, began: time.Now()}, &err)
	leave, err := s.growth.enter(ctx, s.writeSlots)
	if err != nil {
		return err
	}
	defer leave()
	// Only now, before and after a transaction, is the connection free to prepare on.
	defer s.writes.prepare(ctx)
	endTurn, err := s.turns.enter(ctx)
	if err != nil {
		return err
	}
	defer endTurn()
	if err := s.files.verify(ctx); err != nil {
		return err
	}
	return s.retry(ctx, func(bounded context.Context) error { return s.once(ctx, bounded, do) })
}

// logged is inTx for what appends a row. Such transactions run one after the other, over all
// processes: what one counts, looks up and then writes no other can change in between.
func (s *Store) logged(ctx context.Context, do change) error {
	return s.inTx(ctx, func(ctx context.Context, tx transaction) error {
		if err := s.lockAppend(ctx, tx); err != nil {
			return err
		}
		tx.foresee(func(q queryer) {
			_, _ = head(ctx, q)
			if s.own.Any() {
				_, _ = s.newest(ctx, q)
			}
		})
		if err := do(ctx, tx); err != nil {
			return err
		}
		return s.sign(ctx, tx)
	})
}

// reading runs a read on a connection that cannot write.
func (s *Store) reading(ctx context.Context, read func(ctx context.Context, q queryer) error) (err error) {
	defer watched(ctx, s, Access{Kind: Read, began: time.Now()}, &err)
	leave, err := s.growth.enter(ctx, s.readSlots)
	if err != nil {
		return err
	}
	defer leave()
	defer s.reads.prepare(ctx)
	s.growth.adjust(ctx, s)
	return s.retry(ctx, func(ctx context.Context) error { return read(ctx, conn{db: s.read, statements: s.reads}) })
}

// retry gives each attempt the time that the engine has for it.
func (e *engine) retry(ctx context.Context, do func(context.Context) error) error {
	for attempt := 1; ; attempt++ {
		bounded, cancel := e.bounded(ctx)
		err := do(bounded)
		cancel()
		if ctx.Err() != nil {
			return err
		}
		if attempt == attempts || !isTransient(err) {
			return e.explain(err)
		}
	}
}

// bounded gives the database its time.
func (e *engine) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if e.timeout == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, e.timeout)
}

// lockAppend waits until no other transaction appends, and keeps others off until this one ends.
func (e *engine) lockAppend(ctx context.Context, tx transaction) error {
	if e.lock == "" {
		return nil
	}
	return tx.later(ctx, e.lock)
}

// once attempts a change. The outcome of its commit is looked up under ctx, for longer than bounded lasts.
func (s *Store) once(ctx, bounded context.Context, do change) error {
	done, run := &appended{}, unpipelined
	if s.session != nil {
		run = pipelined
	}
	committing, err := run(bounded, s, func(c conn) error { return do(bounded, transaction{c, done}) })
	if errors.Is(err, sql.ErrTxDone) && bounded.Err() != nil { // database/sql ended it when its time was up
		err = bounded.Err()
	}
	if err != nil && committing {
		err = s.verifyCommit(ctx, *done, fmt.Errorf("store: %w", err))
	}
	if err != nil {
		return err
	}
	s.files.committed(*done)
	s.keepCheckpoint(*done)
	return nil
}

// unpipelined runs a transaction that sends each statement by itself, and reports whether its commit was sent.
func unpipelined(ctx context.Context, s *Store, do func(conn) error) (committing bool, err error) {
	tx, err := s.write.BeginTx(ctx, s.options)
	if err != nil {
		return false, fmt.Errorf("store: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	if err := do(conn{db: tx, statements: s.writes}); err != nil {
		return false, err
	}
	return true, tx.Commit()
}

// verifyCommit finds out the outcome of a commit that was not answered. If the log has the transaction's
// row, all of it was committed; if not, nothing was, and the change may be tried again. Without a row the
// outcome is unknown. It waits for the append lock that the lost transaction held, so that the commit
// cannot be under way any more, and retries while the server restarts.
func (s *Store) verifyCommit(ctx context.Context, done appended, lost error) error {
	if !isLost(lost) {
		return lost
	}
	if done.seq == 0 {
		return fmt.Errorf("%w: %w", errCommitUnknown, lost)
	}
	ctx, cancel := s.bounded(context.WithoutCancel(ctx))
	defer cancel()
	for {
		there, err := isThere(ctx, s, done)
		switch {
		case err == nil && there:
			return nil
		case err == nil:
			return lost
		case !isLost(err) || ctx.Err() != nil:
			return fmt.Errorf("%w: %w", errCommitUnknown, errors.Join(lost, err))
		}
		select {
		case <-ctx.Done():
		case <-time.After(verifyInterval):
		}
	}
}

func isThere(ctx context.Context, s *Store, done appended) (bool, error) {
	tx, err := s.write.BeginTx(ctx, s.options)
	if err != nil {
		return false, fmt.Errorf("store: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	look := transaction{conn{db: tx}, &appended{}}
	if err := s.lockAppend(ctx, look); err != nil {
		return false, err
	}
	return exists(ctx, look, "SELECT count(*) FROM audit WHERE seq = $1 AND hash = $2", done.seq, done.hash)
}

// unprepared is t for statements whose text depends on how many values there are: to keep them
// all prepared would leave no room for others.
func (t transaction) unprepared() transaction {
	t.statements = nil
	return t
}

// readOne reads a single row. No row is approval.ErrNotFound.
func readOne[T any](ctx context.Context, s *Store, fields func(*T) []any, query string, args ...any) (T, error) {
	return first(readAll(ctx, s, fields, query, args...))
}

func readAll[T any](ctx context.Context, s *Store, fields func(*T) []any, query string, args ...any) (out []T, err error) {
	err = s.reading(ctx, func(ctx context.Context, q queryer) error {
		out, err = all(ctx, q, fields, query, args...)
		return err
	})
	return out, err
}

func (s *Store) change(ctx context.Context, query string, args ...any) (bool, error) {
	return result(ctx, s.inTx, func(ctx context.Context, tx transaction) (bool, error) {
		return execute(ctx, tx, query, args...)
	})
}

// changeLogged runs one statement and appends a row, in one transaction.
func (s *Store) changeLogged(ctx context.Context, row audit.Row, query string, args ...any) error {
	return s.logged(ctx, func(ctx context.Context, tx transaction) error {
		if _, err := execute(ctx, tx, query, args...); err != nil {
			return err
		}
		_, err := appendRow(ctx, tx, row)
		return err
	})
}

// result runs a transaction, by inTx or logged, that has a result.
func result[T any](ctx context.Context, run func(context.Context, change) error,
	do func(ctx context.Context, tx transaction) (T, error),
) (out T, err error) {
	err = run(ctx, func(ctx context.Context, tx transaction) error {
		out, err = do(ctx, tx)
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return out, nil
}
