package store

import (
	"database/sql"
	"time"
)

// Observe has f called with each statement that a store runs from now on.
func Observe(f func(query string, args []any)) { observe = f }

// ExplainSQLite adds the next step to an error.
var ExplainSQLite = explainSQLite

// Rest sets how long a store of this process rests after a batch that it prunes, in times of what the batch took.
func Rest(factor time.Duration) (before time.Duration) {
	before, restFactor = restFactor, factor
	return before
}

// Pools are the connections of a store: of its writer and of its readers.
func (s *Store) Pools() []*sql.DB { return []*sql.DB{s.write, s.read} }
