package store_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/keys"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/store/pgtest"
)

// full is a SQLite store with something in every table that people fill.
func full(t *testing.T) (path string) {
	t.Helper()
	path = older(t)
	db, err := store.Open(t.Context(), "sqlite:"+path)
	require.NoError(t, err)
	defer db.Close()
	ctx := t.Context()
	r := named("4", "r1", 0)
	inserted(t, db, r)
	m := claim("4")
	m.Consent = answer("zoe", true)
	m.Consent.Groups = []string{"S1", "S2"}
	moved(t, db, m)
	require.NoError(t, db.Freeze(ctx, approval.Freeze{By: "lead", Reason: "move", At: start}, row("frozen")))
	execute(t, path, "INSERT INTO beats (process, at) VALUES ('p', 1)")
	require.NoError(t, db.Add(ctx, keys.Key{Name: "k", Hash: "h", CreatedAt: start}, row("created")))
	_, err = db.Dedupe(ctx, "d", start, start.AddDate(100, 0, 0))
	require.NoError(t, err)
	received(t, db, 0, newDelivery("open", 0), newDelivery("done", 0))
	require.NoError(t, db.Ack(ctx, []string{"done"}))
	added(t, db, post("4", 0))
	_, err = db.Secret(ctx, "session")
	require.NoError(t, err)
	noted(t, db, 1500) // more than a page, and more than a batch
	// What older versions let in.
	execute(t, path, "UPDATE approvals SET message = 'a' || char(0) || CAST(x'ff' AS TEXT) WHERE id = '3'")
	return path
}

func TestMigrate(t *testing.T) {
	path, url := full(t), pgtest.URL(t)
	report, err := store.Migrate(t.Context(), "sqlite:"+path, url)
	require.NoError(t, err)
	got := map[string]int64{}
	for _, table := range report.Tables {
		got[table.Name] = table.Rows
	}
	require.Equal(t, map[string]int64{
		"access_keys": 1, "approvals": 4, "audit": 1510, "audit_archives": 0, "audit_checkpoints": 0, "beats": 1, "consents": 2,
		"deliveries": 1, "forms": 1, "freezes": 1, "inbox": 2, "posts": 1, "requests": 1, "secrets": 1,
	}, got)

	from, to := open(t, "sqlite:"+path), open(t, url)
	verified, err := audit.Verify(to.Rows(t.Context(), audit.Filter{}))
	require.NoError(t, err)
	require.Equal(t, report.Log, verified)
	want, err := from.Find(t.Context(), approval.Query{})
	require.NoError(t, err)
	have, err := to.Find(t.Context(), approval.Query{})
	require.NoError(t, err)
	for i := range want {
		if want[i].ID == "3" {
			require.Equal(t, "a\uFFFD\uFFFD", have[i].Message)
			want[i].Message = have[i].Message
		}
	}
	require.Equal(t, want, have)
	secret, err := from.Secret(t.Context(), "session")
	require.NoError(t, err)
	copied, err := to.Secret(t.Context(), "session")
	require.NoError(t, err)
	require.Equal(t, secret, copied)
	given, err := to.Consents(t.Context(), "4")
	require.NoError(t, err)
	require.Equal(t, []string{"S1", "S2"}, given[0].Groups)
	require.Equal(t, rows(t, from, audit.Filter{}), rows(t, to, audit.Filter{}))

	require.Equal(t, post("4", 0), posted(t, to, "live:4"))
	require.Equal(t, []bool{false, false}, received(t, to, 0, newDelivery("open", 0), newDelivery("done", 0)))
	left, err := to.ClaimExpired(t.Context(), start.Add(pastLease), 9)
	require.NoError(t, err)
	require.Equal(t, newDelivery("open", 0).Body, left[0].Body)
	require.Len(t, left, 1)

	// The copy goes on where the file stood.
	require.NoError(t, to.Unfreeze(t.Context(), row("unfrozen")))
	moved(t, to, move("2", approval.Executing, approval.Done))
	_, err = audit.Verify(to.Rows(t.Context(), audit.Filter{}))
	require.NoError(t, err)

	_, err = store.Migrate(t.Context(), "sqlite:"+path, url)
	require.ErrorContains(t, err, "nothing was copied")
	require.ErrorContains(t, err, "name an empty database")
}

func TestMigrateRefuses(t *testing.T) {
	url := pgtest.URL(t)
	path := full(t)
	for name, c := range map[string]struct{ from, to, want string }{
		"backwards":    {url, "sqlite:" + path, "from sqlite:PATH to postgres://"},
		"file to file": {"sqlite:" + path, "sqlite:" + path + "2", "from sqlite:PATH to postgres://"},
		"no file":      {"sqlite:" + path + "-not", url, "there is no store to copy"},
		"no server":    {"sqlite:" + path, "postgres://u:canary@127.0.0.1:1/d", "cannot be reached"},
	} {
		_, err := store.Migrate(t.Context(), c.from, c.to)
		require.ErrorContains(t, err, c.want, name)
		require.NotContains(t, err.Error(), "canary")
	}
	require.NoFileExists(t, path+"-not")

	execute(t, path, "DROP TRIGGER audit_no_update")
	execute(t, path, "UPDATE audit SET actor = 'mallory' WHERE seq = 700")
	_, err := store.Migrate(t.Context(), "sqlite:"+path, url)
	require.ErrorContains(t, err, "the audit log is not whole")
	require.ErrorContains(t, err, "audit row 700")
	require.Empty(t, rows(t, open(t, url), audit.Filter{}), "all or nothing")
}

// A target that does not keep what it is given is found out before anything is committed.
func TestMigrateCounts(t *testing.T) {
	url := pgtest.URL(t)
	db := open(t, url)
	execute(t, url, `CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
		CREATE TRIGGER lose BEFORE INSERT ON beats FOR EACH ROW EXECUTE FUNCTION lose()`)
	_, err := store.Migrate(t.Context(), "sqlite:"+full(t), url)
	require.ErrorContains(t, err, "table beats: it has 1 rows and 0 arrived")
	require.Empty(t, rows(t, db, audit.Filter{}))
}

func TestBackup(t *testing.T) {
	path := full(t)
	db := open(t, "sqlite:"+path)
	copied := filepath.Join(t.TempDir(), "copy.db")

	var writer sync.WaitGroup
	var enough atomic.Bool
	writer.Go(func() { // meanwhile: the copy is of one moment
		for !enough.Load() {
			assert.NoError(t, db.Note(t.Context(), row("noted")))
		}
	})
	require.NoError(t, db.Backup(t.Context(), copied))
	enough.Store(true)
	writer.Wait()
	info, err := os.Stat(copied)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	entries, err := os.ReadDir(filepath.Dir(copied))
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing else is left behind")

	restored := open(t, "sqlite:"+copied)
	report, err := audit.Verify(restored.Rows(t.Context(), audit.Filter{}))
	require.NoError(t, err)
	require.GreaterOrEqual(t, report.Rows, int64(1510))
	r, err := restored.Record(t.Context(), "4")
	require.NoError(t, err)
	require.Equal(t, approval.Executing, r.State)

	before, err := os.ReadFile(copied)
	require.NoError(t, err)
	require.ErrorContains(t, db.Backup(t.Context(), copied), "exists: name a new file")
	after, err := os.ReadFile(copied)
	require.NoError(t, err)
	require.Equal(t, before, after)
	nowhere := filepath.Join(t.TempDir(), "no", "folder")
	require.ErrorContains(t, db.Backup(t.Context(), nowhere), "no such file or directory")
}

func TestBackupIsWholeOrEmpty(t *testing.T) {
	path := full(t)
	db := open(t, "sqlite:"+path)
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.WriteFile(path, []byte("no longer a database, this is"), 0o600))
	folder := t.TempDir()
	require.Error(t, db.Backup(t.Context(), filepath.Join(folder, "copy.db")))
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestBackupOfPostgres(t *testing.T) {
	db := open(t, pgtest.URL(t))
	require.ErrorContains(t, db.Backup(t.Context(), filepath.Join(t.TempDir(), "x")), "pg_dump")
}

// A full disk wants room; another file on it would not help.
func TestAFullDiskWantsRoom(t *testing.T) {
	full := open(t, engines["sqlite"](t))
	for _, pool := range full.Pools() {
		var pages int
		require.NoError(t, pool.QueryRow("PRAGMA page_count").Scan(&pages))
		_, err := pool.Exec(fmt.Sprintf("PRAGMA max_page_count = %d", pages))
		require.NoError(t, err)
	}
	var noted error
	for range 1000 {
		if noted = full.Note(t.Context(), row("noted")); noted != nil {
			break
		}
	}
	require.ErrorContains(t, noted, "database or disk is full (13): make room there")

	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "full.db"))
	require.NoError(t, err)
	defer db.Close()
	db.SetMaxOpenConns(1) // the limit is of a connection
	_, err = db.Exec("PRAGMA max_page_count = 1")
	require.NoError(t, err)
	_, err = db.Exec("CREATE TABLE a (b)")
	require.ErrorContains(t, store.ExplainSQLite(err), "database or disk is full (13): make room there")
}
