package store

import (
	"context"
	"database/sql"
	"sync"
)

// statementLimit bounds the cache; the store has a few dozen different texts.
const statementLimit = 100

// statements keeps what the writer has prepared, by its text: parsing costs SQLite more
// than running. It only saves time, so nothing here fails, and nil prepares nothing. Only who
// has the writer's turn may use it.
type statements struct {
	db       *sql.DB
	prepared map[string]*sql.Stmt
	wanted   []string
}

func newStatements(db *sql.DB) *statements {
	return &statements{db: db, prepared: map[string]*sql.Stmt{}}
}

// find returns the prepared statement, or nil. What is used a second time is prepared from then on:
// a command that ends after its change would parse each twice.
func (s *statements) find(query string) *sql.Stmt {
	if s == nil {
		return nil
	}
	stmt, used := s.prepared[query]
	switch {
	case stmt == nil && used:
		s.wanted = append(s.wanted, query)
	case stmt == nil && len(s.prepared) < statementLimit:
		s.prepared[query] = nil
	}
	return stmt
}

// prepare prepares what find was asked for in vain. It is called outside of a transaction:
// within one, the only connection is taken.
func (s *statements) prepare(ctx context.Context) {
	if s == nil {
		return
	}
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

// reads is the read pool, with what it has prepared: each text once for each connection. Like
// statements it only saves time.
type reads struct {
	db *sql.DB

	mu       sync.Mutex
	prepared map[string]*sql.Stmt // nil: the driver keeps what it has prepared
}

// find returns the prepared statement, or nil where there is none and no room for it.
func (r *reads) find(ctx context.Context, query string) *sql.Stmt {
	stmt, room := r.look(query)
	if stmt != nil || !room {
		return stmt
	}
	stmt, err := r.db.PrepareContext(ctx, query)
	if err != nil {
		return nil // the query itself says why
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if first := r.prepared[query]; first != nil {
		_ = stmt.Close() // another was quicker
		return first
	}
	r.prepared[query] = stmt
	return stmt
}

func (r *reads) look(query string) (stmt *sql.Stmt, room bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.prepared[query], r.prepared != nil && len(r.prepared) < statementLimit
}

func (r *reads) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if stmt := r.find(ctx, query); stmt != nil {
		return stmt.QueryContext(ctx, args...)
	}
	return r.db.QueryContext(ctx, query, args...)
}

func (r *reads) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if stmt := r.find(ctx, query); stmt != nil {
		return stmt.QueryRowContext(ctx, args...)
	}
	return r.db.QueryRowContext(ctx, query, args...)
}
