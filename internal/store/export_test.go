package store

import "database/sql"

// Observe has f called with each statement that a store runs from now on.
func Observe(f func(query string, args []any)) { observe = f }

// Pools are the connections of a store: of its writer and of its readers.
func (s *Store) Pools() []*sql.DB { return []*sql.DB{s.write, s.read} }
