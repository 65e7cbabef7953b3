package store_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/liveness"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/store/pgtest"
)

// older is a store as the first version of the program left it: record 1 waits, 2 runs, 3 is done.
func older(t *testing.T) (path string) { return dumped(t, "version-1.sql") }

// dumped is a store as an older version left it.
func dumped(t *testing.T, name string) (path string) {
	t.Helper()
	dump, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	path = filepath.Join(t.TempDir(), "vpsbot.db")
	execute(t, path, string(dump))
	return path
}

// withoutGrowth undoes the last three migrations; the first of them makes and drops indexes alone.
func withoutGrowth(t *testing.T, url string) {
	t.Helper()
	script, err := os.ReadFile("migrations/00009_growth.sql")
	require.NoError(t, err)
	if strings.HasPrefix(url, "postgres") {
		own, err := os.ReadFile("migrations/postgres/00009_growth.sql")
		require.NoError(t, err)
		script = append(script, own...)
	}
	for _, step := range regexp.MustCompile(`(?m)^(CREATE|DROP) INDEX (\w+)`).FindAllStringSubmatch(string(script), -1) {
		undo := "DROP INDEX " + step[2]
		if step[1] == "DROP" {
			undo = "CREATE INDEX " + step[2] + " ON approvals (id)"
		}
		execute(t, url, undo)
	}
	execute(t, url, "DROP TABLE secrets")
	execute(t, url, "ALTER TABLE audit DROP COLUMN trace")
	execute(t, url, "ALTER TABLE approvals DROP COLUMN trace")
	execute(t, url, "DELETE FROM goose_db_version WHERE version_id >= 9")
}

// A store of before there was Slack keeps what it has, and takes what comes from there.
func TestUpgradeToSlack(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		db := open(t, url)
		want := inserted(t, db, asked("1"))
		require.NoError(t, db.Close())
		withoutGrowth(t, url)
		for _, statement := range []string{"DROP TABLE inbox", "DROP TABLE posts", "ALTER TABLE approvals DROP COLUMN interactive", "DELETE FROM goose_db_version WHERE version_id >= 4", "CREATE TABLE outbox (id TEXT)"} {
			execute(t, url, statement)
		}
		db = open(t, url)
		require.Equal(t, []bool{true}, received(t, db, 0, newDelivery("a", 0)))
		added(t, db, post("1", 0))
		got, err := db.Record(t.Context(), "1")
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

func TestUpgrade(t *testing.T) {
	path := older(t)
	require.Equal(t, []string{"1"}, query(t, path, "SELECT max(version_id) FROM goose_db_version"))
	db := open(t, "sqlite:"+path)
	report, err := audit.Verify(db.Rows(t.Context(), audit.Filter{}))
	require.NoError(t, err)
	require.EqualValues(t, 6, report.Rows)

	for id, own := range map[string]bool{"1": true, "2": false, "3": false} {
		want := asked(id)
		got, err := db.Record(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, "local:alice", got.Person, "the requester was the person")
		require.Equal(t, own, got.Own, id)
		require.Equal(t, want.Facts, got.Facts)
	}
	// What waited can be agreed to, what ran goes on holding its target, and forms are there.
	r, err := db.Agree(t.Context(), "1", yes("local:alice"), row("approved"))
	require.NoError(t, err)
	require.Equal(t, approval.Approved, r.State)
	rival := claimed("4")
	rival.Target = "server:2"
	_, _, err = db.Insert(t.Context(), rival, nil, row("allowed"))
	require.ErrorAs(t, err, new(*approval.BusyError))
	_, err = db.ConsumeChallenge(t.Context(), "h", "s1", start)
	require.NoError(t, err)
	moved(t, db, move("2", approval.Executing, approval.Done))
}

// A store of before there were locks: record 1 waits, 2 runs and 3 is done; its process had a delivery
// and a post.
func TestUpgradeToLocks(t *testing.T) {
	path := dumped(t, "version-7.sql")
	require.Equal(t, []string{"7"}, query(t, path, "SELECT max(version_id) FROM goose_db_version"))
	db := open(t, "sqlite:"+path)
	verified, err := audit.Verify(db.Rows(t.Context(), audit.Filter{}))
	require.NoError(t, err)
	require.EqualValues(t, 6, verified.Rows)
	running, err := db.Record(t.Context(), "2")
	require.NoError(t, err)
	require.Equal(t, approval.Executing, running.State)
	require.Equal(t, liveness.Missing, holderIs(t, db, running.Owner), "it is not said to be gone")
	require.Empty(t, leftover(t, db, 0, 9))
	require.Equal(t, []string{"open"}, leftover(t, db, pastLease, 9), "once its lease is over, as before")
	require.Equal(t, []string{"live:1"}, due(t, db, pastLease, 9))
	require.Equal(t, []string{"slack"}, query(t, path, "SELECT process FROM beats"), "what it had stays")
	require.NoError(t, db.Close())

	url := pgtest.URL(t)
	report, err := store.Migrate(t.Context(), "sqlite:"+path, url)
	require.NoError(t, err)
	require.Equal(t, verified, report.Log)
	moved := open(t, url)
	want, err := moved.Record(t.Context(), "2")
	require.NoError(t, err)
	require.Equal(t, running, want)
}

// While an older process may still work nothing is upgraded: it would not see locks, nor be seen.
func TestUpgradeWaitsForOlderProcesses(t *testing.T) {
	const ago = "UPDATE beats SET at = at - 61000"
	refused := func(url string) {
		t.Helper()
		for range 2 {
			_, err := store.Open(t.Context(), url)
			require.ErrorContains(t, err, "stop every vpsbot first, wait a minute, then start this one again")
		}
	}
	t.Run("sqlite", func(t *testing.T) {
		path := dumped(t, "version-7.sql")
		execute(t, path, "UPDATE beats SET at = unixepoch() * 1000")
		refused("sqlite:" + path)
		require.Equal(t, []string{"7"}, query(t, path, "SELECT max(version_id) FROM goose_db_version"))
		execute(t, path, ago)
		open(t, "sqlite:"+path)
	})
	t.Run("postgres", func(t *testing.T) {
		url := pgtest.URL(t)
		require.NoError(t, open(t, url).Close())
		withoutGrowth(t, url)
		for _, statement := range []string{
			"DELETE FROM goose_db_version WHERE version_id > 7", "DROP INDEX posts_owner",
			"INSERT INTO beats (process, at) VALUES ('pod-1', extract(epoch FROM clock_timestamp()) * 1000)",
		} {
			execute(t, url, statement)
		}
		refused(url)
		execute(t, url, ago)
		open(t, url)
	})
}
