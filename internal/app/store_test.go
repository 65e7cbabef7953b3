package app

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/store/pgtest"
)

func said(at time.Time) func(context.Context) (time.Time, error) {
	return func(context.Context) (time.Time, error) { return at, nil }
}

// However wrong a machine's clock is, and whatever is done to it, the time is the database's.
func TestTheTimeIsTheDatabases(t *testing.T) {
	t.Parallel()
	right := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	machine := right.Add(-26 * time.Hour)
	clock := &databaseClock{machine: func() time.Time { return machine }}
	require.Equal(t, machine, clock.now(), "before the database was asked")
	require.NoError(t, clock.set(t.Context(), said(right)))
	require.Equal(t, right, clock.now())
	machine = machine.Add(time.Minute)
	require.Equal(t, right.Add(time.Minute), clock.now())
	require.NoError(t, clock.set(t.Context(), said(right.Add(90*time.Second))))
	require.Equal(t, right.Add(90*time.Second), clock.now())
	require.NoError(t, (*databaseClock)(nil).set(t.Context(), said(right)), "of SQLite it is the machine's")
}

func TestPostgreSQLTellsTheTime(t *testing.T) {
	t.Parallel()
	db, err := store.Open(t.Context(), pgtest.URL(t))
	require.NoError(t, err)
	defer db.Close()
	wrong := func() time.Time { return time.Now().Add(-5 * time.Hour) }
	clock := &databaseClock{machine: wrong}
	l := &Store{opened: db, clock: clock}
	require.NoError(t, l.clock.set(t.Context(), db.Now))
	require.WithinDuration(t, time.Now(), clock.now(), 5*time.Second, "PostgreSQL runs on this machine")
}
