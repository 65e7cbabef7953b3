package liveness

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func take(t *testing.T, f *Files, kind Kind) Lock {
	t.Helper()
	lock, err := f.Take(kind, NewID())
	require.NoError(t, err)
	t.Cleanup(func() { _ = lock.Release() })
	return lock
}

func stateOf(t *testing.T, f *Files, id string) State {
	t.Helper()
	state, err := f.State(id)
	require.NoError(t, err)
	return state
}

func TestFiles(t *testing.T) {
	f := FilesIn(filepath.Join(t.TempDir(), "locks"))
	slack := func() bool {
		held, err := f.Any(Slack)
		require.NoError(t, err)
		return held
	}
	require.False(t, slack(), "without a folder")
	lock := take(t, f, Work)
	require.NoError(t, lock.Check(t.Context()))
	require.Equal(t, Exists, stateOf(t, f, lock.ID()))
	require.False(t, slack(), "of another kind")
	asking := take(t, f, Slack)
	require.True(t, slack())
	require.NoError(t, f.Remove(asking))
	require.False(t, slack())
	_, err := f.Take(Work, lock.ID())
	require.Error(t, err, "an id is used once")

	require.NoError(t, lock.Release())
	require.ErrorIs(t, lock.Check(t.Context()), ErrLost)
	require.Equal(t, Gone, stateOf(t, f, lock.ID()))
	info, err := os.Stat(f.path(Work, lock.ID()))
	require.NoError(t, err)
	require.Zero(t, info.Mode().Perm()&0o077)
}

// A lock whose file is not the one that others find is lost.
func TestALockFileIsReplaced(t *testing.T) {
	f := FilesIn(t.TempDir())
	lock := take(t, f, Work)
	path := f.path(Work, lock.ID())
	require.NoError(t, os.Rename(path, path+".old"))
	require.ErrorIs(t, lock.Check(t.Context()), ErrLost)
	require.Equal(t, Missing, stateOf(t, f, lock.ID()))
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.ErrorIs(t, lock.Check(t.Context()), ErrLost)
	require.NoError(t, os.Rename(path+".old", path))
	require.NoError(t, lock.Check(t.Context()))
}

func TestSweep(t *testing.T) {
	f := FilesIn(t.TempDir())
	age := func(lock Lock, kind Kind) Lock {
		old := time.Now().Add(-time.Hour)
		require.NoError(t, os.Chtimes(f.path(kind, lock.ID()), old, old))
		return lock
	}
	held, fresh := age(take(t, f, Work), Work), take(t, f, Work)
	named, forgotten, slack := age(take(t, f, Work), Work), age(take(t, f, Work), Work), age(take(t, f, Slack), Slack)
	for _, lock := range []Lock{fresh, named, forgotten, slack} {
		require.NoError(t, lock.Release())
	}
	require.NoError(t, os.WriteFile(filepath.Join(f.folder, "something else"), nil, 0o600))
	require.NoError(t, f.Sweep(func(id string) (bool, error) { return id == named.ID(), nil }))
	require.Equal(t, []State{Exists, Gone, Gone, Missing},
		[]State{stateOf(t, f, held.ID()), stateOf(t, f, fresh.ID()), stateOf(t, f, named.ID()), stateOf(t, f, forgotten.ID())})
	require.NoFileExists(t, f.path(Slack, slack.ID()))
	require.FileExists(t, filepath.Join(f.folder, "something else"))
	broken := errors.New("no database")
	require.ErrorIs(t, f.Sweep(func(string) (bool, error) { return false, broken }), broken)
	require.Equal(t, Gone, stateOf(t, f, named.ID()), "what cannot be looked up stays")
}

// fakeLock is held until it fails.
type fakeLock struct{ err error }

func (fakeLock) ID() string                     { return "x" }
func (l *fakeLock) Check(context.Context) error { return l.err }
func (fakeLock) Release() error                 { return nil }

func TestLastLook(t *testing.T) {
	lost := errors.New("lost")
	for name, c := range map[string]struct {
		passed time.Duration
		lock   error
		says   string
	}{
		"at once":          {},
		"just in time":     {passed: checkedFor - time.Millisecond},
		"too late":         {passed: checkedFor, says: "5s passed between the last check and the call, and at most 5s may"},
		"minutes later":    {passed: time.Hour, says: "1h0m0s passed"},
		"without the lock": {lock: lost, says: "lost"},
	} {
		t.Run(name, func(t *testing.T) {
			lock := &fakeLock{c.lock}
			look, passed := StartLastLook(lock), c.passed
			require.Less(t, look.elapsed(), time.Second)
			look.elapsed = func() time.Duration { return passed }
			err := look.Allow(t.Context())
			if c.says == "" {
				require.NoError(t, err)
				require.NoError(t, look.Refused())
				return
			}
			require.ErrorContains(t, err, c.says)
			passed, lock.err = 0, nil
			require.Equal(t, err, look.Allow(t.Context()), "what was refused stays refused")
			require.Equal(t, err, look.Refused())
		})
	}
}
