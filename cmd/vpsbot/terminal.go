package main

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/internal/backoff"
)

// minAnswerDelay is how long after a question an answer cannot have come from a person who read it.
const minAnswerDelay = 700 * time.Millisecond

// errNoTerminal is the error of a question where no person can be asked.
var errNoTerminal = errors.New("this is no terminal to ask at")

// terminal is where a person sits: they type into stdin and read stderr. nil is none.
type terminal struct{ in, err *os.File }

// atTerminal reports whether a person can be asked right here, at this moment: stdin and stderr are
// the same terminal, it is the one that controls this process, and this process is in its
// foreground. stdout may go anywhere.
func (s stdio) atTerminal() bool {
	return s.Terminal != nil && s.Terminal.isReal()
}

// ask shows a text and the question below it at the terminal, and returns the line that was typed.
// What was typed before the question can have been read does not count: neither before it was shown
// nor within minAnswerDelay after. It fails if the person gives up, by Ctrl-C or the end of input.
func (s stdio) ask(ctx context.Context, text, question string) (string, error) {
	if !s.atTerminal() {
		return "", errNoTerminal
	}
	shown := question
	if text != "" {
		shown = text + "\n\n" + question
	}
	for {
		early, err := s.put(ctx, shown)
		if err != nil {
			return "", s.gaveUp(err)
		}
		if !early {
			break
		}
		shown = "\nThat was typed before the question could be read, and does not count. Answer now.\n" + question
	}
	line, err := readLine(ctx, s.In)
	if err != nil {
		return "", s.gaveUp(err)
	}
	return strings.TrimSpace(line), nil
}

// gaveUp ends the line that the person did not end.
func (s stdio) gaveUp(err error) error {
	_, _ = io.WriteString(s.Err, "\n")
	return err
}

// put shows a question, and takes nothing until it can have been read. It reports whether anything
// was typed meanwhile; that is gone.
func (s stdio) put(ctx context.Context, shown string) (early bool, err error) {
	listen, err := s.Terminal.deafen()
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, listen()) }()
	if err := s.Terminal.flush(); err != nil {
		return false, err
	}
	if _, err := io.WriteString(s.Err, shown); err != nil {
		return false, err
	}
	if err := backoff.Sleep(ctx, minAnswerDelay); err != nil {
		return false, err
	}
	early = s.Terminal.hasInput()
	return early, s.Terminal.flush()
}
