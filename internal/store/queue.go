package store

import (
	"context"
	"time"

	"github.com/vpsbot/vpsbot/internal/liveness"
)

// lease is the time after which a process claims again what it claimed itself and did not finish. What
// another process claimed stays that one's for as long as it exists.
const lease = time.Minute

// keysAtOnce is how many keys go into one statement, and the most that is claimed at once.
const keysAtOnce = 500

// queue is a table whose rows are claimed, each by one process at a time.
type queue[T any] struct {
	table   string
	key     string
	columns string
	fields  func(*T) []any                        // in the order of columns
	open    string                                // condition of what is not over
	due     func(p *params, now time.Time) string // condition of what may be claimed
	order   string
	also    string // what else is set as a row is claimed
}

// holders are those that rows name, as far as these may be claimed.
type holders struct {
	self    string
	gone    []string // theirs may be claimed at once
	missing []string // theirs once the lease is over, as of a version without locks
}

// selectQuery selects the keys of rows that are due and free, and locks them. Rows that are locked
// already are skipped.
func (q queue[T]) selectQuery(skip string, by holders, now time.Time, n int) (query string, args []any) {
	var p params
	query = "SELECT " + q.key + " FROM " + q.table + " WHERE " + q.due(&p, now) +
		" AND (leased_until <= " + p.add(millis(now)) + " AND owner IN ('', " + addAll(&p, append(by.missing, by.self)) + ")"
	if len(by.gone) > 0 {
		query += " OR owner IN (" + addAll(&p, by.gone) + ")"
	}
	query += ") ORDER BY " + q.order + " LIMIT " + p.add(min(max(n, 0), keysAtOnce)) + skip
	return query, p.values
}

// claimQuery claims rows by key, and returns them in any order.
func (q queue[T]) claimQuery(owner string, now time.Time, keys []string) (query string, args []any) {
	var p params
	query = "UPDATE " + q.table + " SET owner = " + p.add(owner) + ", leased_until = " + p.add(millis(now.Add(lease))) + ", " + q.also +
		" WHERE " + q.key + " IN (" + addAll(&p, keys) + ") RETURNING " + q.columns
	return query, p.values
}

// claim claims up to n rows for this process, in any order. Bodies are read of those rows alone.
func (q queue[T]) claim(ctx context.Context, s *Store, now time.Time, n int) ([]T, error) {
	by, err := q.holders(ctx, s)
	if err != nil {
		return nil, err
	}
	return result(ctx, s.inTx, func(ctx context.Context, tx transaction) ([]T, error) {
		query, args := q.selectQuery(s.skip, by, now, n)
		keys, err := texts(ctx, tx, query, args...)
		if err != nil || len(keys) == 0 {
			return nil, err
		}
		query, args = q.claimQuery(by.self, now, keys)
		return all(ctx, tx.unprepared(), q.fields, query, args...)
	})
}

// owners selects the ids of the holders that rows name, but for one.
func (q queue[T]) owners(self string) (query string, args []any) {
	return "SELECT DISTINCT owner FROM " + q.table + " WHERE " + q.open + " AND owner <> '' AND owner <> $1", []any{self}
}

// holders finds out which of the processes that rows name exist no more.
func (q queue[T]) holders(ctx context.Context, s *Store) (by holders, err error) {
	lock, err := s.Hold(ctx)
	if err != nil {
		return by, err
	}
	by.self = lock.ID()
	query, args := q.owners(by.self)
	named, err := readAll(ctx, s, func(s *string) []any { return []any{s} }, query, args...)
	for _, id := range named {
		state, failed := s.Holder(ctx, id)
		switch {
		case failed != nil:
			return by, failed
		case state == liveness.Gone:
			by.gone = append(by.gone, id)
		case state == liveness.Missing:
			by.missing = append(by.missing, id)
		}
	}
	return by, err
}
