package store_test

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/testkit"
)

// model is what the store should hold after what was done to it.
type model struct {
	db      database
	api     string // each run has one of its own
	records []approval.Record
	first   int64 // the last row of the log before
	rows    int
	yes     map[string][]string // who agreed to what
	frozen  bool
	clock   time.Time
	edges   map[[2]approval.State]bool
}

// TestMachine does things at random to the store and to a model of it.
func TestMachine(t *testing.T) {
	require.NoError(t, flag.Set("rapid.checks", strconv.Itoa(testkit.Size(40, 100))))
	conforms(t, func(t *testing.T, db database) {
		n, edges := 0, map[[2]approval.State]bool{}
		rapid.Check(t, func(r *rapid.T) {
			n++
			m := &model{db: db, api: fmt.Sprint("api-", n), yes: map[string][]string{}, clock: start, edges: edges}
			m.freeze(r, false)
			m.first, m.rows = rows(t, db, audit.Filter{Limit: 1})[0].Seq, 0
			r.Repeat(map[string]func(*rapid.T){
				"insert": m.insert, "move": m.move, "move on": m.move, "claim": m.claim, "agree": m.agree,
				"freeze": func(r *rapid.T) { m.freeze(r, rapid.Bool().Draw(r, "frozen")) },
			})
			m.check(r)
		})
		for edge := range edges {
			require.True(t, edge[0].May(edge[1]), edge)
		}
		require.Greater(t, len(edges), 10, "most of the table was walked")
	})
}

// most is how many claims the model allows in an hour.
const most = 3

var limits = []approval.Limit{{Name: "deletions", Suffix: ".delete", Most: most, Within: time.Hour}}

func (m *model) now() time.Time {
	m.clock = m.clock.Add(time.Minute)
	return m.clock
}

func (m *model) insert(t *rapid.T) {
	r := asked(fmt.Sprint(m.api, "-", len(m.records)))
	r.API, r.Actor, r.Person, r.CreatedAt = m.api, "local:alice", "alice", m.now()
	r.ExpiresAt = r.CreatedAt.Add(24 * time.Hour)
	r.State = rapid.SampledFrom([]approval.State{approval.Pending, approval.Executing}).Draw(t, "state")
	r.Own = rapid.Bool().Draw(t, "own")
	if r.State == approval.Pending {
		r.Others = rapid.IntRange(0, 2).Draw(t, "others")
	}
	r.Target = rapid.SampledFrom([]string{"server:1", "server:2"}).Draw(t, "target")
	r.ArgsHash = rapid.SampledFrom([]string{"u", "v", "w", "x", "y", "z"}).Draw(t, "arguments")
	stored, joined, err := m.db.Insert(t.Context(), r, limits, row("asked"))

	same := slices.IndexFunc(m.records, func(o approval.Record) bool { return o.State.IsOpen() && o.ArgsHash == r.ArgsHash })
	switch {
	case same >= 0:
		require.NoError(t, err)
		require.True(t, joined)
		require.Equal(t, m.records[same].ID, stored.ID)
	case r.State == approval.Executing && m.frozen:
		require.ErrorAs(t, err, new(*approval.FrozenError))
	case r.State == approval.Pending && m.waiting() >= 5:
		requireLimit(t, err, "open requests")
	case r.State == approval.Executing && m.holder(r) >= 0:
		require.Equal(t, m.records[m.holder(r)].ID, holder(t, err))
	case m.claims(r, r.CreatedAt) >= most:
		requireLimit(t, err, "deletions")
	default:
		require.NoError(t, err)
		require.False(t, joined)
		m.stored(stored)
	}
}

func requireLimit(t require.TestingT, err error, name string) {
	var limit *approval.LimitError
	require.ErrorAs(t, err, &limit)
	require.Equal(t, name, limit.Limit.Name)
}

func (m *model) waiting() (n int) {
	for _, r := range m.records {
		if r.State == approval.Pending || r.State == approval.Approved {
			n++
		}
	}
	return n
}

// claims counts the claims of others in the hour before.
func (m *model) claims(r approval.Record, at time.Time) (n int) {
	for _, o := range m.records {
		if o.ID != r.ID && o.ClaimedAt.After(ms(at.Add(-time.Hour))) {
			n++
		}
	}
	return n
}

func (m *model) freeze(t *rapid.T, frozen bool) {
	var err error
	if m.frozen = frozen; frozen {
		err = m.db.Freeze(t.Context(), approval.Freeze{By: "lead", Reason: "storm", At: start}, row("frozen"))
	} else {
		err = m.db.Unfreeze(t.Context(), row("unfrozen"))
	}
	require.NoError(t, err)
	m.rows++
	f, err := m.db.Frozen(t.Context())
	require.NoError(t, err)
	require.Equal(t, frozen, f != nil)
}

func (m *model) pick(t *rapid.T) int {
	if len(m.records) == 0 {
		t.Skip("there is no record")
	}
	return rapid.IntRange(0, len(m.records)-1).Draw(t, "record")
}

func (m *model) agree(t *rapid.T) {
	i := m.pick(t)
	before := m.records[i]
	person := rapid.SampledFrom([]string{"alice", "bob", "carol", "dave"}).Draw(t, "person")
	after, err := m.db.Agree(t.Context(), before.ID, approval.Consent{Person: person, Yes: true, At: m.now()}, row("approved"))
	switch {
	case before.State != approval.Pending:
		require.ErrorAs(t, err, new(*approval.StateError))
	case slices.Contains(m.yes[before.ID], person):
		require.ErrorAs(t, err, new(*approval.AnsweredError))
	default:
		require.NoError(t, err)
		m.yes[before.ID] = append(m.yes[before.ID], person)
		own := slices.Contains(m.yes[before.ID], "alice")
		others := len(m.yes[before.ID])
		if own {
			others--
		}
		enough := (own || !before.Own) && others >= before.Others
		require.Equal(t, enough, after.State == approval.Approved, "%v of %+v", m.yes[before.ID], before)
		require.Equal(t, strings.Join(m.yes[before.ID], ", "), after.Approver)
		m.records[i] = after
		m.rows++
	}
}

func (m *model) claim(t *rapid.T) {
	i := m.pick(t)
	m.step(t, i, approval.Move{
		ID: m.records[i].ID, From: []approval.State{approval.Pending, approval.Approved}, To: approval.Executing,
		At: m.now(), Limits: limits,
	})
}

func (m *model) stored(r approval.Record) {
	m.records = append(m.records, r)
	m.rows++
	m.edges[[2]approval.State{r.Prior, r.State}] = true
}

func (m *model) move(t *rapid.T) {
	i := m.pick(t)
	before := m.records[i]
	step := approval.Move{
		ID: before.ID, From: rapid.SliceOfNDistinct(rapid.SampledFrom(everyState()), 1, 3, rapid.ID).Draw(t, "from"),
		To: rapid.SampledFrom(everyState()).Draw(t, "to"), At: m.now(), Limits: limits,
	}
	if rapid.Bool().Draw(t, "along an edge") && len(approval.Edges[before.State]) > 0 {
		step.From, step.To = []approval.State{before.State}, rapid.SampledFrom(approval.Edges[before.State]).Draw(t, "edge")
	}
	m.step(t, i, step)
}

func (m *model) step(t *rapid.T, i int, step approval.Move) {
	before := m.records[i]
	after, err := m.db.Move(t.Context(), step, row("moved"))
	if !m.refused(t, before, step, err) {
		require.Equal(t, [2]approval.State{before.State, step.To}, [2]approval.State{after.Prior, after.State})
		m.edges[[2]approval.State{after.Prior, after.State}] = true
		m.records[i] = after
		m.rows++
	}
}

// refused reports whether the move should have failed, having seen it fail in the right way.
func (m *model) refused(t *rapid.T, before approval.Record, step approval.Move, err error) bool {
	var state *approval.StateError
	claim := step.To == approval.Executing
	switch {
	case slices.ContainsFunc(step.From, func(from approval.State) bool { return !from.May(step.To) }):
		require.ErrorContains(t, err, "cannot go")
	case !slices.Contains(step.From, before.State),
		before.State == approval.Pending && before.Others > 0 && (claim || step.To == approval.Approved):
		require.ErrorAs(t, err, &state)
		require.Equal(t, before, state.Record)
	case claim && m.frozen:
		require.ErrorAs(t, err, new(*approval.FrozenError))
	case claim && m.holder(before) >= 0:
		require.Equal(t, m.records[m.holder(before)].ID, holder(t, err))
	case claim && m.claims(before, step.At) >= most:
		requireLimit(t, err, "deletions")
	default:
		require.NoError(t, err)
		return false
	}
	return true
}

// holder is the index of the record that keeps others off the target of r, or -1.
func (m *model) holder(r approval.Record) int {
	return slices.IndexFunc(m.records, func(o approval.Record) bool {
		return o.Target == r.Target && slices.Contains(approval.Holding, o.State)
	})
}

func holder(t *rapid.T, err error) string {
	var busy *approval.BusyError
	require.True(t, errors.As(err, &busy), "busy expected: %v", err)
	return busy.Holder.ID
}

func (m *model) check(t *rapid.T) {
	got, err := m.db.Find(t.Context(), approval.Query{API: m.api})
	require.NoError(t, err)
	slices.Reverse(got)
	require.Len(t, got, len(m.records))
	for i := range got {
		require.Equal(t, m.records[i], got[i])
	}
	n := 0
	for _, err := range m.db.Rows(t.Context(), audit.Filter{After: m.first}) {
		require.NoError(t, err)
		n++
	}
	require.Equal(t, m.rows, n, "what happened has its row, and what did not has none")
}
