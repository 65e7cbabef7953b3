package store

import (
	"context"
	"time"
)

// lease is how long what was handed out belongs to who took it alone.
const lease = time.Minute

// keysAtOnce is how many keys go into one statement, and the most that is handed out at once.
const keysAtOnce = 500

// queue is a table whose rows are handed out, each to one process at a time. What it got is its
// own for the time of a [lease].
type queue[T any] struct {
	table   string
	key     string
	columns string
	fields  func(*T) []any                        // in the order of columns
	due     func(p *params, now time.Time) string // condition of what may be handed out
	order   string
	also    string // what else is set as a row is handed out
}

// pick selects the keys of what is due and free. They are locked, and who has some of them
// locked already is not waited for.
func (q queue[T]) pick(skip string, now time.Time, n int) (query string, args []any) {
	var p params
	query = "SELECT " + q.key + " FROM " + q.table + " WHERE " + q.due(&p, now) + " AND leased_until <= " + p.add(millis(now)) +
		" ORDER BY " + q.order + " LIMIT " + p.add(min(max(n, 0), keysAtOnce)) + skip
	return query, p.values
}

// take leases the rows of keys, and returns them in any order.
func (q queue[T]) take(owner string, now time.Time, keys []string) (query string, args []any) {
	var p params
	query = "UPDATE " + q.table + " SET owner = " + p.add(owner) + ", leased_until = " + p.add(millis(now.Add(lease))) + ", " + q.also +
		" WHERE " + q.key + " IN (" + p.addAll(anys(keys)) + ") RETURNING " + q.columns
	return query, p.values
}

// handOut leases up to n rows to owner, in any order. Bodies are read of those rows alone.
func (q queue[T]) handOut(ctx context.Context, s *Store, owner string, now time.Time, n int) (out []T, err error) {
	err = s.inTx(ctx, func(ctx context.Context, tx transaction) error {
		query, args := q.pick(s.skip, now, n)
		keys, err := texts(ctx, tx, query, args...)
		out = nil
		if err != nil || len(keys) == 0 {
			return err
		}
		query, args = q.take(owner, now, keys)
		out, err = all(ctx, tx.unprepared(), q.fields, query, args...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
