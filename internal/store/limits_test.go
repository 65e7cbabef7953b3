package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
)

// claimedAt is a change that alice made, deleting server id, so long after start.
func claimedAt(id string, after time.Duration) approval.Record {
	r := claimed(id)
	r.Actor, r.Person, r.CreatedAt = "local:alice", "alice", start.Add(after)
	return r
}

func byBob(r *approval.Record) { r.Actor, r.Person = "local:bob", "bob" }

const hour, at = time.Hour, 5 * time.Minute

// limitCase is a change five minutes after three deletions by alice.
type limitCase struct {
	limit  approval.Limit
	change func(*approval.Record)
	until  time.Duration // 0: there is room
}

func TestLimitsCount(t *testing.T) {
	for name, c := range map[string]limitCase{
		"room for one more":      {limit: approval.Limit{Most: 4, Within: hour}},
		"used up":                {limit: approval.Limit{Most: 3, Within: hour}, until: hour},
		"lowered meanwhile":      {limit: approval.Limit{Most: 2, Within: hour}, until: hour + time.Minute},
		"nothing at all":         {limit: approval.Limit{Within: hour}, until: at + hour},
		"the oldest has left":    {limit: approval.Limit{Most: 3, Within: at}},
		"just not yet":           {limit: approval.Limit{Most: 3, Within: at + time.Millisecond}, until: at + time.Millisecond},
		"suffix":                 {limit: approval.Limit{Suffix: ".delete", Most: 3, Within: hour}, until: hour},
		"suffix as a pattern":    {limit: approval.Limit{Suffix: "%", Most: 1, Within: hour}},
		"longer than any":        {limit: approval.Limit{Suffix: "a.very.long.servers.delete", Most: 1, Within: hour}},
		"not bound by it":        {limit: approval.Limit{Suffix: ".restore", Most: 0, Within: hour}},
		"risk":                   {limit: approval.Limit{Risk: "destructive", Most: 3, Within: hour}, until: hour},
		"another risk":           {limit: approval.Limit{Risk: "billable", Most: 0, Within: hour}},
		"person":                 {limit: approval.Limit{Person: "alice", Most: 3, Within: hour}, until: hour},
		"another identity":       {limit: approval.Limit{Person: "alice", Most: 3, Within: hour}, change: func(r *approval.Record) { r.Actor = "key:alice-laptop" }, until: hour},
		"another person":         {limit: approval.Limit{Person: "bob", Most: 1, Within: hour}, change: byBob},
		"not of another person":  {limit: approval.Limit{Person: "alice", Most: 0, Within: hour}, change: byBob},
		"everybody's":            {limit: approval.Limit{Most: 3, Within: hour}, change: byBob, until: hour},
		"another account":        {limit: approval.Limit{Most: 1, Within: hour}, change: func(r *approval.Record) { r.Account = "b@example.com" }},
		"another API":            {limit: approval.Limit{Most: 1, Within: hour}, change: func(r *approval.Record) { r.API = "simulator" }},
		"a question of the same": {limit: approval.Limit{Most: 3, Within: hour}, change: func(r *approval.Record) { r.State = approval.Pending }, until: hour},
	} {
		t.Run(name, func(t *testing.T) {
			conforms(t, c.check)
		})
	}
}

func (c limitCase) check(t *testing.T, db database) {
	threeDeletions(t, db)
	r := claimedAt("next", at)
	if c.change != nil {
		c.change(&r)
	}
	// A limit with room stands before it: the one that is used up is named.
	_, _, err := db.Insert(t.Context(), r, []approval.Limit{{Name: "roomy", Most: 99, Within: hour}, c.limit}, row("allowed"))
	if c.until == 0 {
		require.NoError(t, err)
		return
	}
	var limit *approval.LimitError
	require.ErrorAs(t, err, &limit)
	require.Equal(t, c.limit, limit.Limit)
	require.Equal(t, ms(start.Add(c.until)), ms(limit.Until))
	require.Equal(t, 6, logLength(t, db), "nothing was stored")
}

// threeDeletions are by alice, at 0, 1 and 2 minutes; each ended another way.
func threeDeletions(t *testing.T, db database) {
	t.Helper()
	for i, end := range []approval.State{approval.Done, approval.Stale, approval.Failed} {
		inserted(t, db, claimedAt(fmt.Sprint(i), time.Duration(i)*time.Minute))
		moved(t, db, move(fmt.Sprint(i), approval.Executing, end))
	}
}

// A claim by a move counts like one by an insert, and is refused like it.
func TestLimitsOfMoves(t *testing.T) {
	limits := []approval.Limit{{Name: "deletions", Suffix: ".delete", Most: 2, Within: time.Minute}}
	conforms(t, func(t *testing.T, db database) {
		for _, id := range []string{"1", "2", "3"} {
			inserted(t, db, asked(id))
		}
		for _, id := range []string{"1", "2"} {
			m := claim(id)
			m.Limits = limits
			moved(t, db, m)
		}
		m := claim("3")
		m.Limits = limits
		before := logLength(t, db)
		_, err := db.Move(t.Context(), m, row("approved"))
		var limit *approval.LimitError
		require.ErrorAs(t, err, &limit)
		require.Equal(t, ms(m.At).Add(time.Minute), limit.Until)
		require.EqualError(t, err, "deletions: at most 2 in 1m0s")
		r, err := db.Record(t.Context(), "3")
		require.NoError(t, err)
		require.Equal(t, approval.Pending, r.State, "the card stays")
		require.Zero(t, r.ClaimedAt)
		require.Equal(t, before, logLength(t, db))

		m.At = m.At.Add(time.Minute)
		moved(t, db, m)
	})
}

// questionBy is a question that alice asks, answerable for five minutes.
func questionBy(id string, after time.Duration) approval.Record {
	r := asked(id)
	r.Actor, r.Person = "local:alice", "alice"
	r.CreatedAt, r.ExpiresAt = start.Add(after), start.Add(after+5*time.Minute)
	return r
}

func TestOpenQuestions(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		own := questionBy("own", 0)
		own.Surface, own.Interactive = "terminal", true // parsed not counted
		require.True(t, inserted(t, db, own).Interactive)
		for i := range 5 {
			r := questionBy(fmt.Sprint(i), time.Duration(i)*time.Second)
			r.Actor = []string{"local:alice", "key:alice-laptop"}[i%2] // a person's identities count together
			inserted(t, db, r)
		}
		moved(t, db, move("0", approval.Pending, approval.Approved)) // counts as well
		_, _, err := db.Insert(t.Context(), questionBy("5", 9*time.Second), nil, row("asked"))
		var limit *approval.LimitError
		require.ErrorAs(t, err, &limit)
		require.Equal(t, approval.Limit{Name: "open requests", Person: "alice", Most: 5}, limit.Limit)
		require.Equal(t, ms(start).Add(5*time.Minute), limit.Until)

		for name, change := range map[string]func(*approval.Record){
			"another person":  byBob,
			"another account": func(r *approval.Record) { r.Account = "b@example.com" },
			"needs no answer": func(r *approval.Record) { r.State = approval.Executing },
			"at a terminal":   func(r *approval.Record) { r.Surface, r.Interactive = "terminal", true },
		} {
			r := questionBy(name, 9*time.Second)
			change(&r)
			inserted(t, db, r)
		}
		_, joined, err := db.Insert(t.Context(), questionBy("2", 9*time.Second), nil, row("asked"))
		require.NoError(t, err)
		require.True(t, joined, "asking again asks nothing new")
		inserted(t, db, questionBy("6", 5*time.Minute)) // the first can no longer be answered
	})
}

func TestPauseAfterADenial(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		inserted(t, db, questionBy("1", 0))
		no := move("1", approval.Pending, approval.Denied)
		no.Consent = answer("zoe", false)
		denied := moved(t, db, no)
		again := func(after time.Duration) approval.Record {
			r := questionBy("1", after)
			r.ID = fmt.Sprint("again ", after)
			return r
		}
		until := no.At.Sub(start) + 10*time.Minute
		for _, after := range []time.Duration{3 * time.Second, until - time.Millisecond} {
			r := again(after)
			for _, r.State = range []approval.State{approval.Pending, approval.Executing} {
				_, _, err := db.Insert(t.Context(), r, nil, row("asked"))
				var paused *approval.PausedError
				require.ErrorAs(t, err, &paused)
				require.Equal(t, denied, paused.Record)
				require.Equal(t, ms(start.Add(until)), paused.Until)
			}
		}
		for name, change := range map[string]func(*approval.Record){
			"by another":     byBob,
			"something else": func(r *approval.Record) { r.ArgsHash = "other" },
			"elsewhere":      func(r *approval.Record) { r.Account = "b@example.com" },
		} {
			r := again(4 * time.Second)
			r.ID = name
			change(&r)
			inserted(t, db, r)
		}
		inserted(t, db, again(until))
	})
}

// A no binds the machine that asked, never the person.
func TestNoPauseForAPerson(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*approval.Record)
		paused bool
	}{
		"at a terminal":           {change: func(r *approval.Record) { r.Surface, r.Interactive = "terminal", true }},
		"in Slack":                {change: func(r *approval.Record) { r.Surface = "slack:C1 S1" }},
		"a script":                {change: func(r *approval.Record) { r.Surface = "terminal" }, paused: true},
		"another of their agents": {change: func(r *approval.Record) { r.Actor = "key:alice-laptop" }, paused: true},
	} {
		t.Run(name, func(t *testing.T) {
			conforms(t, func(t *testing.T, db database) {
				inserted(t, db, questionBy("1", 0))
				no := move("1", approval.Pending, approval.Denied)
				no.Consent = answer("alice", false)
				moved(t, db, no)
				r := questionBy("1", 3*time.Second)
				r.ID = "again"
				c.change(&r)
				_, _, err := db.Insert(t.Context(), r, nil, row("asked"))
				if c.paused {
					require.ErrorAs(t, err, new(*approval.PausedError))
				} else {
					require.NoError(t, err)
				}
			})
		})
	}
}

func TestNoPauseAfterAWrongName(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		inserted(t, db, questionBy("1", 0))
		moved(t, db, move("1", approval.Pending, approval.Denied)) // nobody's no
		r := questionBy("1", 3*time.Second)
		r.ID = "again"
		inserted(t, db, r)

		// Neither after a yes that another's taking back ended.
		yes := move("again", approval.Pending, approval.Approved)
		yes.Consent = answer("zoe", true)
		moved(t, db, yes)
		moved(t, db, move("again", approval.Approved, approval.Denied))
		r.ID, r.CreatedAt = "once more", r.CreatedAt.Add(time.Second)
		inserted(t, db, r)
	})
}

// Where nobody says who somebody is as a person, the identity is the person.
func TestPersonDefaultsToTheIdentity(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		for i := range 5 {
			r := questionBy(fmt.Sprint(i), 0)
			r.Person = ""
			require.Equal(t, "local:alice", inserted(t, db, r).Person)
		}
		r := questionBy("5", 0)
		r.Person = ""
		_, _, err := db.Insert(t.Context(), r, nil, row("asked"))
		requireLimit(t, err, "open requests")
	})
}

// What a clock that was wrong has put into the future counts as now: it binds, and for no longer than
// if it had just happened.
func TestFutureTimesCountAsNow(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		inserted(t, db, claimedAt("ahead", 1000*time.Hour))
		_, _, err := db.Insert(t.Context(), claimedAt("next", 0), []approval.Limit{{Name: "deletions", Most: 1, Within: hour}}, row("allowed"))
		var limit *approval.LimitError
		require.ErrorAs(t, err, &limit)
		require.Equal(t, ms(start.Add(hour)), ms(limit.Until))

		r := questionBy("no", 1000*time.Hour)
		r.ExpiresAt = r.CreatedAt.Add(time.Hour)
		inserted(t, db, r)
		no := move("no", approval.Pending, approval.Denied)
		no.At, no.Consent = r.CreatedAt, answer("zoe", false)
		moved(t, db, no)
		again := questionBy("no", 0)
		again.ID = "again"
		_, _, err = db.Insert(t.Context(), again, nil, row("asked"))
		var paused *approval.PausedError
		require.ErrorAs(t, err, &paused)
		require.Equal(t, ms(start.Add(10*time.Minute)), ms(paused.Until))
	})
}
