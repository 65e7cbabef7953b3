package policy_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/policy"
	"github.com/vpsbot/vpsbot/permissions"
)

const (
	open   = "version: 1\nrules: [{name: all, effect: allow, who: [\"*\"]}]\n"
	closed = "version: 1\nrules: [{name: all, effect: deny, who: [\"*\"]}]\n"
)

// bench is a policy file, and a clock of its own.
type bench struct {
	t    *testing.T
	path string
	now  time.Time
	log  bytes.Buffer
	file *policy.File
}

func newBench(t *testing.T, text string) *bench {
	b := &bench{t: t, path: filepath.Join(t.TempDir(), "policy.yaml"), now: time.Now()}
	b.write(text)
	f, err := b.open()
	require.NoError(t, err)
	b.file = f
	return b
}

func (b *bench) open() (*policy.File, error) {
	return policy.Open(b.path, policy.Options{
		Base: permissions.Policy{Operations: []string{"servers.*"}}, Operations: operations,
		Now: func() time.Time { return b.now }, Log: slog.New(slog.NewTextHandler(&b.log, nil)),
	})
}

func (b *bench) write(text string) { require.NoError(b.t, os.WriteFile(b.path, []byte(text), 0o600)) }

func (b *bench) allows() bool {
	return b.file.Policy().Decide(permissions.Ask{Actor: "local:a", Surface: "terminal", Operation: "servers.stop", Risk: "disruptive"}).Allowed
}

// later is a time when the file is looked at again.
func (b *bench) later() { b.now = b.now.Add(policy.ReloadInterval) }

func TestReloadAfterChange(t *testing.T) {
	b := newBench(t, open)
	require.True(t, b.allows())
	b.write(closed)
	require.True(t, b.allows(), "it was looked at within the second")
	b.later()
	require.False(t, b.allows())
	require.NoError(t, b.file.Err())
	require.Contains(t, b.log.String(), "the new one is in force")
	b.log.Reset()
	b.later()
	require.False(t, b.allows())
	require.Empty(t, b.log.String(), "nothing has changed")
}

// A change is seen by the bytes alone: the size, the time and, of a file that is rewritten, the inode stay.
func TestReloadOfSameSizeAndTime(t *testing.T) {
	for name, replace := range map[string]func(path string, text []byte) error{
		"rewritten": func(path string, text []byte) error { return os.WriteFile(path, text, 0o600) },
		"renamed": func(path string, text []byte) error {
			return errors.Join(os.WriteFile(path+".new", text, 0o600), os.Rename(path+".new", path))
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, open)
			info, err := os.Stat(b.path)
			require.NoError(t, err)
			require.NoError(t, replace(b.path, []byte(strings.Replace(closed, "deny", "deny ", 1))))
			require.NoError(t, os.Chtimes(b.path, info.ModTime(), info.ModTime()))
			b.later()
			require.False(t, b.allows())
		})
	}
}

func TestInvalidFileKeepsThePolicyBefore(t *testing.T) {
	b := newBench(t, closed)
	for name, brk := range map[string]func(){
		"broken": func() { b.write("version: 1\nrules: [{name: all, effect: alow, who: [\"*\"]}]\n") },
		"empty":  func() { b.write("") },
		"gone":   func() { require.NoError(t, os.Remove(b.path)) },
		"folder": func() { require.NoError(t, os.Remove(b.path)); require.NoError(t, os.Mkdir(b.path, 0o700)) },
	} {
		t.Run(name, func(t *testing.T) {
			b.log.Reset()
			brk()
			for range 3 {
				b.later()
				require.False(t, b.allows())
				require.ErrorContains(t, b.file.Err(), "the policy read before stays in force")
			}
			require.Equal(t, 1, strings.Count(b.log.String(), "level=ERROR"), "it is said once: %s", b.log.String())
			require.NoError(t, os.RemoveAll(b.path))
			b.write(open)
			b.later()
			require.True(t, b.allows())
			require.NoError(t, b.file.Err())
			b.write(closed)
			b.later()
			require.False(t, b.allows())
		})
	}
}

// A clock that was set back does not stop the looking.
func TestReloadAfterClockSetBack(t *testing.T) {
	b := newBench(t, open)
	b.write(closed)
	b.now = b.now.Add(-time.Hour)
	require.False(t, b.allows())
}

func TestOpenRefusesInvalidFile(t *testing.T) {
	b := newBench(t, open)
	b.write("version: 3\n")
	_, err := b.open()
	require.ErrorContains(t, err, "line 1: version 3 is not known")
	require.NotContains(t, err.Error(), "stays in force")
	require.NoError(t, os.Remove(b.path))
	_, err = b.open()
	require.ErrorIs(t, err, os.ErrNotExist)
}

// What the environment switches off stays off.
func TestBaseHoldsBesideTheFile(t *testing.T) {
	b := newBench(t, open)
	ask := permissions.Ask{Actor: "local:a", Surface: "terminal", Operation: "plans.list", Risk: "read"}
	require.Contains(t, b.file.Policy().Decide(ask).Reason, "VPSBOT_OPERATIONS")
}

func TestFileConcurrentUse(t *testing.T) {
	b := newBench(t, open)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				_ = b.file.Policy()
				_ = b.file.Err()
			}
		})
	}
	all.Wait()
}

func TestWarningsAreLogged(t *testing.T) {
	b := newBench(t, "version: 1\n")
	require.Empty(t, b.log.String(), "a command that ends at once would say it each time")
	b.file.Warn()
	require.Contains(t, b.log.String(), "policy: line 1: there are no rules")
}
