package store_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/keys"
)

const foul, clean = "a\x00b\xffc", "a\uFFFDb\uFFFDc"

// Text of others may hold what PostgreSQL refuses; both engines keep the same.
func TestTextIsCleaned(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		ctx := t.Context()
		r := asked("1")
		for _, field := range []*string{
			&r.Operation, &r.AskedHash, &r.Surface, &r.Session, &r.TokenName, &r.TargetName, &r.Confirm, &r.Fingerprint,
			&r.Owner, &r.Message, &r.Approvers, &r.RequestID, &r.Person, &r.Actor,
		} {
			*field = foul
		}
		r.Card, r.Input = json.RawMessage(`"`+foul+`"`), json.RawMessage(`"`+foul+`"`)
		before := r.TargetName
		got := inserted(t, db, r)
		require.Equal(t, before, r.TargetName, "the caller's own is left alone")
		for _, have := range []string{
			got.Operation, got.AskedHash, got.Surface, got.Session, got.TokenName, got.TargetName, got.Confirm, got.Fingerprint,
			got.Owner, got.Message, got.Approvers, got.RequestID, got.Person, got.Actor,
		} {
			require.Equal(t, clean, have)
		}
		require.Equal(t, json.RawMessage(`"`+clean+`"`), got.Card)
		_, joined, err := db.Insert(ctx, r, nil, row("asked"))
		require.NoError(t, err)
		require.True(t, joined, "the same foul text finds it again")
	})
}

func TestAnswersAreCleaned(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		ctx := t.Context()
		inserted(t, db, asked("1"))
		no := move("1", approval.Pending, approval.Denied)
		no.Message, no.Result = foul, json.RawMessage(foul)
		no.Consent = &approval.Consent{Person: foul, Reason: foul, At: start}
		denied := moved(t, db, no)
		require.Equal(t, clean, denied.Message)
		consents, err := db.Consents(ctx, "1")
		require.NoError(t, err)
		require.Equal(t, []string{clean, clean}, []string{consents[0].Person, consents[0].Reason})

		require.NoError(t, db.Freeze(ctx, approval.Freeze{By: foul, Reason: foul, At: start}, row(foul)))
		f, err := db.Frozen(ctx)
		require.NoError(t, err)
		require.Equal(t, clean, f.Reason)

		// Reads do not stumble over it either.
		for _, err := range []error{
			second2(db.Record(ctx, foul)), second2(db.Find(ctx, approval.Query{Operation: foul})), second2(db.Consents(ctx, foul)),
			second2(db.ByHash(ctx, foul)), second2(db.ConsumeChallenge(ctx, foul, foul, start)),
		} {
			if err != nil && !errors.Is(err, keys.ErrNotFound) {
				require.ErrorIs(t, err, approval.ErrNotFound)
			}
		}
	})
}
