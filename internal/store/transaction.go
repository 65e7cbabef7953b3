package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/vpsbot/vpsbot/internal/audit"
)

// attempts is how often a write is tried that lost a race, or its connection before it was
// committed.
const attempts = 4

// transaction is a write transaction that uses what is prepared.
type transaction struct {
	conn
	log *appended
}

// appended is what a transaction has done to the log.
type appended struct {
	locked  bool
	first   int64 // number of the first row; 0: none
	seq     int64 // of the last row
	hash    string
	at      time.Time
	note    audit.SignedCheckpoint // the checkpoint of the last row, if it has one
	accepts bool                   // it takes up a restored log
}

// inTx runs change in a write transaction and commits it unless change fails. It may run it
// several times; only the last one counts.
func (s *Store) inTx(ctx context.Context, change func(ctx context.Context, tx transaction) error) error {
	leave, err := s.enter(ctx, s.writeSlots)
	if err != nil {
		return err
	}
	defer leave()
	if err := s.inPlace(ctx); err != nil {
		return err
	}
	// Only now, before and after a transaction, is the connection free to prepare on.
	defer s.writes.prepare(ctx)
	for attempt := 1; ; attempt++ {
		err := s.attempt(ctx, change)
		if ctx.Err() != nil {
			return err
		}
		if attempt == attempts || !isPassing(err) {
			return s.explain(err)
		}
	}
}

// logged is inTx for what appends a row. Such transactions run one after the other, over all
// processes: what one counts, looks up and then writes no other can change in between.
func (s *Store) logged(ctx context.Context, change func(ctx context.Context, tx transaction) error) error {
	return s.inTx(ctx, func(ctx context.Context, tx transaction) error {
		if err := s.alone(ctx, tx); err != nil {
			return err
		}
		if err := change(ctx, tx); err != nil {
			return err
		}
		return s.sign(ctx, tx)
	})
}

// alone waits until no other transaction appends, and keeps others off until this one ends.
func (s *Store) alone(ctx context.Context, tx transaction) error {
	if tx.log.locked || s.lock == "" {
		return nil
	}
	if _, err := execute(ctx, tx, s.lock); err != nil {
		return err
	}
	tx.log.locked = true
	return nil
}

// enter takes a slot and returns what gives it back.
func (s *Store) enter(ctx context.Context, slots chan struct{}) (leave func(), err error) {
	leave = func() { <-slots }
	select {
	case slots <- struct{}{}:
		return leave, nil
	default:
	}
	if s.growth != nil {
		s.growth.wanted.Store(true)
	}
	select {
	case slots <- struct{}{}:
		return leave, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("store: %w", ctx.Err())
	}
}

// bounded gives the database its time.
func (s *Store) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.timeout == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, s.timeout)
}

func (s *Store) attempt(ctx context.Context, change func(ctx context.Context, tx transaction) error) error {
	bounded, cancel := s.bounded(ctx)
	defer cancel()
	tx, err := s.write.BeginTx(bounded, s.options)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	done := &appended{}
	if err := change(bounded, transaction{conn{tx, s.writes}, done}); err != nil {
		return overdue(bounded, err)
	}
	if err := tx.Commit(); err != nil {
		if err := s.afterCommit(ctx, *done, fmt.Errorf("store: %w", err)); err != nil {
			return err
		}
	}
	s.files.committed(*done)
	s.signed(*done)
	return nil
}

// overdue says what the end of a transaction was that database/sql ended when its time was up.
func overdue(ctx context.Context, err error) error {
	if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil {
		return fmt.Errorf("store: %w", ctx.Err())
	}
	return err
}

// unprepared is t for statements whose text depends on how many values there are: to keep them
// all prepared would leave no room for others.
func (t transaction) unprepared() transaction {
	t.statements = nil
	return t
}

const lookAgain = 100 * time.Millisecond

// errCommitUnknown says that nobody can tell whether what was written is there.
var errCommitUnknown = errors.New("whether the last write was kept is not known")

// afterCommit finds out what became of a transaction whose commit was not answered: its row
// of the log is there, then all of it is; or it is not, then nothing is and the error may be
// tried again. What writes no row cannot be found again. The look waits for the lock that
// the lost transaction held, so that it cannot still be on its way.
func (s *Store) afterCommit(ctx context.Context, done appended, lost error) error {
	if !isLost(lost) {
		return lost
	}
	if done.seq == 0 {
		return fmt.Errorf("%w: %w", errCommitUnknown, lost)
	}
	there, err := s.look(context.WithoutCancel(ctx), done)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", errCommitUnknown, errors.Join(lost, err))
	case there:
		return nil
	}
	return lost
}

// look keeps asking for a while: a server that was restarted takes a moment.
func (s *Store) look(ctx context.Context, done appended) (there bool, err error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	for {
		there, err = s.isThere(ctx, done)
		if err == nil || !isLost(err) {
			return there, err
		}
		select {
		case <-ctx.Done():
			return there, err
		case <-time.After(lookAgain):
		}
	}
}

func (s *Store) isThere(ctx context.Context, done appended) (bool, error) {
	tx, err := s.write.BeginTx(ctx, s.options)
	if err != nil {
		return false, fmt.Errorf("store: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	look := transaction{conn{tx, nil}, &appended{}}
	if err := s.alone(ctx, look); err != nil {
		return false, err
	}
	return exists(ctx, look, "SELECT count(*) FROM audit WHERE seq = $1 AND hash = $2", done.seq, done.hash)
}

// reading runs a read on a connection that cannot write.
func (s *Store) reading(ctx context.Context, read func(ctx context.Context, q queryer) error) error {
	leave, err := s.enter(ctx, s.readSlots)
	if err != nil {
		return err
	}
	defer leave()
	defer s.reads.prepare(ctx)
	s.growth.adjust(ctx, s)
	for attempt := 1; ; attempt++ {
		err := s.readOnce(ctx, read)
		if ctx.Err() != nil {
			return err
		}
		if attempt == attempts || !isPassing(err) {
			return s.explain(err)
		}
	}
}

func (s *Store) readOnce(ctx context.Context, read func(ctx context.Context, q queryer) error) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	return read(ctx, conn{s.read, s.reads})
}

// readOne reads a single row. No row is approval.ErrNotFound.
func readOne[T any](ctx context.Context, s *Store, fields func(*T) []any, query string, args ...any) (out T, err error) {
	err = s.reading(ctx, func(ctx context.Context, q queryer) error {
		out, err = one(ctx, q, fields, query, args...)
		return err
	})
	return out, err
}

// readAll reads any number of rows.
func readAll[T any](ctx context.Context, s *Store, fields func(*T) []any, query string, args ...any) (out []T, err error) {
	err = s.reading(ctx, func(ctx context.Context, q queryer) error {
		out, err = all(ctx, q, fields, query, args...)
		return err
	})
	return out, err
}

// change runs one statement in a transaction of its own, and reports whether it changed anything.
func (s *Store) change(ctx context.Context, query string, args ...any) (changed bool, err error) {
	err = s.inTx(ctx, func(ctx context.Context, tx transaction) error {
		changed, err = execute(ctx, tx, query, args...)
		return err
	})
	return changed && err == nil, err
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
func result[T any](ctx context.Context, run func(context.Context, func(context.Context, transaction) error) error,
	change func(ctx context.Context, tx transaction) (T, error),
) (out T, err error) {
	err = run(ctx, func(ctx context.Context, tx transaction) error {
		out, err = change(ctx, tx)
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return out, nil
}
