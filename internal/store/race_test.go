package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/testkit"
)

var presses = testkit.Size(1_000, 10_000)

func TestTenThousandAnswers(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		inserted(t, db, asked("1"))
		won, lost := press(t, db, presses)
		require.EqualValues(t, 1, won)
		require.EqualValues(t, presses-1, lost)
		require.Equal(t, 2, logLength(t, db), "losers leave no row")
	})
}

// press claims record 1 from n goroutines and counts who won and who was told its state.
func press(t testing.TB, db database, n int) (won, lost int64) {
	t.Helper()
	return pressIn(t.Context(), db, n)
}

func pressIn(ctx context.Context, db database, n int) (won, lost int64) {
	testkit.Concurrently(n, func(int) {
		_, err := db.Move(ctx, claim("1"), row("approved"))
		var state *approval.StateError
		switch {
		case err == nil:
			atomic.AddInt64(&won, 1)
		case errors.As(err, &state) && state.Record.State == approval.Executing:
			atomic.AddInt64(&lost, 1)
		}
	})
	return won, lost
}

// Two stores on one database are two processes but for the name.
func TestTwoStores(t *testing.T) {
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) {
			url := engine(t)
			stores := []database{open(t, url), open(t, url)}
			t.Run("claim", func(t *testing.T) { raceClaims(t, stores) })
			t.Run("join", func(t *testing.T) { raceJoins(t, stores) })
			t.Run("target", func(t *testing.T) { raceTarget(t, stores) })
			_, err := audit.Verify(stores[0].Rows(t.Context(), audit.Filter{}))
			require.NoError(t, err)
		})
	}
}

func raceClaims(t *testing.T, stores []database) {
	inserted(t, stores[0], asked("1"))
	var won [2]int64
	testkit.Concurrently(2, func(i int) { won[i], _ = press(t, stores[i], 200) })
	require.EqualValues(t, 1, won[0]+won[1])
}

func raceJoins(t *testing.T, stores []database) {
	var made, joined int64
	testkit.Concurrently(200, func(i int) {
		r := asked("same")
		r.ID = fmt.Sprint("join-", i)
		_, old, err := stores[i%2].Insert(t.Context(), r, nil, row("asked"))
		switch {
		case err == nil && old:
			atomic.AddInt64(&joined, 1)
		case err == nil:
			atomic.AddInt64(&made, 1)
		}
	})
	require.EqualValues(t, 1, made)
	require.EqualValues(t, 199, joined)
}

// Different requests for one target: asked before or not, one gets it.
func raceTarget(t *testing.T, stores []database) {
	const n = 100
	request := func(i int) approval.Record {
		r := asked(fmt.Sprint("target-", i))
		r.Target = "server:same"
		return r
	}
	for i := 0; i < n; i += 2 {
		inserted(t, stores[0], request(i))
	}
	var won, busy int64
	testkit.Concurrently(n, func(i int) {
		err := claimOrInsert(t, stores[i/2%2], request(i), i%2 == 0)
		var held *approval.BusyError
		switch {
		case err == nil:
			atomic.AddInt64(&won, 1)
		case errors.As(err, &held) && held.Holder.Target == "server:same":
			atomic.AddInt64(&busy, 1)
		}
	})
	require.EqualValues(t, 1, won)
	require.EqualValues(t, n-1, busy)
}

func claimOrInsert(t *testing.T, db database, r approval.Record, there bool) error {
	if there {
		_, err := db.Move(t.Context(), claim(r.ID), row("approved"))
		return err
	}
	r.State = approval.Executing
	_, _, err := db.Insert(t.Context(), r, nil, row("allowed"))
	return err
}
