package app

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/process"
	"github.com/vpsbot/vpsbot/internal/store"
)

// fakeClock is a time that a test sets while others read it.
type fakeClock struct{ passed atomic.Int64 }

func (c *fakeClock) now() time.Time { return time.Unix(1, 0).Add(time.Duration(c.passed.Load())) }

func (c *fakeClock) pass(d time.Duration) { c.passed.Add(int64(d)) }

func TestAlive(t *testing.T) {
	t.Parallel()
	self, err := process.Self()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "v.db")
	db, err := store.Open(t.Context(), "sqlite:"+path)
	require.NoError(t, err)
	var clock fakeClock
	h := &heart{process: self, now: clock.now, log: slog.New(slog.DiscardHandler)}
	l := &Store{heart: h, opened: db}
	require.NoError(t, h.start(t.Context(), db))
	_, ever, err := db.Beaten(t.Context(), self)
	require.NoError(t, err)
	require.True(t, ever, "a process beats before it claims anything")

	const fresh, late, never = "pod-1/1/b.1", "pod-2/1/b.1", "pod-3/1/b.1"
	host, rest, _ := strings.Cut(self, "/")
	_, started, _ := strings.Cut(rest, "/")
	gone := host + "/999999999/" + started
	for _, name := range []string{fresh, late, gone} {
		require.NoError(t, db.Beat(t.Context(), name))
	}
	beatBefore(t, path, fresh, 5_000)
	beatBefore(t, path, late, 15_000)
	alive := func(want map[string]bool) {
		t.Helper()
		for owner, want := range want {
			require.Equal(t, want, l.IsAlive(owner), owner)
		}
	}
	alive(map[string]bool{self: true, gone: false, fresh: true, late: true, never: true}) // not steady yet
	for range 3 {
		clock.pass(beatEvery)
		require.NoError(t, h.beat(t.Context(), db))
	}
	alive(map[string]bool{self: true, gone: false, fresh: true, late: false, never: false})
	require.True(t, (&Store{}).IsAlive(never), "on SQLite nothing is said of other machines")
	require.NoError(t, l.Close())
	require.True(t, l.IsAlive(never), "a store that cannot be asked says nothing")
}

// beatBefore has a process have beaten so many milliseconds earlier.
func beatBefore(t *testing.T, path, name string, milliseconds int) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	defer db.Close()
	_, err = db.Exec("UPDATE beats SET at = at - $1 WHERE process = $2", milliseconds, name)
	require.NoError(t, err)
}

// breaking is a store that beats until it is broken.
type breaking struct {
	approval.Store
	err error
}

func (b *breaking) Beat(context.Context, string) error { return b.err }

// A process takes others for dead only while its own beats have succeeded without a gap.
func TestSteady(t *testing.T) {
	t.Parallel()
	const s = time.Second
	for name, c := range map[string]struct {
		beats []time.Duration // each so long after the one before; a negative one fails
		then  time.Duration
		want  bool
	}{
		"just started":         {want: false},
		"for 15 seconds":       {beats: []time.Duration{5 * s, 5 * s, 5 * s}, want: true},
		"since the last one":   {beats: []time.Duration{5 * s, 5 * s}, then: 5 * s, want: true},
		"just not":             {beats: []time.Duration{5 * s, 5 * s}, then: 5*s - 1},
		"slowly":               {beats: []time.Duration{10 * s, 10 * s}, want: true},
		"after a gap":          {beats: []time.Duration{5 * s, 5 * s, 10*s + 1}},
		"a while after a gap":  {beats: []time.Duration{5 * s, 20 * s, 5 * s, 5 * s}, then: 5*s - 1},
		"long after a gap":     {beats: []time.Duration{5 * s, 20 * s, 5 * s, 5 * s, 5 * s}, want: true},
		"in a gap":             {beats: []time.Duration{5 * s, 5 * s, 5 * s}, then: 10*s + 1},
		"at a failure":         {beats: []time.Duration{5 * s, 5 * s, 5 * s, -1 * s}},
		"after a failure":      {beats: []time.Duration{5 * s, 5 * s, 5 * s, -1 * s, 1 * s, 5 * s, 5 * s}, then: 5*s - 1},
		"long after a failure": {beats: []time.Duration{-1 * s, 1 * s, 5 * s, 5 * s, 5 * s}, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			var clock fakeClock
			h := &heart{now: clock.now}
			require.NoError(t, h.beat(t.Context(), &breaking{}))
			for _, after := range c.beats {
				clock.pass(after.Abs())
				if after < 0 {
					require.Error(t, h.beat(t.Context(), &breaking{err: errors.New("no database")}))
					continue
				}
				require.NoError(t, h.beat(t.Context(), &breaking{}))
			}
			clock.pass(c.then)
			require.Equal(t, c.want, h.isSteady())
		})
	}
}

// A clock that is set back is no reason to be steady, nor to be none for hours.
func TestSteadyWhenTheClockIsSetBack(t *testing.T) {
	t.Parallel()
	var clock fakeClock
	h := &heart{now: clock.now}
	beats := func(n int) {
		for range n {
			require.NoError(t, h.beat(t.Context(), &breaking{}))
			clock.pass(beatEvery)
		}
	}
	beats(4)
	require.True(t, h.isSteady())
	clock.pass(-600 * beatEvery)
	require.False(t, h.isSteady())
	beats(3)
	require.True(t, h.isSteady())
}

func TestHeartsGoByTheTimeOfDay(t *testing.T) {
	t.Parallel()
	h := &heart{now: time.Now}
	require.NotContains(t, h.wallTime().String(), "m=", "what Go measures durations by stands still while a machine sleeps")
}
