package store

import (
	"context"
	"database/sql"
)

// statementLimit bounds the cache; the store has a few dozen different texts.
const statementLimit = 100

// statements keeps what the writer has prepared, by its text: parsing costs SQLite more
// than running. It only saves time, so nothing here fails. Only who has the writer's turn
// may use it.
type statements struct {
	db       *sql.DB
	prepared map[string]*sql.Stmt
	wanted   []string
}

func newStatements(db *sql.DB) *statements {
	return &statements{db: db, prepared: map[string]*sql.Stmt{}}
}

// find returns the prepared statement, or notes that there should be one and returns nil.
func (s *statements) find(query string) *sql.Stmt {
	stmt := s.prepared[query]
	if stmt == nil && len(s.prepared)+len(s.wanted) < statementLimit {
		s.wanted = append(s.wanted, query)
	}
	return stmt
}

// prepare prepares what find was asked for in vain. It is called outside of a transaction:
// within one, the only connection is taken.
func (s *statements) prepare(ctx context.Context) {
	for _, query := range s.wanted {
		if s.prepared[query] != nil {
			continue // wanted twice in one transaction
		}
		if stmt, err := s.db.PrepareContext(ctx, query); err == nil {
			s.prepared[query] = stmt
		}
	}
	s.wanted = s.wanted[:0]
}

// transaction is a write transaction that uses what is prepared.
type transaction struct {
	tx         *sql.Tx
	statements *statements
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
