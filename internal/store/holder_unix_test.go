//go:build unix

package store_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/liveness"
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
