package store_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/store"
)

func TestOpenOddPaths(t *testing.T) {
	for _, name := range []string{
		"plain", "with space", "100%", "%20", "what?mode=memory", "a#b", "a&b=c;d", "ünï", "+", "a:b", "'quoted'",
	} {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS == "windows" && filepath.Base(name) != "plain" {
				t.Skip("not a name there")
			}
			path := filepath.Join(t.TempDir(), name, name)
			db := open(t, "sqlite:"+path)
			inserted(t, db, asked("1"))
			_, err := db.Record(t.Context(), "1")
			require.NoError(t, err)
			require.FileExists(t, path)
		})
	}
}

func TestOpenRelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	inserted(t, open(t, "sqlite:a/b.db"), asked("1"))
	require.FileExists(t, filepath.Join("a", "b.db"))
}

func TestOpenRefusesURLs(t *testing.T) {
	for url, want := range map[string]string{
		"":                     "the database URL is not understood: write sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE",
		"/var/lib/vpsbot.db":   "the database URL is not understood: write sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE",
		"mysql://u:secret@h/d": "the database URL is not understood: write sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE",
		"sqlite:":              "the database URL has no path: write sqlite:PATH",
		"sqlite::memory:":      "a database in memory would forget what was agreed to: name a file, sqlite:PATH",
	} {
		_, err := store.Open(t.Context(), url)
		require.EqualError(t, err, want, url)
	}
}

func TestOpenRefusesFiles(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, path string)
		want  []string
	}{
		"not a database": {func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, []byte("Dear diary, today I did not write a database at all. "+
				"It was sunny, and I went for a walk with the dog instead."), 0o600))
		}, []string{"not a database", "move that file away"}},
		"a folder": {func(t *testing.T, path string) {
			require.NoError(t, os.Mkdir(path, 0o700))
		}, []string{"is a directory", "name another file"}},
		"a newer schema": {func(t *testing.T, path string) {
			require.NoError(t, open(t, "sqlite:"+path).Close())
			execute(t, path, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)")
		}, []string{"version 99", "upgrade vpsbot"}},
		"tables of another program": {func(t *testing.T, path string) {
			execute(t, path, "CREATE TABLE approvals (x INTEGER)")
		}, []string{"already exists", "name another file"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "vpsbot.db")
			c.spoil(t, path)
			_, err := store.Open(t.Context(), "sqlite:"+path)
			for _, want := range append(c.want, "database "+path+": ") {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

func TestOpenUnderAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	_, err := store.Open(t.Context(), "sqlite:"+filepath.Join(path, "vpsbot.db"))
	require.ErrorContains(t, err, "not a directory")
	require.ErrorContains(t, err, "name another file")
}

// A copy made by other tools may have lost the write-ahead log; it is put back.
func TestOpenRestoresJournalMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vpsbot.db")
	require.NoError(t, open(t, "sqlite:"+path).Close())
	execute(t, path, "PRAGMA journal_mode = DELETE")
	inserted(t, open(t, "sqlite:"+path), asked("1"))
	require.Equal(t, []string{"wal"}, query(t, path, "PRAGMA journal_mode"))
}

func TestSchemaHoldsTheEdges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vpsbot.db")
	inserted(t, open(t, "sqlite:"+path), asked("1"))
	states := append(everyState(), "", "nonsense")
	for _, from := range states {
		for _, to := range states {
			err := tryExecute(t, path, "UPDATE approvals SET prior = $1, state = $2", from, to)
			require.Equal(t, from.May(to), err == nil, "%q to %q: %v", from, to, err)
		}
	}
}

func TestSchemaGuardsTheIndexes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vpsbot.db")
	db := open(t, "sqlite:"+path)
	inserted(t, db, claimed("1"))
	rival := asked("2")
	rival.Actor = asked("1").Actor
	inserted(t, db, rival)
	require.ErrorContains(t, tryExecute(t, path, "UPDATE approvals SET target = 'server:1', prior = 'pending', state = 'executing' WHERE id = '2'"),
		"UNIQUE constraint failed: approvals.api, approvals.account, approvals.target")
	for _, state := range approval.Open {
		require.ErrorContains(t, tryExecute(t, path, "UPDATE approvals SET args_hash = 'args-1', prior = $1, state = $2 WHERE id = '2'",
			prior(state), state), "UNIQUE constraint failed: approvals.api, approvals.account, approvals.actor")
	}
}

func prior(state approval.State) approval.State {
	for from, targets := range approval.Edges {
		for _, to := range targets {
			if to == state {
				return from
			}
		}
	}
	return "none"
}

func TestSchemaIsStrict(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vpsbot.db")
	open(t, "sqlite:"+path)
	require.Equal(t, []string{
		"access_keys", "approvals", "audit", "audit_archives", "audit_checkpoints", "beats", "consents", "deliveries",
		"forms", "freezes", "inbox", "posts", "requests", "secrets",
	},
		query(t, path, "SELECT name FROM pragma_table_list WHERE strict = 1 AND schema = 'main' ORDER BY name"))
	require.Equal(t, []string{"INTEGER", "TEXT"}, query(t, path, `SELECT DISTINCT c.type FROM pragma_table_list t, pragma_table_info(t.name) c
		WHERE t.strict = 1 ORDER BY 1`))
}

func TestAuditIsAppendOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vpsbot.db")
	inserted(t, open(t, "sqlite:"+path), asked("1"))
	require.ErrorContains(t, tryExecute(t, path, "UPDATE audit SET actor = 'mallory'"), "audit rows are never changed")
	require.ErrorContains(t, tryExecute(t, path, "DELETE FROM audit"), "audit rows are never deleted")
}

func execute(t testing.TB, place, statement string, args ...any) {
	t.Helper()
	require.NoError(t, tryExecute(t, place, statement, args...))
}

func tryExecute(t testing.TB, place, statement string, args ...any) error {
	t.Helper()
	db := around(t, place)
	defer db.Close()
	_, err := db.Exec(statement, args...)
	return err
}

// around goes round the store at a URL or a path, as another program would.
func around(t testing.TB, place string) *sql.DB {
	t.Helper()
	driver := "sqlite"
	if strings.HasPrefix(place, "postgres:") {
		driver = "pgx"
	}
	db, err := sql.Open(driver, fileOf(place))
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func columnsOf(t testing.TB, url, table string) []string {
	t.Helper()
	db := around(t, url)
	defer db.Close()
	rows, err := db.Query("SELECT * FROM " + table + " LIMIT 0")
	require.NoError(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(t, err)
	require.NoError(t, rows.Err())
	return columns
}

func query(t *testing.T, path, statement string) (out []string) {
	t.Helper()
	db := around(t, path)
	defer db.Close()
	rows, err := db.Query(statement)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var s string
		require.NoError(t, rows.Scan(&s))
		out = append(out, s)
	}
	require.NoError(t, rows.Err())
	return out
}
