package store

import (
	"context"
	"errors"

	"github.com/vpsbot/vpsbot/internal/audit"
)

var _ audit.Archiver = (*Store)(nil)

// errMovedOn says that somebody archived in between, or worse.
var errMovedOn = errors.New("the log no longer begins with the rows that were archived: verify it, then archive again")

// Archived implements [audit.Archiver].
func (s *Store) Archived(ctx context.Context, segment audit.Segment, row audit.Row) error {
	return s.logged(ctx, func(ctx context.Context, tx transaction) error {
		if err := beginsWith(ctx, tx, segment); err != nil {
			return err
		}
		if _, err := appendRow(ctx, tx, row); err != nil {
			return err
		}
		err := insert(ctx, tx, "audit_archives", "last_seq, first_seq, hash, file, at",
			[]any{segment.To, segment.From, segment.Head, segment.File, millis(row.At)})
		if err != nil {
			return err
		}
		if _, err := execute(ctx, tx, "DELETE FROM audit WHERE seq <= $1", segment.To); err != nil {
			return err
		}
		_, err = execute(ctx, tx, "DELETE FROM audit_checkpoints WHERE seq < $1", segment.To)
		return err
	})
}

// beginsWith fails unless the log begins with exactly the rows of the segment, still chained to
// the hash that was verified.
func beginsWith(ctx context.Context, tx transaction, segment audit.Segment) error {
	rows, err := all(ctx, tx, endFields, "SELECT seq, hash FROM audit WHERE seq = $1 OR seq = (SELECT min(seq) FROM audit) ORDER BY seq", segment.To)
	if err != nil {
		return err
	}
	if len(rows) == 0 || rows[0].Seq != segment.From || rows[len(rows)-1].Seq != segment.To || rows[len(rows)-1].Hash != segment.Head {
		return errMovedOn
	}
	return nil
}

func endFields(r *audit.Row) []any { return []any{&r.Seq, &r.Hash} }
