package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/vpsbot/vpsbot/internal/audit"
)

// signing signs the log as it grows. Its zero value signs nothing.
type signing struct{ key audit.Key }

// SignWith makes the store sign checkpoints from now on. It is called before anything is
// written.
func (g *signing) SignWith(key audit.Key) { g.key = key }

// sign writes the checkpoint that the row seq makes due, in the row's own transaction; 0 is no row.
func (g *signing) sign(ctx context.Context, tx transaction, seq int64) error {
	if seq == 0 || g.key.Verifier() == "" {
		return nil
	}
	last, at, err := lastCheckpoint(ctx, tx)
	if err != nil {
		return err
	}
	row, err := one(ctx, tx, auditFields, "SELECT "+auditColumns+" FROM audit WHERE seq = $1", seq)
	if err != nil || !audit.Due(last, at, row) {
		return err
	}
	note, err := g.key.Sign(audit.CheckpointAt(row))
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return insert(ctx, tx, "audit_checkpoints", "seq, at, note", []any{note.Seq, millis(row.At), note.Text})
}

// lastCheckpoint is where and when the newest checkpoint is; 0: there is none.
func lastCheckpoint(ctx context.Context, q queryer) (seq int64, at time.Time, err error) {
	err = q.QueryRowContext(ctx, "SELECT seq, at FROM audit_checkpoints ORDER BY seq DESC LIMIT 1").Scan(&seq, (*millis)(&at))
	if errors.Is(err, sql.ErrNoRows) {
		return 0, time.Time{}, nil
	}
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("store: %w", err)
	}
	return seq, at, nil
}

// Notes implements [audit.Notary].
func (s *Store) Notes(ctx context.Context) ([]audit.Note, error) {
	return readAll(ctx, s, noteFields, "SELECT seq, note FROM audit_checkpoints ORDER BY seq")
}

func noteFields(n *audit.Note) []any { return []any{&n.Seq, &n.Text} }
