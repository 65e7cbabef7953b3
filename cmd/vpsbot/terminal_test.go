package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/testkit"
)

// testTimeout is how long a dialogue waits for a step.
const testTimeout = time.Minute

// step is one step of a dialogue: a text that is expected, a question of any kind, or a text that is typed
// once until holds.
type step struct {
	expect   bool
	question bool
	hasty    bool // typed at once, also while input is dropped
	text     string
	until    func() bool // nil: at once
	seen     func()      // called instead, once the steps before have been played
}

// find returns the end of the expected text on the screen, or -1.
func (t step) find(shown string) int {
	if t.question {
		return questionEnd(shown)
	}
	at := strings.Index(shown, t.text)
	if at < 0 {
		return -1
	}
	return at + len(t.text)
}

// questionEnd returns the end of the first question, or -1.
func questionEnd(shown string) int {
	first := -1
	for _, end := range []string{"[y/N] ", " to confirm: "} {
		if at := strings.Index(shown, end); at >= 0 && (first < 0 || at+len(end) < first) {
			first = at + len(end)
		}
	}
	return first
}

// parseDialogue reads a dialogue: "> TEXT" waits for TEXT, "< TEXT" types it and presses return, "< ^C" and
// "< ^D" press those keys; "<! TEXT" types before the question can have been read.
func parseDialogue(file string) []step {
	var dialogue []step
	for line := range strings.Lines(file) {
		line = strings.TrimRight(line, "\n")
		if text, ok := strings.CutPrefix(line, "> "); ok {
			dialogue = append(dialogue, step{expect: true, text: text})
		} else if text, ok := strings.CutPrefix(line, "<! "); ok {
			dialogue = append(dialogue, step{hasty: true, text: text})
		} else if strings.HasPrefix(line, "<") {
			dialogue = append(dialogue, step{text: strings.TrimPrefix(strings.TrimPrefix(line, "<"), " ")})
		}
	}
	return dialogue
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

// runDialogue runs a program in a terminal, and returns the screen and the error of the program.
func runDialogue(cmd *exec.Cmd, dialogue []step) (string, error) {
	return runDialogueAt(cmd, 0, dialogue)
}

// runDialogueAt is runDialogue in a terminal with a number of columns.
func runDialogueAt(cmd *exec.Cmd, columns int, dialogue []step) (string, error) {
	terminal, err := startInTerminal(cmd, columns)
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
	if err := play(dialogue, terminal, &shown); err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return shown.String(), err
	}
	timer := time.AfterFunc(testTimeout, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	err = cmd.Wait()
	select {
	case <-read:
	case <-time.After(time.Second):
	}
	return shown.String(), err
}

func play(dialogue []step, terminal *os.File, shown *testkit.Log) error {
	from := 0
	for _, t := range dialogue {
		if t.seen != nil {
			t.seen()
			continue
		}
		if !t.expect && !t.question {
			if !eventually(func() bool { return (t.until == nil || t.until()) && (t.hasty || echoes(terminal)) }) {
				return fmt.Errorf("what had to come before %q did not:\n%s", t.text, shown)
			}
			if _, err := terminal.WriteString(keystrokes(t.text)); err != nil {
				return err
			}
			continue
		}
		end := -1
		if !eventually(func() bool { end = t.find(shown.String()[from:]); return end >= 0 }) {
			return fmt.Errorf("the terminal never showed %q, but:\n%s", t.text, shown.String()[from:])
		}
		from += end
	}
	return nil
}

// eventually waits until holds returns true, and reports whether it did.
func eventually(holds func() bool) bool {
	for end := time.Now().Add(testTimeout); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if holds() {
			return true
		}
	}
	return holds()
}

// failWrites makes the simulator answer writes with a 500, after it carried them out or instead.
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
