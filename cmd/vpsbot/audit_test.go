package main

import (
	"crypto/rand"
	"database/sql"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/audit"
)

// TestAuditScripts runs the conversations of testdata/audit, which look into files and the
// database.
func TestAuditScripts(t *testing.T) {
	commands := map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "terminal": inTerminal, "answers": answers}
	maps.Copy(commands, map[string]func(*testscript.TestScript, bool, []string){
		"mode": fileMode, "lastword": lastWord, "replace": replaceOnce, "sql": runSQL,
	})
	testscript.Run(t, testscript.Params{
		Dir: "testdata/audit", UpdateScripts: *update, RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: setUp, Cmds: commands,
	})
}

// fileMode MODE FILE wants a file to have these permissions.
func fileMode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := strings.TrimPrefix(info.Mode().Perm().String(), "-"); got != map[string]string{"0600": "rw-------"}[args[0]] {
		ts.Fatalf("%s has mode %s, want %s", args[1], got, args[0])
	}
}

// lastWord NAME keeps the last word on stdout in a variable.
func lastWord(ts *testscript.TestScript, _ bool, args []string) {
	words := strings.Fields(ts.ReadFile("stdout"))
	ts.Setenv(args[0], words[len(words)-1])
}

// replaceOnce FILE OLD NEW changes the first place where a file has a text.
func replaceOnce(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s has no %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(text, args[1], args[2], 1)), 0o600))
}

// runSQL STATEMENT goes round the program and the triggers of the log.
func runSQL(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite", filepath.Join(ts.Getenv("XDG_STATE_HOME"), "vpsbot", "vpsbot.db"))
	ts.Check(err)
	defer db.Close()
	for _, trigger := range []string{"audit_no_update", "audit_no_delete", "audit_checkpoints_no_update", "audit_checkpoints_no_delete"} {
		_, err = db.Exec("DROP TRIGGER IF EXISTS " + trigger)
		ts.Check(err)
	}
	_, err = db.Exec(args[0])
	ts.Check(err)
}

func TestReadTimeAndDays(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"": {}, "24h": now.Add(-24 * time.Hour), "90m": now.Add(-90 * time.Minute), "0s": now, "7d": now.AddDate(0, 0, -7),
		"2026-01-31T14:00:00Z": time.Date(2026, 1, 31, 14, 0, 0, 0, time.UTC),
		"2026-01-31":           time.Date(2026, 1, 31, 0, 0, 0, 0, time.Local),
	} {
		got, err := readTime(text, now)
		require.NoError(t, err, text)
		require.True(t, want.Equal(got), "%s: %s", text, got)
	}
	for _, text := range []string{"-1h", "d", "-7d", "1.5d", "99999d", "yesterday", "2026-13-01", "1"} {
		_, err := readTime(text, now)
		require.Error(t, err, text)
	}
}

func TestSignatures(t *testing.T) {
	private, err := audit.NewKey(rand.Reader)
	require.NoError(t, err)
	key, err := audit.ParseKey(private)
	require.NoError(t, err)
	known, err := audit.ParseVerifiers(key.Verifier())
	require.NoError(t, err)
	for _, c := range []struct {
		report audit.Report
		known  audit.Verifiers
		want   string
	}{
		{audit.Report{Rows: 1}, audit.Verifiers{}, "It is unsigned: vpsbot audit key makes a key."},
		{audit.Report{Rows: 1}, known, "It is unsigned: there is a key, but no checkpoint yet, or they were removed."},
		{audit.Report{Rows: 1, Unchecked: 2}, audit.Verifiers{}, "Its 2 checkpoints were not checked: give --key, as vpsbot audit key printed it."},
		{audit.Report{Rows: 9, Signed: 7, SignedAt: time.Unix(0, 0).UTC(), Checkpoints: 3}, known, "Signed up to row 7 on 1970-01-01T00:00:00Z, 3 checkpoints."},
	} {
		require.Equal(t, c.want, signatures(c.report, c.known))
	}
}

// An archive that fails half way leaves nothing behind.
func TestStoreArchiveLeavesNoPieces(t *testing.T) {
	folder := t.TempDir()
	broken := errors.New("disk gone")
	_, err := storeArchive(folder, audit.Verifiers{}, func(yield func(audit.Entry, error) bool) { yield(audit.Entry{}, broken) }, 1)
	require.ErrorIs(t, err, broken)
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, left)
}

// An archive that an interrupted run left is taken if it is right.
func TestStoreArchiveTakesWhatIsThere(t *testing.T) {
	row, err := audit.Seal(audit.Genesis, audit.Row{Seq: 1, At: time.Unix(1, 0), Decision: "allowed"})
	require.NoError(t, err)
	log := func(yield func(audit.Entry, error) bool) { yield(audit.Entry{Row: row}, nil) }
	folder := filepath.Join(t.TempDir(), "new")
	first, err := storeArchive(folder, audit.Verifiers{}, log, 1)
	require.NoError(t, err)
	again, err := storeArchive(folder, audit.Verifiers{}, log, 1)
	require.NoError(t, err)
	require.Equal(t, first, again)
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, files, 1)
	info, err := files[0].Info()
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
}
