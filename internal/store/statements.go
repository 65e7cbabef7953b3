package store

import (
	"context"
	"database/sql"
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

// find returns the prepared statement, or notes that there should be one and returns nil.
func (s *statements) find(query string) *sql.Stmt {
	if s == nil {
		return nil
	}
	stmt := s.prepared[query]
	if stmt == nil && len(s.prepared)+len(s.wanted) < statementLimit {
		s.wanted = append(s.wanted, query)
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
