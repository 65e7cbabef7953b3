package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/store/pgtest"
)

// The connection breaks around a commit: before it arrived, or before it was answered. The
// store finds out which, and every write happens exactly once.
func TestPostgresLosesCommits(t *testing.T) {
	for name, arrives := range map[string]bool{"before it arrives": false, "before it is answered": true} {
		t.Run(name, func(t *testing.T) {
			server := pgtest.Start(t)
			p := newProxy(t, server.Socket())
			db := open(t, p.url())
			inserted(t, db, asked("1"))
			lost := p.loseCommit(arrives)
			moved(t, db, claim("1"))
			require.EqualValues(t, 1, lost.Load(), "a commit was lost")
			lost = p.loseCommit(arrives)
			inserted(t, db, asked("2"))
			require.EqualValues(t, 1, lost.Load())
			lost = p.loseCommit(arrives)
			require.NoError(t, db.Note(t.Context(), row("refused")))
			require.EqualValues(t, 1, lost.Load())
			lost = p.loseCommit(arrives)
			_, err := db.Dedupe(t.Context(), "event", start, start.Add(time.Hour))
			require.ErrorContains(t, err, "whether the last write was kept is not known", "it has no row to tell by")
			require.EqualValues(t, 1, lost.Load())
			require.Equal(t, []string{"asked", "moved", "asked", "refused"}, decisions(t, db))
			r, err := db.Record(t.Context(), "1")
			require.NoError(t, err)
			require.Equal(t, approval.Executing, r.State)
		})
	}
}

// What became of a commit cannot be found out while the server is away: that is what is said.
func TestPostgresLosesACommitAndItsServer(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	p := newProxy(t, server.Socket())
	db := open(t, p.url())
	inserted(t, db, asked("1"))
	p.loseCommit(true)
	crashed := make(chan struct{})
	p.onLoss(func() {
		server.Crash()
		close(crashed)
	})
	_, err := db.Move(t.Context(), claim("1"), row("approved"))
	require.ErrorContains(t, err, "the database cannot be reached: ")
	require.ErrorContains(t, err, "whether the last write was kept is not known")
	<-crashed
	require.NoError(t, server.Restart())
	_, err = audit.Verify(db.Rows(t.Context(), audit.Filter{}))
	require.NoError(t, err)
}
