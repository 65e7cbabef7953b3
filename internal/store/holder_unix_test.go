//go:build unix

package store_test

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/liveness"
	"github.com/vpsbot/vpsbot/internal/store/storetest"
)

// A process that is stopped keeps what it has claimed, however late it is; once it is killed, others
// find it gone at once, and get all of that.
func TestHolderIsStoppedThenKilled(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		t.Parallel()
		db := open(t, url)
		require.False(t, advertised(t, db))
		added(t, db, post("1", 0))
		id, other := holding(t, url)
		require.Equal(t, liveness.Exists, holderIs(t, db, id))
		require.True(t, advertised(t, db))

		require.NoError(t, other.Process.Signal(syscall.SIGSTOP))
		require.Equal(t, liveness.Exists, holderIs(t, db, id))
		require.True(t, advertised(t, db))
		require.Empty(t, leftover(t, db, 24*time.Hour, 9), "it exists")
		require.Empty(t, due(t, db, 24*time.Hour, 9))

		require.NoError(t, other.Process.Kill())
		killed := time.Now()
		require.Eventually(t, func() bool { return holderIs(t, db, id) == liveness.Gone }, 10*time.Second, time.Millisecond)
		t.Logf("found gone after %s", time.Since(killed).Round(time.Millisecond))
		require.Eventually(t, func() bool { return !advertised(t, db) }, 10*time.Second, time.Millisecond)
		require.Equal(t, []string{"delivery"}, leftover(t, db, 0, 9), "no lease is waited for")
		require.Equal(t, []string{"live:1"}, due(t, db, 0, 9))
		require.Empty(t, leftover(t, db, 0, 9), "this process has it now")
	})
}

// A process that is stopped in the middle of its writing keeps others waiting no longer than SQLite does,
// and nobody once it is killed.
func TestWriterIsStopped(t *testing.T) {
	t.Parallel()
	url := storetest.SQLite(t)
	db := open(t, url)
	writers := []*exec.Cmd{process(t, "labour", url, "x"), process(t, "labour", url, "y")}
	for _, writer := range writers {
		writer.Stdin = strings.NewReader("")
		require.NoError(t, writer.Start())
	}
	require.Eventually(t, func() bool { return logLength(t, db) > 10 }, 10*time.Second, time.Millisecond)
	for _, writer := range writers {
		require.NoError(t, writer.Process.Signal(syscall.SIGSTOP))
		began := time.Now()
		if err := db.Note(t.Context(), row("noted")); err != nil {
			require.ErrorContains(t, err, "another process kept it locked for 10 seconds, try again")
		}
		require.Less(t, time.Since(began), 13*time.Second)
		require.NoError(t, writer.Process.Kill())
		require.Error(t, writer.Wait())
		require.NoError(t, db.Note(t.Context(), row("noted")))
	}
}
