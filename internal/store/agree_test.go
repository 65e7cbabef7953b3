package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
)

func yes(person string) approval.Consent { return *answer(person, true) }

// needing is a question of alice's that needs her own yes, or not, and those of others.
func needing(id string, own bool, others int) approval.Record {
	r := asked(id)
	r.Person, r.Own, r.Others = "alice", own, others
	return r
}

func TestAgree(t *testing.T) {
	for name, c := range map[string]struct {
		own    bool
		others int
		people []string
		want   []approval.State // after each
	}{
		"nobody is needed":        {people: []string{"zoe"}, want: []approval.State{approval.Approved}},
		"the requester":           {own: true, people: []string{"alice"}, want: []approval.State{approval.Approved}},
		"not another for her":     {own: true, people: []string{"zoe", "bob", "alice"}, want: []approval.State{approval.Pending, approval.Pending, approval.Approved}},
		"another":                 {others: 1, people: []string{"zoe"}, want: []approval.State{approval.Approved}},
		"she is not another":      {others: 1, people: []string{"alice", "zoe"}, want: []approval.State{approval.Pending, approval.Approved}},
		"she, then another":       {own: true, others: 1, people: []string{"alice", "zoe"}, want: []approval.State{approval.Pending, approval.Approved}},
		"another, then she":       {own: true, others: 1, people: []string{"zoe", "alice"}, want: []approval.State{approval.Pending, approval.Approved}},
		"two others":              {others: 2, people: []string{"zoe", "bob"}, want: []approval.State{approval.Pending, approval.Approved}},
		"two others, not herself": {others: 2, people: []string{"zoe", "alice", "bob"}, want: []approval.State{approval.Pending, approval.Pending, approval.Approved}},
	} {
		t.Run(name, func(t *testing.T) {
			conforms(t, func(t *testing.T, db database) {
				inserted(t, db, needing("1", c.own, c.others))
				approver := ""
				for i, person := range c.people {
					r, err := db.Agree(t.Context(), "1", yes(person), row("approved"))
					require.NoError(t, err)
					approver += map[bool]string{true: ", "}[i > 0] + person
					require.Equal(t, c.want[i], r.State, person)
					require.Equal(t, approver, r.Approver)
					stored, err := db.Record(t.Context(), "1")
					require.NoError(t, err)
					require.Equal(t, stored, r)
					require.Equal(t, i+2, logLength(t, db))
				}
				consents, err := db.Consents(t.Context(), "1")
				require.NoError(t, err)
				require.Len(t, consents, len(c.people))
			})
		})
	}
}

func TestAgreeRefuses(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		want := inserted(t, db, needing("1", true, 2))
		ctx := t.Context()
		for name, c := range map[string]struct {
			id     string
			change func(*approval.Consent)
			row    audit.Row
			want   string
		}{
			"a no":      {"1", func(c *approval.Consent) { c.Yes = false }, row("approved"), "a no is a move"},
			"never":     {"1", func(c *approval.Consent) { c.At = time.Time{} }, row("approved"), "say when"},
			"nobody":    {"1", func(c *approval.Consent) { c.Person = "" }, row("approved"), "whose"},
			"no record": {"2", func(*approval.Consent) {}, row("approved"), "no such approval"},
			"no row":    {"1", func(*approval.Consent) {}, audit.Row{}, "no time"},
			"expired":   {"1", func(c *approval.Consent) { c.At = want.ExpiresAt }, row("approved"), "approval 1 is pending"},
		} {
			consent := yes("zoe")
			c.change(&consent)
			_, err := db.Agree(ctx, c.id, consent, c.row)
			require.ErrorContains(t, err, c.want, name)
			got, err := db.Record(ctx, "1")
			require.NoError(t, err)
			require.Equal(t, want, got, name)
		}
	})
}

func TestAgreeOnceAPerson(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		r := inserted(t, db, needing("1", true, 2))
		ctx := t.Context()
		in := yes("zoe")
		in.At = r.ExpiresAt.Add(-time.Millisecond)
		_, err := db.Agree(ctx, "1", in, row("approved"))
		require.NoError(t, err)
		for _, again := range []string{"zoe", "alice", "alice"} {
			_, err = db.Agree(ctx, "1", yes(again), row("approved"))
		}
		var answered *approval.AnsweredError
		require.ErrorAs(t, err, &answered)
		require.Equal(t, "alice", answered.Person)
		require.Equal(t, 3, logLength(t, db), "asked, zoe, alice")

		moved(t, db, move("1", approval.Pending, approval.Denied))
		var state *approval.StateError
		_, err = db.Agree(ctx, "1", yes("bob"), row("approved"))
		require.ErrorAs(t, err, &state)
		require.Equal(t, approval.Denied, state.Record.State, "a denial is final")
	})
}

// Without the yes of the others nothing leads on, whoever asks and whatever they bring.
func TestOtherConsentsCannotBeSkipped(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		want := inserted(t, db, needing("1", false, 1))
		for _, to := range []approval.State{approval.Executing, approval.Approved} {
			m := claim("1")
			m.To, m.From, m.Consent = to, []approval.State{approval.Pending}, answer("zoe", true)
			_, err := db.Move(t.Context(), m, row("approved"))
			var state *approval.StateError
			require.ErrorAs(t, err, &state, to)
			require.Equal(t, want, state.Record)
		}
		direct := needing("2", false, 1)
		direct.State = approval.Executing
		_, _, err := db.Insert(t.Context(), direct, nil, row("allowed"))
		require.ErrorContains(t, err, "begins as a question")

		_, err = db.Agree(t.Context(), "1", yes("zoe"), row("approved"))
		require.NoError(t, err)
		require.Equal(t, approval.Executing, moved(t, db, claim("1")).State)
	})
}

// A record of a version without people is its actor's.
func TestAgreeWithoutAPerson(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		r := needing("1", true, 1)
		r.Person = ""
		inserted(t, db, r)
		got, err := db.Agree(t.Context(), "1", yes(r.Actor), row("approved"))
		require.NoError(t, err)
		require.Equal(t, approval.Pending, got.State)
		got, err = db.Agree(t.Context(), "1", yes("zoe"), row("approved"))
		require.NoError(t, err)
		require.Equal(t, approval.Approved, got.State)
	})
}
