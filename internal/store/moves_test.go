package store_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
)

// paths lists every way through the state machine, each from its beginning to some state.
func paths() (all [][]approval.State) {
	var extend func(path []approval.State)
	extend = func(path []approval.State) {
		for _, next := range approval.Edges[path[len(path)-1]] {
			longer := append(slices.Clone(path), next)
			all = append(all, longer[1:])
			extend(longer)
		}
	}
	extend([]approval.State{""})
	return all
}

// walk takes a new record along a path.
func walk(t testing.TB, db database, id string, path []approval.State) approval.Record {
	t.Helper()
	r := asked(id)
	r.State = path[0]
	r = inserted(t, db, r)
	for _, to := range path[1:] {
		from := r.State
		r = moved(t, db, move(id, from, to))
		require.Equal(t, to, r.State)
		require.Equal(t, from, r.Prior)
	}
	return r
}

func TestEveryPath(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		for i, path := range paths() {
			before := logLength(t, db)
			walk(t, db, fmt.Sprint(i), path)
			require.Equal(t, before+len(path), logLength(t, db), path)
		}
	})
}

// What the state machine lacks is refused, and so is what starts from another state.
func TestNoOtherEdge(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		reached := map[approval.State]bool{}
		for i, path := range paths() {
			last := path[len(path)-1]
			if reached[last] {
				continue // one way to each state will do
			}
			reached[last] = true
			r := walk(t, db, fmt.Sprint(i), path)
			for _, to := range everyState() {
				before := logLength(t, db)
				if !r.State.May(to) {
					_, err := db.Move(t.Context(), move(r.ID, r.State, to), row("moved"))
					require.ErrorContains(t, err, "cannot go", "%s to %s", r.State, to)
				}
				for from := range approval.Edges {
					if from == "" || from == r.State || !from.May(to) {
						continue
					}
					_, err := db.Move(t.Context(), move(r.ID, from, to), row("moved"))
					var state *approval.StateError
					require.ErrorAs(t, err, &state)
					require.Equal(t, r, state.Record)
				}
				require.Equal(t, before, logLength(t, db))
			}
		}
	})
}

func everyState() []approval.State {
	seen := map[approval.State]bool{}
	var all []approval.State
	for _, path := range paths() {
		if last := path[len(path)-1]; !seen[last] {
			seen[last] = true
			all = append(all, last)
		}
	}
	return all
}

func TestMoveSets(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		want := inserted(t, db, asked("1"))

		got := moved(t, db, claim("1"))
		want.State, want.Prior, want.Owner = approval.Executing, approval.Pending, "process-1"
		want.ChangedAt, want.ClaimedAt = ms(start.Add(time.Second)), ms(start.Add(time.Second))
		require.Equal(t, want, got)

		m := move("1", approval.Executing, approval.Unknown)
		m.APIStatus, m.Message, m.Result, m.Approver, m.Owner = 502, "lost", json.RawMessage(`{"x":1}`), "bob", "nobody"
		got = moved(t, db, m)
		want.State, want.Prior, want.ChangedAt = approval.Unknown, approval.Executing, ms(m.At)
		want.APIStatus, want.Message, want.Result, want.Approver = 502, "lost", m.Result, "bob"
		require.Equal(t, want, got)

		got = moved(t, db, move("1", approval.Unknown, approval.Done))
		want.State, want.Prior = approval.Done, approval.Unknown
		require.Equal(t, want, got, "what a move leaves empty stays as it was")

		stored, err := db.Record(t.Context(), "1")
		require.NoError(t, err)
		require.Equal(t, want, stored)
	})
}

func TestMoveRefuses(t *testing.T) {
	late := claim("1")
	late.At = asked("1").ExpiresAt
	other := claim("1")
	other.ArgsHash = "other"
	wrongState := move("1", approval.Executing, approval.Done)
	var state *approval.StateError
	conforms(t, func(t *testing.T, db database) {
		r := inserted(t, db, asked("1"))
		for name, m := range map[string]approval.Move{"expired": late, "other arguments": other, "another state": wrongState} {
			_, err := db.Move(t.Context(), m, row("moved"))
			require.ErrorAs(t, err, &state, name)
			require.Equal(t, r, state.Record, name)
		}
		for name, m := range map[string]approval.Move{
			"no record": claim("2"), "no id": claim(""),
		} {
			_, err := db.Move(t.Context(), m, row("moved"))
			require.ErrorIs(t, err, approval.ErrNotFound, name)
		}
		for name, m := range map[string]approval.Move{
			"from nowhere": {ID: "1", To: approval.Executing, At: start}, "no time": {ID: "1", From: claim("1").From, To: approval.Executing},
			"from the beginning": move("1", "", approval.Pending),
		} {
			_, err := db.Move(t.Context(), m, row("moved"))
			require.Error(t, err, name)
		}
		_, err := db.Move(t.Context(), claim("1"), audit.Row{})
		require.ErrorContains(t, err, "no time", "nothing happens without its row")
		stored, err := db.Record(t.Context(), "1")
		require.NoError(t, err)
		require.Equal(t, r, stored)
		require.Equal(t, 1, logLength(t, db))
	})
}

func TestClaimInTime(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		inserted(t, db, asked("1"))
		m := claim("1")
		m.At, m.ArgsHash = asked("1").ExpiresAt.Add(-time.Millisecond), "args-1"
		require.Equal(t, approval.Executing, moved(t, db, m).State)

		// Without Live an expired record can still be moved: to expired.
		inserted(t, db, asked("2"))
		m = move("2", approval.Pending, approval.Expired)
		m.At = start.Add(time.Hour)
		moved(t, db, m)
	})
}

func TestOneChangePerTarget(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		holder := inserted(t, db, claimed("1"))
		rival := asked("2")
		rival.Target = holder.Target
		inserted(t, db, rival) // asking is free
		for _, state := range []approval.State{approval.Executing, approval.Unknown} {
			if state == approval.Unknown {
				holder = moved(t, db, move("1", approval.Executing, approval.Unknown))
			}
			before := logLength(t, db)
			_, err := db.Move(t.Context(), claim("2"), row("moved"))
			requireBusy(t, holder, err)
			direct := claimed("3")
			direct.Target = holder.Target
			_, _, err = db.Insert(t.Context(), direct, nil, row("allowed"))
			requireBusy(t, holder, err)
			require.Equal(t, before, logLength(t, db))
		}
		pending, err := db.Record(t.Context(), "2")
		require.NoError(t, err)
		require.Equal(t, approval.Pending, pending.State, "the card stays pending")

		moved(t, db, move("1", approval.Unknown, approval.NotApplied))
		moved(t, db, claim("2"))
	})
}

func requireBusy(t *testing.T, holder approval.Record, err error) {
	t.Helper()
	var busy *approval.BusyError
	require.ErrorAs(t, err, &busy)
	require.Equal(t, holder, busy.Holder)
}

func TestOtherTargetsAreFree(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		inserted(t, db, claimed("1"))
		for name, change := range map[string]func(*approval.Record){
			"another account": func(r *approval.Record) { r.Account = "b@example.com" },
			"another API":     func(r *approval.Record) { r.API = "simulator" },
			"another target":  func(r *approval.Record) { r.Target = "server:9" },
		} {
			r := claimed("1")
			r.ID, r.Actor = name, name
			change(&r)
			inserted(t, db, r)
		}
	})
}

// A record that cannot be claimed says so, even while its target is held.
func TestStateIsCheckedBeforeBusy(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		r := asked("2")
		r.Target = "server:1"
		inserted(t, db, r)
		inserted(t, db, claimed("1"))
		late := claim("2")
		late.At = start.Add(time.Hour)
		var state *approval.StateError
		_, err := db.Move(t.Context(), late, row("moved"))
		require.ErrorAs(t, err, &state)
	})
}
