// Package store keeps approvals and the audit log in a database, behind the interfaces
// that packages approval and audit declare.
//
// Each write is one transaction that also appends the audit row it was given. The SQL has
// placeholders, types and clauses that SQLite and PostgreSQL share; what is particular to
// one engine is in the file of its name.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
)

// Store is an open database. It is safe for concurrent use, by any number of processes on
// one file; its zero value is not usable: see [Open].
type Store struct {
	path   string      // of the file
	opened os.FileInfo // of the file that was opened

	write *sql.DB       // one connection
	turn  chan struct{} // holds whoever writes: writers queue here rather than in the engine
	read  *sql.DB       // cannot write

	statements *statements // of the writer
}

var (
	_ approval.Store = (*Store)(nil)
	_ audit.Store    = (*Store)(nil)
)

// Open opens the database that url names, "sqlite:PATH", and brings its schema up to date;
// file and folder are made where they are missing. The caller closes the store. An error
// says what to do next and does not repeat a password.
func Open(ctx context.Context, url string) (*Store, error) {
	scheme, path, _ := strings.Cut(url, ":")
	switch {
	case scheme == "sqlite" && path != "":
		return openSQLite(ctx, path)
	case scheme == "sqlite":
		return nil, errors.New("the database URL has no path: write sqlite:PATH")
	case scheme == "postgres", scheme == "postgresql":
		return nil, errors.New("PostgreSQL is not supported yet: use sqlite:PATH")
	}
	return nil, errors.New("the database URL is not understood: write sqlite:PATH")
}

func newStore(write, read *sql.DB) *Store {
	return &Store{write: write, turn: make(chan struct{}, 1), read: read, statements: newStatements(write)}
}

// Close closes the database. Nothing may use the store any more; closing it again is fine.
func (s *Store) Close() error {
	// The writer goes last: SQLite tidies up its files as the last connection closes.
	return errors.Join(s.read.Close(), s.write.Close())
}

// inTx runs change in a write transaction and commits it unless change fails.
func (s *Store) inTx(ctx context.Context, change func(tx transaction) error) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return fmt.Errorf("store: %w", ctx.Err())
	}
	if err := s.inPlace(); err != nil {
		return err
	}
	// Only now, before and after a transaction, is the connection free to prepare on.
	defer s.statements.prepare(ctx)
	return s.attempt(ctx, change)
}

func (s *Store) attempt(ctx context.Context, change func(tx transaction) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	if err := change(transaction{tx, s.statements}); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}
