package store_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/store/storetest"
)

// asking lets one store after the other ask for a turn, and returns what waits for their rows.
func asking(t *testing.T, url string, names ...string) (done func()) {
	t.Helper()
	var all sync.WaitGroup
	for _, name := range names {
		db := open(t, url)
		all.Go(func() { require.NoError(t, db.Note(t.Context(), row(audit.Decision(name)))) })
		time.Sleep(50 * time.Millisecond)
	}
	return all.Wait
}

// Those that wait while the file is locked write in the order in which they asked.
func TestTurnsAreInOrder(t *testing.T) {
	t.Parallel()
	url := storetest.SQLite(t)
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	tx, err := around(t, url).Begin()
	require.NoError(t, err)
	defer tx.Rollback() //nolint:errcheck // nothing was written
	_, err = tx.Exec("DELETE FROM freezes")
	require.NoError(t, err)
	done := asking(t, url, names...)
	require.NoError(t, tx.Rollback())
	done()
	require.Equal(t, names, decisions(t, open(t, url)))
}

// A process that is stopped at the wrong moment keeps the turn, but not SQLite's lock: each other waits in
// vain once, then goes on without.
func TestTurnIsNotGivenBack(t *testing.T) {
	for _, name := range []string{"queue", "turn"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := storetest.SQLite(t)
			db := open(t, url)
			require.NoError(t, db.Note(t.Context(), row("first")))
			stopped := flock.New(filepath.Join(fileOf(url)+"-locks", name))
			locked, err := stopped.TryLock()
			require.NoError(t, err)
			require.True(t, locked, "nobody keeps it")
			began := time.Now()
			require.NoError(t, db.Note(t.Context(), row("second")))
			require.WithinRange(t, time.Now(), began.Add(4*time.Second), began.Add(10*time.Second))
			for range 20 {
				require.NoError(t, db.Note(t.Context(), row("more")))
			}
			require.Less(t, time.Since(began), 10*time.Second)
			require.NoError(t, stopped.Close())
			asking(t, url, "after", "wards")()
			require.NoError(t, db.Note(t.Context(), row("last")))
		})
	}
}

// SQLite's own lock is waited for as long as before, the wait for the turn included.
func TestFileStaysLocked(t *testing.T) {
	t.Parallel()
	url := storetest.SQLite(t)
	first, second := open(t, url), open(t, url)
	tx, err := around(t, url).Begin()
	require.NoError(t, err)
	defer tx.Rollback() //nolint:errcheck // nothing was written
	_, err = tx.Exec("DELETE FROM freezes")
	require.NoError(t, err)
	began := time.Now()
	var both sync.WaitGroup
	for _, db := range []database{first, second} {
		both.Go(func() {
			require.ErrorContains(t, db.Note(t.Context(), row("refused")), "another process kept it locked for 10 seconds, try again")
		})
	}
	both.Wait()
	require.WithinRange(t, time.Now(), began.Add(9*time.Second), began.Add(13*time.Second))
	require.NoError(t, tx.Rollback())
	require.NoError(t, second.Note(t.Context(), row("noted")))
}

// Whoever gives up waiting holds nobody up, and comes again.
func TestTurnIsGivenUp(t *testing.T) {
	t.Parallel()
	url := storetest.SQLite(t)
	db, other := open(t, url), open(t, url)
	require.NoError(t, db.Note(t.Context(), row("first")))
	held := flock.New(filepath.Join(fileOf(url)+"-locks", "turn"))
	locked, err := held.TryLock()
	require.NoError(t, err)
	require.True(t, locked)
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		require.ErrorIs(t, db.Note(ctx, row("late")), context.DeadlineExceeded)
		cancel()
	}
	done := asking(t, url, "a")
	require.NoError(t, held.Close())
	done()
	require.NoError(t, other.Note(t.Context(), row("b")))
	require.NoError(t, db.Note(t.Context(), row("c")))
	require.Equal(t, []string{"first", "a", "b", "c"}, decisions(t, db))
}

// Processes that are killed while they wait or write hold nobody up, and what they leave is for the owner alone.
func TestTurnsOfTheKilled(t *testing.T) {
	url := storetest.SQLite(t)
	db := open(t, url)
	for i := range 4 {
		var both sync.WaitGroup
		for _, name := range []string{"x", "y", "z"} {
			both.Go(func() { killed(t, url, fmt.Sprint(name, i), 20+13*i) })
		}
		both.Wait()
		require.NoError(t, db.Note(t.Context(), row("noted")))
	}
	entries, err := os.ReadDir(fileOf(url) + "-locks")
	require.NoError(t, err)
	var names []string
	for _, entry := range entries {
		info, err := entry.Info()
		require.NoError(t, err)
		require.EqualValues(t, 0o600, info.Mode().Perm(), entry.Name())
		names = append(names, entry.Name())
	}
	slices.Sort(names)
	require.Equal(t, []string{"queue", "turn"}, names)
}
