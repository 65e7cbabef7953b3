package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
)

// Consents implements [approval.Store]. An id that does not exist has none.
func (s *Store) Consents(ctx context.Context, id string) ([]approval.Consent, error) {
	return readAll(ctx, s, consentFields, selectConsents, id)
}

const selectConsents = "SELECT " + consentColumns + " FROM consents WHERE approval = $1 ORDER BY at, seq"

// insertConsent stores an answer to a record, if there is one. seq is the number of the
// audit row it comes with.
func insertConsent(ctx context.Context, tx transaction, id string, c *approval.Consent, seq int64) error {
	if c == nil {
		return nil
	}
	if c.Person == "" {
		return errors.New("store: an answer has to say whose it is")
	}
	if !slices.Equal(strings.Fields(strings.Join(c.Groups, " ")), c.Groups) {
		return errors.New("store: the id of a group has a space in it, or nothing") // it would be read back as others
	}
	if !c.Yes { // a no replaces the same person's yes; the audit log keeps both
		if err := tx.later(ctx, "DELETE FROM consents WHERE approval = $1 AND person = $2 AND yes = 1", id, c.Person); err != nil {
			return err
		}
	}
	given, err := hasAnswered(ctx, tx, id, c)
	if err != nil {
		return err
	}
	if given {
		return &approval.AnsweredError{Person: c.Person}
	}
	return tx.insertLater(ctx, "consents", consentColumns+", approval, seq", append(consentFields(c), id, seq))
}

// hasAnswered reports whether the person of an answer has given one that stays: a no replaces a yes.
func hasAnswered(ctx context.Context, q queryer, id string, c *approval.Consent) (bool, error) {
	if c == nil {
		return false, nil
	}
	return exists(ctx, q, "SELECT count(*) FROM consents WHERE approval = $1 AND person = $2 AND yes <= $3", id, c.Person, flag(c.Yes))
}

// IssueChallenge implements [approval.Store]. It fails with approval.ErrNotFound if the form's
// approval does not exist, and drops the forms that have expired by AskedAt.
func (s *Store) IssueChallenge(ctx context.Context, f approval.Challenge) error {
	return s.inTx(ctx, func(ctx context.Context, tx transaction) error {
		if _, err := execute(ctx, tx, "DELETE FROM forms WHERE expires_at <= $1", millis(f.AskedAt)); err != nil {
			return err
		}
		err := insert(ctx, tx, "forms", formColumns, formFields(&f))
		if isForeignKeyError(err) {
			return approval.ErrNotFound
		}
		return err
	})
}

// ConsumeChallenge implements [approval.Store].
func (s *Store) ConsumeChallenge(ctx context.Context, hash, session string, now time.Time) (approval.Challenge, error) {
	return result(ctx, s.inTx, func(ctx context.Context, tx transaction) (approval.Challenge, error) {
		return one(ctx, tx, formFields, "DELETE FROM forms WHERE hash = $1 AND session = $2 AND expires_at > $3 RETURNING "+
			formColumns, hash, session, millis(now))
	})
}

// Agree implements [approval.Store]. A yes counts until the record expires. Approver lists
// all who agreed, in their order, with commas between.
func (s *Store) Agree(ctx context.Context, id string, c approval.Consent, row audit.Row) (approval.Record, error) {
	if !c.Yes {
		return approval.Record{}, errors.New("store: to agree is to say yes: a no is a move to denied")
	}
	if c.At.IsZero() {
		return approval.Record{}, errors.New("store: an answer has to say when")
	}
	return result(ctx, s.logged, func(ctx context.Context, tx transaction) (approval.Record, error) {
		return agreeIn(ctx, tx, id, c, row)
	})
}

// agreeIn stores a yes in a transaction that is alone.
func agreeIn(ctx context.Context, tx transaction, id string, c approval.Consent, row audit.Row) (approval.Record, error) {
	r, err := one(ctx, tx, recordFields, `UPDATE approvals SET approver = CASE WHEN approver = '' THEN $1 ELSE approver || ', ' || $2 END
		WHERE id = $3 AND state = 'pending' AND expires_at > $4 RETURNING `+recordColumns,
		c.Person, c.Person, id, millis(c.At))
	if errors.Is(err, approval.ErrNotFound) {
		return r, stateError(recordByID(ctx, tx, id))
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
	given, err := all(ctx, tx, consentFields, selectConsents, id)
	if err != nil || !approval.Missing(r, given).IsComplete() {
		return r, err
	}
	return one(ctx, tx, recordFields, "UPDATE approvals SET prior = state, state = 'approved', changed_at = $1 WHERE id = $2 RETURNING "+
		recordColumns, millis(c.At), id)
}

// stateError is the *approval.StateError of a record, or the error with which it was read.
func stateError(r approval.Record, err error) error {
	if err != nil {
		return err
	}
	return &approval.StateError{Record: r}
}
