package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
)

func answer(person string, yes bool) *approval.Consent {
	return &approval.Consent{Person: person, Identity: "local:" + person, Channel: "terminal", Yes: yes, Reason: "because", At: start}
}

func TestConsent(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		inserted(t, db, asked("1"))
		yes := move("1", approval.Pending, approval.Approved)
		yes.Consent, yes.Approver = answer("zoe", true), "not looked at"
		require.Equal(t, "zoe", moved(t, db, yes).Approver)

		no := move("1", approval.Approved, approval.Denied)
		no.Consent = answer("bob", false)
		no.Consent.Groups = []string{"S1", "S2"}
		require.Equal(t, "zoe", moved(t, db, no).Approver, "a no approves nothing")

		got, err := db.Consents(t.Context(), "1")
		require.NoError(t, err)
		first, second := *yes.Consent, *no.Consent
		first.At, second.At = ms(start), ms(start)
		require.Equal(t, []approval.Consent{first, second}, got)

		got, err = db.Consents(t.Context(), "2")
		require.NoError(t, err)
		require.Empty(t, got)
	})
}

// Of what is stored as one text, none may come back as another.
func TestGroupsAreWords(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		inserted(t, db, asked("1"))
		for _, groups := range [][]string{{"S1 S2"}, {"S1", ""}, {"S1\n"}} {
			m := move("1", approval.Pending, approval.Denied)
			m.Consent = answer("zoe", false)
			m.Consent.Groups = groups
			_, err := db.Move(t.Context(), m, row("denied"))
			require.ErrorContains(t, err, "group", "%q", groups)
		}
		require.Equal(t, 1, logLength(t, db))
	})
}

func TestOneAnswerPerPerson(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		inserted(t, db, asked("1"))
		yes := move("1", approval.Pending, approval.Approved)
		yes.Consent = answer("zoe", true)
		r := moved(t, db, yes)

		nobody := move("1", approval.Approved, approval.Denied)
		nobody.Consent = answer("", false)
		_, err := db.Move(t.Context(), nobody, row("denied"))
		require.ErrorContains(t, err, "whose")
		stored, err := db.Record(t.Context(), "1")
		require.NoError(t, err)
		require.Equal(t, r, stored)
		require.Equal(t, 2, logLength(t, db))

		// A no takes the same person's yes back.
		no := move("1", approval.Approved, approval.Denied)
		no.Consent = answer("zoe", false)
		moved(t, db, no)
		given, err := db.Consents(t.Context(), "1")
		require.NoError(t, err)
		require.Len(t, given, 1)
		require.False(t, given[0].Yes)

		// The same person may answer another record.
		inserted(t, db, asked("2"))
		elsewhere := move("2", approval.Pending, approval.Denied)
		elsewhere.Consent = answer("zoe", false)
		require.Empty(t, moved(t, db, elsewhere).Approver)
	})
}

func TestForms(t *testing.T) {
	form := approval.Challenge{Hash: "h", Approval: "1", Session: "s1", AskedAt: ms(start), ExpiresAt: ms(start.Add(time.Minute))}
	conforms(t, func(t *testing.T, db database) {
		ctx := t.Context()
		require.ErrorIs(t, db.IssueChallenge(ctx, form), approval.ErrNotFound, "no such record")
		inserted(t, db, asked("1"))
		require.NoError(t, db.IssueChallenge(ctx, form))
		require.Error(t, db.IssueChallenge(ctx, form), "the same nonce again")

		for name, take := range map[string]struct {
			hash, session string
			now           time.Time
		}{
			"never asked": {"g", "s1", start}, "another session": {"h", "s2", start}, "expired": {"h", "s1", form.ExpiresAt},
		} {
			_, err := db.ConsumeChallenge(ctx, take.hash, take.session, take.now)
			require.ErrorIs(t, err, approval.ErrNotFound, name)
		}
		got, err := db.ConsumeChallenge(ctx, "h", "s1", form.ExpiresAt.Add(-time.Millisecond))
		require.NoError(t, err)
		require.Equal(t, form, got)
		_, err = db.ConsumeChallenge(ctx, "h", "s1", start)
		require.ErrorIs(t, err, approval.ErrNotFound, "used up")
	})
}

func TestExpiredFormsAreDropped(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		inserted(t, db, asked("1"))
		old := approval.Challenge{Hash: "old", Approval: "1", Session: "s1", AskedAt: start, ExpiresAt: start.Add(time.Minute)}
		require.NoError(t, db.IssueChallenge(t.Context(), old))
		next := old
		next.Hash, next.AskedAt, next.ExpiresAt = "next", old.ExpiresAt, old.ExpiresAt.Add(time.Minute)
		require.NoError(t, db.IssueChallenge(t.Context(), next))
		_, err := db.ConsumeChallenge(t.Context(), "old", "s1", start)
		require.ErrorIs(t, err, approval.ErrNotFound)
		_, err = db.ConsumeChallenge(t.Context(), "next", "s1", start)
		require.NoError(t, err)
	})
}

func TestEscalate(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		want := inserted(t, db, asked("1"))
		expires := start.Add(time.Hour)
		require.NoError(t, db.Escalate(t.Context(), "1", expires))
		want.AnswerMode, want.ExpiresAt = approval.Async, ms(expires)
		got, err := db.Record(t.Context(), "1")
		require.NoError(t, err)
		require.Equal(t, want, got)

		require.ErrorIs(t, db.Escalate(t.Context(), "2", expires), approval.ErrNotFound)
		r := moved(t, db, claim("1"))
		var state *approval.StateError
		require.ErrorAs(t, db.Escalate(t.Context(), "1", expires.Add(1)), &state)
		require.Equal(t, r, state.Record)
	})
}

func TestMarkDelivered(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		inserted(t, db, asked("1"))
		first, err := db.MarkDelivered(t.Context(), "1", start)
		require.NoError(t, err)
		require.True(t, first)
		first, err = db.MarkDelivered(t.Context(), "1", start.Add(time.Hour))
		require.NoError(t, err)
		require.False(t, first)
		r, err := db.Record(t.Context(), "1")
		require.NoError(t, err)
		require.Equal(t, ms(start), r.DeliveredAt)

		_, err = db.MarkDelivered(t.Context(), "2", start)
		require.ErrorIs(t, err, approval.ErrNotFound)
		_, err = db.MarkDelivered(t.Context(), "1", time.Time{})
		require.Error(t, err)
	})
}
