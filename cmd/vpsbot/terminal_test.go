package main

import (
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/creack/pty"
	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/testkit"
)

// patience is how long a conversation waits for what it expects to be shown.
const patience = time.Minute

// turn is one line of a conversation: something that must be shown, any question that is asked,
// or something typed once until holds.
type turn struct {
	expect   bool
	question bool
	hasty    bool // typed at once, whether or not it is taken
	text     string
	until    func() bool // nil: at once
	seen     func()      // called, instead, once all that stands before has come
}

// isIn returns where what the turn expects ends in what was shown, or -1.
func (t turn) isIn(shown string) int {
	if t.question {
		return asked(shown)
	}
	at := strings.Index(shown, t.text)
	if at < 0 {
		return -1
	}
	return at + len(t.text)
}

// asked returns where the first question ends, or -1.
func asked(shown string) int {
	first := -1
	for _, end := range []string{"[y/N] ", " to confirm: "} {
		if at := strings.Index(shown, end); at >= 0 && (first < 0 || at+len(end) < first) {
			first = at + len(end)
		}
	}
	return first
}

// parseTalk reads a conversation: "> TEXT" waits until TEXT is shown, "< TEXT" types it and
// presses return, "< ^C" and "< ^D" press those keys; "<! TEXT" types before the question can have
// been read.
func parseTalk(file string) []turn {
	var talk []turn
	for line := range strings.Lines(file) {
		line = strings.TrimRight(line, "\n")
		if text, ok := strings.CutPrefix(line, "> "); ok {
			talk = append(talk, turn{expect: true, text: text})
		} else if text, ok := strings.CutPrefix(line, "<! "); ok {
			talk = append(talk, turn{hasty: true, text: text})
		} else if strings.HasPrefix(line, "<") {
			talk = append(talk, turn{text: strings.TrimPrefix(strings.TrimPrefix(line, "<"), " ")})
		}
	}
	return talk
}

func keystrokes(text string) string {
	switch text {
	case "^C":
		return "\x03"
	case "^D":
		return "\x04"
	}
	return text + "\n"
}

// converse runs a program in a terminal. It returns what was shown, and how the program
// ended.
func converse(cmd *exec.Cmd, talk []turn) (string, error) {
	terminal, err := pty.Start(cmd)
	if err != nil {
		return "", err
	}
	defer terminal.Close()
	var shown testkit.Log
	read := make(chan struct{})
	go func() {
		defer close(read)
		buffer := make([]byte, 4096)
		for {
			n, err := terminal.Read(buffer)
			_, _ = shown.Write(buffer[:n])
			if err != nil { // EIO: the program has ended
				return
			}
		}
	}()
	if err := have(talk, terminal, &shown); err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return shown.String(), err
	}
	timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	err = cmd.Wait()
	select {
	case <-read:
	case <-time.After(time.Second):
	}
	return shown.String(), err
}

func have(talk []turn, terminal *os.File, shown *testkit.Log) error {
	from := 0
	for _, t := range talk {
		if t.seen != nil {
			t.seen()
			continue
		}
		if !t.expect && !t.question {
			if !within(func() bool { return (t.until == nil || t.until()) && (t.hasty || takesKeys(terminal)) }) {
				return fmt.Errorf("what had to come before %q did not:\n%s", t.text, shown)
			}
			if _, err := terminal.WriteString(keystrokes(t.text)); err != nil {
				return err
			}
			continue
		}
		end := -1
		if !within(func() bool { end = t.isIn(shown.String()[from:]); return end >= 0 }) {
			return fmt.Errorf("the terminal never showed %q, but:\n%s", t.text, shown.String()[from:])
		}
		from += end
	}
	return nil
}

// within waits until something holds, and reports whether it came to hold.
func within(holds func() bool) bool {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if holds() {
			return true
		}
	}
	return holds()
}

// failWrites makes the simulator answer writes with a 500, after doing them or instead.
func failWrites(sim *simulator.Simulator, carryOut bool) {
	sim.Intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method == http.MethodGet {
			next.ServeHTTP(w, r)
			return
		}
		if carryOut {
			next.ServeHTTP(httptest.NewRecorder(), r)
		}
		http.Error(w, `{"detail": "Internal server error."}`, http.StatusInternalServerError)
	})
}

// tamper changes the first row of the audit log in the database itself.
func tamper(ts *testscript.TestScript, _ bool, _ []string) {
	db, err := sql.Open("sqlite", filepath.Join(ts.Getenv("XDG_STATE_HOME"), "vpsbot", "vpsbot.db"))
	ts.Check(err)
	defer db.Close()
	rows, err := db.Query("SELECT name FROM sqlite_master WHERE type = 'trigger'")
	ts.Check(err)
	var triggers []string
	for rows.Next() {
		var name string
		ts.Check(rows.Scan(&name))
		triggers = append(triggers, name)
	}
	ts.Check(rows.Err())
	for _, name := range triggers {
		_, err = db.Exec("DROP TRIGGER " + name)
		ts.Check(err)
	}
	_, err = db.Exec("UPDATE audit SET actor = 'local:mallory' WHERE seq = 1")
	ts.Check(err)
}
