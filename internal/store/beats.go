package store

import (
	"context"
	"errors"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
)

// beatsKept is how long a process is remembered that no longer beats.
const beatsKept = 30 * 24 * time.Hour

// Beat implements [approval.Store]. It forgets the processes that have not beaten for a month.
func (s *Store) Beat(ctx context.Context, process string) error {
	return s.inTx(ctx, func(ctx context.Context, tx transaction) error {
		if _, err := execute(ctx, tx, "DELETE FROM beats WHERE at < "+s.clock+" - $1", beatsKept.Milliseconds()); err != nil {
			return err
		}
		_, err := execute(ctx, tx, "INSERT INTO beats (process, at) VALUES ($1, "+s.clock+") ON CONFLICT (process) DO UPDATE SET at = excluded.at", process)
		return err
	})
}

// Now returns the time by the database's clock: of SQLite the machine's, of PostgreSQL the server's.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	return readOne(ctx, s, func(t *time.Time) []any { return []any{(*millis)(t)} }, "SELECT "+s.clock)
}

// Beaten implements [approval.Store].
func (s *Store) Beaten(ctx context.Context, process string) (age time.Duration, ever bool, err error) {
	since, err := readOne(ctx, s, func(n *int64) []any { return []any{n} }, "SELECT "+s.clock+" - at FROM beats WHERE process = $1", process)
	if errors.Is(err, approval.ErrNotFound) {
		return 0, false, nil
	}
	return time.Duration(since) * time.Millisecond, err == nil, err
}
