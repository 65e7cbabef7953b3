package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/vpsbot/vpsbot/internal/runner"
)

// wait reports whether the call asks to wait.
func (r *operationRun) wait(call runner.Call) bool {
	var input struct {
		Wait bool `json:"wait"`
	}
	return json.Unmarshal(call.Input, &input) == nil && input.Wait
}

// progress shows the status while the command waits: one line that is written anew in a
// terminal, else a line for each change.
func (r *operationRun) progress() func(string, time.Duration) {
	if r.io.ErrTerminal && !isDumb(r.env) {
		return func(status string, waited time.Duration) {
			r.started = true
			fmt.Fprintf(r.io.Err, "\r\x1b[K%s: %s (%s)", r.op.Name, status, waited.Round(time.Second))
		}
	}
	last := ""
	return func(status string, waited time.Duration) {
		if status != last {
			last = status
			r.io.say("%s: %s (%s)", r.op.Name, status, waited.Round(time.Second))
		}
	}
}

// endProgress clears the progress line.
func (r *operationRun) endProgress() {
	if r.started {
		fmt.Fprint(r.io.Err, "\r\x1b[K")
	}
}
