package store_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/store"
)

// model is what the store should hold after what was done to it.
type model struct {
	db      database
	records []approval.Record
	rows    int
	edges   map[[2]approval.State]bool
}

// TestMachine does things at random to the store and to a model of it.
func TestMachine(t *testing.T) {
	folder, n := t.TempDir(), 0
	edges := map[[2]approval.State]bool{}
	rapid.Check(t, func(r *rapid.T) {
		n++
		db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(folder, fmt.Sprint(n)))
		require.NoError(r, err)
		defer db.Close()
		m := &model{db: db, edges: edges}
		r.Repeat(map[string]func(*rapid.T){"insert": m.insert, "move": m.move})
		m.check(r)
		report, err := audit.Verify(db.Rows(t.Context(), audit.Filter{}))
		require.NoError(r, err)
		require.EqualValues(r, m.rows, report.Rows)
	})
	for edge := range edges {
		require.True(t, edge[0].May(edge[1]), edge)
	}
	require.Greater(t, len(edges), 10, "most of the table was walked")
}

func (m *model) insert(t *rapid.T) {
	r := asked(fmt.Sprint(len(m.records)))
	r.State = rapid.SampledFrom([]approval.State{approval.Pending, approval.Executing}).Draw(t, "state")
	r.Target = rapid.SampledFrom([]string{"server:1", "server:2"}).Draw(t, "target")
	r.ArgsHash = rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "arguments")
	stored, joined, err := m.db.Insert(t.Context(), r, row("asked"))

	same := slices.IndexFunc(m.records, func(o approval.Record) bool { return o.State.IsOpen() && o.ArgsHash == r.ArgsHash })
	switch {
	case same >= 0:
		require.NoError(t, err)
		require.True(t, joined)
		require.Equal(t, m.records[same].ID, stored.ID)
	case r.State == approval.Executing && m.holder(r) >= 0:
		require.Equal(t, m.records[m.holder(r)].ID, holder(t, err))
	default:
		require.NoError(t, err)
		require.False(t, joined)
		m.stored(stored)
	}
}

func (m *model) stored(r approval.Record) {
	m.records = append(m.records, r)
	m.edges[[2]approval.State{r.Prior, r.State}] = true
	m.rows++
}

func (m *model) move(t *rapid.T) {
	if len(m.records) == 0 {
		t.Skip("nothing to move")
	}
	i := rapid.IntRange(0, len(m.records)-1).Draw(t, "record")
	before := m.records[i]
	step := approval.Move{
		ID: before.ID, From: rapid.SliceOfNDistinct(rapid.SampledFrom(everyState()), 1, 3, rapid.ID).Draw(t, "from"),
		To: rapid.SampledFrom(everyState()).Draw(t, "to"), At: start.Add(time.Duration(m.rows) * time.Second),
	}
	if rapid.Bool().Draw(t, "along an edge") && len(approval.Edges[before.State]) > 0 {
		step.From, step.To = []approval.State{before.State}, rapid.SampledFrom(approval.Edges[before.State]).Draw(t, "edge")
	}
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
	switch {
	case slices.ContainsFunc(step.From, func(from approval.State) bool { return !from.May(step.To) }):
		require.ErrorContains(t, err, "cannot go")
	case !slices.Contains(step.From, before.State):
		require.ErrorAs(t, err, &state)
		require.Equal(t, before, state.Record)
	case step.To == approval.Executing && m.holder(before) >= 0:
		require.Equal(t, m.records[m.holder(before)].ID, holder(t, err))
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
	got, err := m.db.Find(t.Context(), approval.Query{})
	require.NoError(t, err)
	slices.Reverse(got)
	require.Len(t, got, len(m.records))
	for i := range got {
		require.Equal(t, m.records[i], got[i])
	}
}
