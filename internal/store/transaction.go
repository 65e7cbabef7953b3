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
	tx         *sql.Tx
	statements *statements
	log        *appended
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
	leave, err := enter(ctx, s.turn)
	if err != nil {
		return err
	}
	defer leave()
	if err := s.inPlace(ctx); err != nil {
		return err
	}
	// Only now, before and after a transaction, is the connection free to prepare on.
	defer s.statements.prepare(ctx)
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

// enter takes a place and returns what gives it back.
func enter(ctx context.Context, places chan struct{}) (leave func(), err error) {
	select {
	case places <- struct{}{}:
		return func() { <-places }, nil
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
	if err := change(bounded, transaction{tx, s.statements, done}); err != nil {
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

func (t transaction) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if stmt := t.statements.find(query); stmt != nil {
		return t.tx.StmtContext(ctx, stmt).QueryContext(ctx, args...)
	}
	return t.tx.QueryContext(ctx, query, args...)
}

func (t transaction) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if stmt := t.statements.find(query); stmt != nil {
		return t.tx.StmtContext(ctx, stmt).QueryRowContext(ctx, args...)
	}
	return t.tx.QueryRowContext(ctx, query, args...)
}

func (t transaction) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if stmt := t.statements.find(query); stmt != nil {
		return t.tx.StmtContext(ctx, stmt).ExecContext(ctx, args...)
	}
	return t.tx.ExecContext(ctx, query, args...)
}
