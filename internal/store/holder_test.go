package store_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/delivery"
	"github.com/vpsbot/vpsbot/internal/liveness"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/store/pgtest"
	"github.com/vpsbot/vpsbot/internal/testkit"
)

func TestNowIsTheDatabasesClock(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s := open(t, url)
		now, err := s.Now(t.Context())
		require.NoError(t, err)
		require.WithinDuration(t, time.Now(), now, 5*time.Second, "both databases are on this machine")
	})
}

// On PostgreSQL the server's clock counts: here it stands wherever the test puts it.
func TestNowIsTheServersClock(t *testing.T) {
	url := pgtest.URL(t) + ",pg_catalog" // a function of ours goes before the server's own
	db := open(t, url)
	execute(t, url, "CREATE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql AS 'SELECT timestamptz ''2001-02-03 04:05:06.789Z'''")
	now, err := db.Now(t.Context())
	require.NoError(t, err)
	require.Equal(t, time.Date(2001, 2, 3, 4, 5, 6, 789e6, time.UTC), now)
}

// hold is another process: it claims a delivery and a post, says under which id, and works for long.
func hold(db database, name string) error {
	ctx := context.Background()
	s := db.(*store.Store)
	lock, err := s.Hold(ctx)
	if err != nil {
		return err
	}
	if _, err := s.Enqueue(ctx, start, []delivery.Delivery{newDelivery(name, 0)}); err != nil {
		return err
	}
	if _, err := s.DuePosts(ctx, start, 9); err != nil {
		return err
	}
	if err := s.Advertise(ctx, liveness.Slack); err != nil {
		return err
	}
	fmt.Println(lock.ID())
	time.Sleep(time.Minute)
	return nil
}

// holding starts such a process, and returns once it holds its locks.
func holding(t *testing.T, url string) (id string, cmd *exec.Cmd) {
	t.Helper()
	cmd = process(t, "hold", url, "delivery")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	require.NoError(t, in.Close())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	go io.Copy(io.Discard, out) //nolint:errcheck // until it is killed
	return strings.TrimSpace(line), cmd
}

func holderIs(t *testing.T, db *store.Store, id string) liveness.State {
	t.Helper()
	state, err := db.Holder(t.Context(), id)
	require.NoError(t, err)
	return state
}

func advertised(t *testing.T, db *store.Store) bool {
	t.Helper()
	is, err := db.IsAdvertised(t.Context(), liveness.Slack)
	require.NoError(t, err)
	return is
}

// The lock of a process is one and the same until it is lost; then there is one of another id.
func TestHold(t *testing.T) {
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := engine(t)
			db, other := open(t, url), open(t, url)
			lock, err := db.Hold(t.Context())
			require.NoError(t, err)
			again, err := db.Hold(t.Context())
			require.NoError(t, err)
			require.Same(t, lock, again)
			others, err := other.Hold(t.Context())
			require.NoError(t, err)
			require.NotEqual(t, lock.ID(), others.ID())
			require.Equal(t, liveness.Exists, holderIs(t, db, lock.ID()), "also for itself")
			require.Equal(t, liveness.Exists, holderIs(t, db, others.ID()))

			require.NoError(t, db.Advertise(t.Context(), liveness.Slack))
			require.NoError(t, db.Advertise(t.Context(), liveness.Slack))
			require.True(t, advertised(t, other))
			require.NoError(t, db.Withdraw(liveness.Slack))
			require.NoError(t, db.Withdraw(liveness.Slack))
			require.False(t, advertised(t, other))

			lose(t, url, lock.ID())
			require.Eventually(t, func() bool { return lock.Check(t.Context()) != nil }, 5*time.Second, time.Millisecond)
			require.ErrorIs(t, lock.Check(t.Context()), liveness.ErrLost)
			anew, err := db.Hold(t.Context())
			require.NoError(t, err)
			require.NotEqual(t, lock.ID(), anew.ID())
			require.NoError(t, anew.Check(t.Context()))
			require.Equal(t, map[string]liveness.State{"sqlite": liveness.Missing, "postgres": liveness.Gone}[name], holderIs(t, other, lock.ID()))

			require.NoError(t, db.Close())
			require.Eventually(t, func() bool { return holderIs(t, other, anew.ID()) != liveness.Exists }, 5*time.Second, time.Millisecond)
		})
	}
}

// lose takes a lock away: its file is removed, or the database ends the session.
func lose(t *testing.T, url, id string) {
	t.Helper()
	if path, isFile := strings.CutPrefix(url, "sqlite:"); isFile {
		require.NoError(t, os.Remove(lockFile(path, id)))
		return
	}
	execute(t, url, `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2
		AND objid = hashtext($1)::bit(32)::bigint::oid`, id)
}

func lockFile(path, id string) string {
	return filepath.Join(path+"-locks", "work-"+id+".lock")
}

// A holder without a lock file is not taken for gone: what it has claimed is free when its lease is over.
func TestHolderIsMissing(t *testing.T) {
	db := open(t, engines["sqlite"](t))
	for _, id := range []string{"host/12/34.5", "", "../work-x", strings.Repeat("a", 26), strings.Repeat("A", 26)} {
		require.Equal(t, liveness.Missing, holderIs(t, db, id), id)
	}
}

// Lock files of the dead go, once nothing names them.
func TestLockFilesAreSwept(t *testing.T) {
	url := engines["sqlite"](t)
	path, _ := strings.CutPrefix(url, "sqlite:")
	files := func() (n int) {
		locks, err := filepath.Glob(path + "-locks/*.lock")
		require.NoError(t, err)
		return len(locks)
	}
	db := open(t, url)
	id, other := holding(t, url)
	require.NoError(t, other.Process.Kill())
	_ = other.Wait()
	require.Equal(t, 2, files(), "of its work and of Slack")
	old := time.Now().Add(-time.Hour)
	for _, kind := range []string{"work", "slack"} {
		matches, err := filepath.Glob(path + "-locks/" + kind + "-*")
		require.NoError(t, err)
		require.NoError(t, os.Chtimes(matches[0], old, old))
	}

	third := open(t, url)
	_, err := third.Hold(t.Context())
	require.NoError(t, err)
	require.Equal(t, liveness.Gone, holderIs(t, db, id), "its delivery is not over")
	require.Equal(t, 2, files(), "the other's, and this one's")
	require.Equal(t, []string{"delivery"}, leftover(t, db, 0, 9))
	require.NoError(t, third.Close())
	require.Equal(t, 1+1, files(), "a clean end leaves none: the other's, and that of who took up its delivery")

	fourth := open(t, url)
	_, err = fourth.Hold(t.Context())
	require.NoError(t, err)
	require.Equal(t, liveness.Missing, holderIs(t, db, id))
	require.Equal(t, 2, files())
	require.NoError(t, db.Close())
	require.Equal(t, 2, files(), "its delivery is not over")
	require.NoError(t, fourth.Close())
	require.Equal(t, 1, files())
}

func TestConnectionPoolerIsRefused(t *testing.T) {
	p := newProxy(t, pgtest.Start(t).Socket())
	require.NoError(t, open(t, p.url()).CheckDirect(t.Context()))
	p.mu.Lock()
	p.pooled = true
	p.mu.Unlock()
	require.ErrorContains(t, open(t, p.url()).CheckDirect(t.Context()), "a connection pooler stands between vpsbot and PostgreSQL")
	require.NoError(t, open(t, engines["sqlite"](t)).CheckDirect(t.Context()))
}

// A process uses three connections, and more only under load, while the server has some to spare.
func TestConnectionsOfPostgreSQL(t *testing.T) {
	server := pgtest.Start(t)
	used := func(db *store.Store) (most int) {
		testkit.Concurrently(40, func(i int) {
			for range 25 {
				if i == 0 {
					most = max(most, int(counted(t, server.URL(), "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'vpsbot'")))
				}
				if _, err := db.Frozen(t.Context()); err != nil {
					t.Error(err)
				}
				if err := db.Note(t.Context(), row("noted")); err != nil {
					t.Error(err)
				}
			}
		})
		return most
	}
	db := open(t, server.URL())
	_, err := db.Hold(t.Context())
	require.NoError(t, err)
	_, err = db.Frozen(t.Context())
	require.NoError(t, err)
	require.NoError(t, db.Note(t.Context(), row("noted")))
	require.EqualValues(t, 3, counted(t, server.URL(), "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'vpsbot'"))
	require.Greater(t, used(db), 3, "under load")
	require.NoError(t, db.Close())

	execute(t, server.URL(), "ALTER SYSTEM SET max_connections = 20")
	server.Crash()
	require.NoError(t, server.Restart())
	db = open(t, server.URL())
	others := around(t, server.URL())
	for range 15 { // with this process's reader 16, which is 80 %
		conn, err := others.Conn(t.Context())
		require.NoError(t, err)
		defer conn.Close()
	}
	require.LessOrEqual(t, used(db), 3, "there are few left")
}

// Where no lock file can be made nothing is claimed, and the error has the next step.
func TestNoLockFileCanBeMade(t *testing.T) {
	url := engines["sqlite"](t)
	db := open(t, url)
	require.NoError(t, os.WriteFile(fileOf(url)+"-locks", nil, 0o600)) // in the place of the folder
	_, err := db.Hold(t.Context())
	require.ErrorContains(t, err, "a lock file cannot be made")
	require.ErrorContains(t, err, "name another file, sqlite:PATH")
	_, err = db.Enqueue(t.Context(), start, deliveries(1, 0))
	require.Error(t, err)
	require.NoError(t, os.Remove(fileOf(url)+"-locks"))
	_, err = db.Hold(t.Context())
	require.NoError(t, err)
}
