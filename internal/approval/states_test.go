package approval

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var ends = []State{Done, Failed, Refused, Stale, Denied, Expired, Cancelled, NotApplied, NeedsHuman}

// The table, once more and by hand: an edge more or less is a decision, not a slip.
func TestEdges(t *testing.T) {
	want := map[State][]State{
		"":        {Pending, Executing},
		Pending:   {Approved, Executing, Denied, Expired, Cancelled, Stale},
		Approved:  {Executing, Denied, Expired, Cancelled, Stale},
		Executing: {Done, Failed, Unknown, Stale, Refused},
		Unknown:   {Done, NotApplied, NeedsHuman},
	}
	require.Equal(t, want, Edges)
	require.True(t, Pending.May(Approved))
	require.False(t, Approved.May(Pending))
}

func TestOpenStatesAreThoseWithAWayOn(t *testing.T) {
	for _, state := range slices.Concat(Open, ends) {
		require.Equal(t, len(Edges[state]) > 0, state.IsOpen(), state)
	}
	require.Equal(t, len(Open)+1, len(Edges))
	require.Subset(t, Open, Holding)
	require.NotContains(t, Holding, Pending, "a question keeps nobody off")
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
