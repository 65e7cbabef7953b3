package approval

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	begins = []State{""}
	ends   = []State{Done, Failed, Refused, Stale, Denied, Expired, Cancelled, NotApplied, NeedsHuman}
)

// The table, once more and by hand: an edge more or less is a decision, not a slip.
func TestEdges(t *testing.T) {
	want := map[State][]State{
		"":        {Pending, Executing},
		Pending:   {Approved, Executing, Denied, Expired, Cancelled, Stale},
		Approved:  {Executing, Denied, Expired, Cancelled, Stale},
		Executing: {Done, Failed, Unknown, Stale, Refused},
		Unknown:   {Done, NotApplied, NeedsHuman},
	}
	for _, from := range slices.Concat(begins, Open, ends) {
		for _, to := range slices.Concat(begins, Open, ends) {
			require.Equal(t, slices.Contains(want[from], to), from.May(to), "%q to %q", from, to)
		}
	}
}

func TestEveryStateIsReached(t *testing.T) {
	reached := map[State]bool{}
	for _, targets := range Edges {
		for _, to := range targets {
			reached[to] = true
		}
	}
	for _, state := range slices.Concat(Open, ends) {
		require.True(t, reached[state], state)
	}
	require.Len(t, reached, len(Open)+len(ends))
}

func TestOpenStatesAreThoseWithAWayOn(t *testing.T) {
	for _, state := range slices.Concat(Open, ends) {
		require.Equal(t, len(Edges[state]) > 0, state.IsOpen(), state)
	}
	require.Equal(t, len(Open)+1, len(Edges))
}

func TestHoldingIsOpen(t *testing.T) {
	for _, state := range Holding {
		require.True(t, state.IsOpen(), state)
	}
	require.False(t, slices.Contains(Holding, Pending), "a question keeps nobody off")
}

func TestErrorsName(t *testing.T) {
	record := Record{ID: "f00", Operation: "servers.stop", TargetName: "web-1", State: Executing}
	require.EqualError(t, &StateError{record}, "approval f00 is executing")
	require.EqualError(t, &BusyError{record}, "servers.stop of web-1 is executing (approval f00)")
}

func TestARecordIsOverdueOnlyWhileItWaits(t *testing.T) {
	until := time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)
	for state := range Edges {
		rec := Record{State: state, ExpiresAt: until}
		waits := state == Pending || state == Approved
		require.Equal(t, waits, state.Waits(), state)
		require.Equal(t, waits, rec.Overdue(until), state)
		require.False(t, rec.Overdue(until.Add(-time.Millisecond)), state)
		require.Equal(t, map[bool]State{true: Expired, false: state}[waits], rec.StateAt(until), "the expiry may not be stored yet")
		require.Equal(t, state, rec.StateAt(until.Add(-time.Millisecond)))
	}
}
