package main

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite"
)

// fileMode MODE FILE checks a file's permissions.
func fileMode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
		ts.Fatalf("%s has mode %s, want %s", args[1], got, args[0])
	}
}

// lastWord NAME [stderr] stores the last word of stdout, or of stderr, in a variable.
func lastWord(ts *testscript.TestScript, _ bool, args []string) {
	words := strings.Fields(ts.ReadFile(append(args, "stdout")[1]))
	ts.Setenv(args[0], words[len(words)-1])
}

// replaceOnce FILE OLD NEW replaces the first occurrence of a text in a file.
func replaceOnce(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s has no %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(text, args[1], args[2], 1)), 0o600))
}

// runSQL STATEMENT changes the database past the program and the triggers of the log.
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
