package store

import (
	"context"
	"errors"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
)

// Agree implements [approval.Store]. A yes counts until the record expires. Approver lists
// all who agreed, in their order, with commas between.
func (s *Store) Agree(ctx context.Context, id string, c approval.Consent, row audit.Row) (approval.Record, error) {
	if !c.Yes {
		return approval.Record{}, errors.New("store: to agree is to say yes: a no is a move to denied")
	}
	if c.At.IsZero() {
		return approval.Record{}, errors.New("store: an answer has to say when")
	}
	var agreed approval.Record
	err := s.logged(ctx, func(ctx context.Context, tx transaction) (err error) {
		agreed, err = agreeIn(ctx, tx, id, c, row)
		return err
	})
	if err != nil {
		return approval.Record{}, err
	}
	return agreed, nil
}

// agreeIn stores a yes in a transaction that is alone.
func agreeIn(ctx context.Context, tx transaction, id string, c approval.Consent, row audit.Row) (approval.Record, error) {
	r, err := one(ctx, tx, recordFields, `UPDATE approvals SET approver = CASE WHEN approver = '' THEN $1 ELSE approver || ', ' || $2 END
		WHERE id = $3 AND state = 'pending' AND expires_at > $4 RETURNING `+recordColumns,
		c.Person, c.Person, id, millis(c.At))
	if errors.Is(err, approval.ErrNotFound) {
		return r, asItStands(ctx, tx, id)
	}
	if err != nil {
		return r, err
	}
	seq, err := appendRow(ctx, tx, row)
	if err != nil {
		return r, err
	}
	if err := insertConsent(ctx, tx, id, &c, seq); err != nil {
		return r, err
	}
	enough, err := agreedUpon(ctx, tx, r)
	if err != nil || !enough {
		return r, err
	}
	return one(ctx, tx, recordFields, "UPDATE approvals SET prior = state, state = 'approved', changed_at = $1 WHERE id = $2 RETURNING "+
		recordColumns, millis(c.At), id)
}

// asItStands is the *approval.StateError of a record, or approval.ErrNotFound.
func asItStands(ctx context.Context, q queryer, id string) error {
	r, err := recordByID(ctx, q, id)
	if err != nil {
		return err
	}
	return &approval.StateError{Record: r}
}

// agreedUpon reports whether everybody has agreed who must.
func agreedUpon(ctx context.Context, q queryer, r approval.Record) (bool, error) {
	given, err := all(ctx, q, consentFields, selectConsents, r.ID)
	return err == nil && approval.Missing(r, given).IsComplete(), err
}
