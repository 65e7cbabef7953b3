package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
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
	answer := *c
	if !c.Yes { // a no takes the same person's yes back; the audit log keeps both
		if _, err := execute(ctx, tx, "DELETE FROM consents WHERE approval = $1 AND person = $2 AND yes = 1", id, c.Person); err != nil {
			return err
		}
	}
	given, err := exists(ctx, tx, "SELECT count(*) FROM consents WHERE approval = $1 AND person = $2", id, c.Person)
	if err != nil {
		return err
	}
	if given {
		return &approval.AnsweredError{Person: c.Person}
	}
	return insert(ctx, tx, "consents", consentColumns+", approval, seq", append(consentFields(&answer), id, seq))
}

// AskForm implements [approval.Store]. It fails with approval.ErrNotFound if the form's
// approval does not exist, and drops the forms that have expired by AskedAt.
func (s *Store) AskForm(ctx context.Context, f approval.Form) error {
	return s.inTx(ctx, func(ctx context.Context, tx transaction) error {
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
	err = s.inTx(ctx, func(ctx context.Context, tx transaction) error {
		form, err = one(ctx, tx, formFields, "DELETE FROM forms WHERE hash = $1 AND session = $2 AND expires_at > $3 RETURNING "+
			formColumns, hash, session, millis(now))
		return err
	})
	if err != nil {
		return approval.Form{}, err
	}
	return form, nil
}
