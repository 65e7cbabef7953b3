package main

import (
	"encoding/json"
	"fmt"
	"io"
)

// stdio is where a command reads and writes. Results go to Out, all else to Err.
type stdio struct {
	In       io.Reader
	Out, Err io.Writer

	// Again is closed by the second Ctrl-C; the first ends the context. nil: there is none.
	Again <-chan struct{}

	Terminal                 *terminal // where a person can be asked; nil: nowhere
	OutTerminal, ErrTerminal bool
}

// say writes a line that is no result.
func (s stdio) say(format string, args ...any) { fmt.Fprintf(s.Err, format+"\n", args...) }

// writeJSON writes a value as one line of JSON.
func (s stdio) writeJSON(value any) error {
	encoder := json.NewEncoder(s.Out)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}
