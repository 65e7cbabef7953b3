package store

import (
	"context"
	"errors"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
)

const selectFreeze = "SELECT " + freezeColumns + " FROM freezes"

// Freeze implements [approval.Store].
func (s *Store) Freeze(ctx context.Context, f approval.Freeze, row audit.Row) error {
	if f.At.IsZero() {
		return errors.New("store: frozen at no time")
	}
	return s.logged(ctx, func(ctx context.Context, tx transaction) error {
		if _, err := execute(ctx, tx, `INSERT INTO freezes (id, `+freezeColumns+`) VALUES (1, $1, $2, $3)
			ON CONFLICT (id) DO UPDATE SET frozen_by = excluded.frozen_by, reason = excluded.reason, at = excluded.at`,
			freezeFields(&f)...); err != nil {
			return err
		}
		_, err := appendRow(ctx, tx, row)
		return err
	})
}

// Unfreeze implements [approval.Store].
func (s *Store) Unfreeze(ctx context.Context, row audit.Row) error {
	return s.logged(ctx, func(ctx context.Context, tx transaction) error {
		if _, err := execute(ctx, tx, "DELETE FROM freezes"); err != nil {
			return err
		}
		_, err := appendRow(ctx, tx, row)
		return err
	})
}

// Frozen implements [approval.Store]. It fails where the files are no longer those that others
// find: a freeze would be in theirs.
func (s *Store) Frozen(ctx context.Context) (*approval.Freeze, error) {
	if err := s.lookInPlace(ctx); err != nil {
		return nil, err
	}
	return freezeOrNil(readOne(ctx, s, freezeFields, selectFreeze))
}

func freezeOrNil(f approval.Freeze, err error) (*approval.Freeze, error) {
	if errors.Is(err, approval.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &f, nil
}

// notFrozen fails with *approval.FrozenError while there is a freeze.
func notFrozen(ctx context.Context, q queryer) error {
	f, err := freezeOrNil(one(ctx, q, freezeFields, selectFreeze))
	if err != nil || f == nil {
		return err
	}
	return &approval.FrozenError{Freeze: *f}
}
