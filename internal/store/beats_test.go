package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/store/pgtest"
)

func TestNowIsTheDatabases(t *testing.T) {
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) {
			s := open(t, engine(t))
			now, err := s.Now(t.Context())
			require.NoError(t, err)
			require.WithinDuration(t, time.Now(), now, 5*time.Second, "both databases are on this machine")
		})
	}
}

func TestBeats(t *testing.T) {
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) {
			url := engine(t)
			db, ctx := open(t, url), t.Context()
			_, ever, err := db.Beaten(ctx, "p1")
			require.NoError(t, err)
			require.False(t, ever)
			require.NoError(t, db.Beat(ctx, "p1"))
			require.NoError(t, db.Beat(ctx, "p2"))
			time.Sleep(20 * time.Millisecond)
			age, _, err := db.Beaten(ctx, "p1")
			require.NoError(t, err)
			require.GreaterOrEqual(t, age, 15*time.Millisecond)
			requireAge(t, db, "p1", 0)

			around(t, url, "UPDATE beats SET at = at - 3600000") // as if an hour had passed
			requireAge(t, db, "p1", time.Hour)
			require.NoError(t, db.Beat(ctx, "p1"))
			requireAge(t, db, "p1", 0)
			requireAge(t, db, "p2", time.Hour)

			const almost, day = 30 * 24 * time.Hour, 24 * time.Hour
			around(t, url, "UPDATE beats SET at = at - $1 WHERE process = 'p2'", (almost - day).Milliseconds())
			require.NoError(t, db.Beat(ctx, "p1"))
			requireAge(t, db, "p2", almost-day+time.Hour)
			around(t, url, "UPDATE beats SET at = at - $1 WHERE process = 'p2'", day.Milliseconds())
			require.NoError(t, db.Beat(ctx, "p1"))
			_, ever, err = db.Beaten(ctx, "p2")
			require.NoError(t, err)
			require.False(t, ever, "forgotten after a month")
			require.Zero(t, logLength(t, db))
		})
	}
}

// requireAge allows for a slow machine.
func requireAge(t *testing.T, db database, process string, want time.Duration) {
	t.Helper()
	age, ever, err := db.Beaten(t.Context(), process)
	require.NoError(t, err)
	require.True(t, ever)
	require.InDelta(t, want, age, float64(30*time.Second))
}

// On PostgreSQL the server's clock counts: here it stands wherever the test puts it.
func TestBeatsByTheServersClock(t *testing.T) {
	url := pgtest.URL(t) + ",pg_catalog" // a function of ours goes before the server's own
	db := open(t, url)
	around(t, url, "CREATE TABLE clock AS SELECT timestamptz '2001-02-03 04:05:06.789Z' AS now")
	around(t, url, "CREATE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql AS 'SELECT now FROM clock'")
	require.NoError(t, db.Beat(t.Context(), "p"))
	around(t, url, "UPDATE clock SET now = now + interval '14.999s'")
	age, ever, err := db.Beaten(t.Context(), "p")
	require.NoError(t, err)
	require.True(t, ever)
	require.Equal(t, 14_999*time.Millisecond, age)
	require.NoError(t, db.Beat(t.Context(), "p"))
	age, _, err = db.Beaten(t.Context(), "p")
	require.NoError(t, err)
	require.Zero(t, age)
}
