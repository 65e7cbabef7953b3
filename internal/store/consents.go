package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
)

// Consents implements [approval.Store]. An id that does not exist has none.
func (s *Store) Consents(ctx context.Context, id string) ([]approval.Consent, error) {
	return all(ctx, s.read, consentFields,
		"SELECT "+consentColumns+" FROM consents WHERE approval = $1 ORDER BY at, seq", id)
}

// insertConsent stores the answer that comes with a move, if one does. seq is the move's
// audit row.
func insertConsent(ctx context.Context, tx transaction, m approval.Move, seq int64) error {
	if m.Consent == nil {
		return nil
	}
	if m.Consent.Person == "" {
		return errors.New("store: an answer has to say whose it is")
	}
	given, err := answered(ctx, tx, m.ID, m.Consent.Person)
	if err != nil {
		return err
	}
	if given {
		return fmt.Errorf("store: %s has answered approval %s before", m.Consent.Person, m.ID)
	}
	c := *m.Consent
	return insert(ctx, tx, "consents", consentColumns+", approval, seq", append(consentFields(&c), m.ID, seq))
}

func answered(ctx context.Context, q queryer, id, person string) (bool, error) {
	var n int
	err := q.QueryRowContext(ctx, "SELECT count(*) FROM consents WHERE approval = $1 AND person = $2", id, person).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("store: %w", err)
	}
	return n > 0, nil
}

// AskForm implements [approval.Store]. It fails with approval.ErrNotFound if the form's
// approval does not exist, and drops the forms that have expired by AskedAt.
func (s *Store) AskForm(ctx context.Context, f approval.Form) error {
	return s.inTx(ctx, func(tx transaction) error {
		if _, err := execute(ctx, tx, "DELETE FROM forms WHERE expires_at <= $1", millis(f.AskedAt)); err != nil {
			return err
		}
		err := insert(ctx, tx, "forms", formColumns, formFields(&f))
		if isDangling(err) {
			return approval.ErrNotFound
		}
		return err
	})
}

// TakeForm implements [approval.Store].
func (s *Store) TakeForm(ctx context.Context, hash, session string, now time.Time) (form approval.Form, err error) {
	err = s.inTx(ctx, func(tx transaction) error {
		form, err = one(ctx, tx, formFields, "DELETE FROM forms WHERE hash = $1 AND session = $2 AND expires_at > $3 RETURNING "+
			formColumns, hash, session, millis(now))
		return err
	})
	if err != nil {
		return approval.Form{}, err
	}
	return form, nil
}
