package main

import (
	"database/sql"
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
	t.Parallel()
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

// lastWord NAME [stderr] keeps the last word on stdout, or there, in a variable.
func lastWord(ts *testscript.TestScript, _ bool, args []string) {
	words := strings.Fields(ts.ReadFile(append(args, "stdout")[1]))
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
	t.Parallel()
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
	t.Parallel()
	for _, c := range []struct {
		report audit.Report
		want   string
	}{
		{audit.Report{Rows: 1}, "It is unsigned: vpsbot audit key makes a key."},
		{audit.Report{Rows: 1, Unchecked: 2}, "Not checked: 2 checkpoints. Give --key, as vpsbot audit key printed it."},
		{audit.Report{Rows: 9, Signed: 7, SignedAt: time.Unix(0, 0).UTC(), Checkpoints: 3}, "Signed up to row 7 on 1970-01-01T00:00:00Z, 3 checkpoints."},
	} {
		require.Equal(t, c.want, signatures(c.report))
	}
}
