package cli

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/vpsbot/vpsbot/internal/backoff"
	"github.com/vpsbot/vpsbot/internal/runner"
)

// terminal is the terminal of a person, who types into stdin and reads stderr.
type terminal struct{ in, err *os.File }

// atTerminal reports whether a person can be asked at this moment: stdin and stderr are the terminal that
// controls this process, and this process is in its foreground. stdout may go anywhere.
func (s IO) atTerminal() bool {
	return s.terminal != nil && s.terminal.isReal()
}

// ask shows a text and the question below it at the terminal, and returns the line that was typed. Input
// before the question, and within [runner.MinAnswerDelay] after it, is dropped. Ctrl-C and the end of input are errors.
func (s IO) ask(ctx context.Context, text, question string) (answer string, err error) {
	if !s.atTerminal() {
		return "", errors.New("this is no terminal to ask at")
	}
	defer func() {
		if err != nil { // the person did not end the line of the question
			_, _ = io.WriteString(s.Err, "\n")
		}
	}()
	shown := question
	if text != "" {
		shown = text + "\n\n" + question
	}
	for {
		early, err := s.show(ctx, shown)
		if err != nil {
			return "", err
		}
		if !early {
			break
		}
		shown = "\nThat was typed before the question could be read, and does not count. Answer now.\n" + question
	}
	line, err := readLine(ctx, s.In)
	return strings.TrimSpace(line), err
}

// show shows a question, and drops input until it can have been read. early is whether there was any. The end
// of input, Ctrl-D, is an error then too: it is not typed again.
func (s IO) show(ctx context.Context, shown string) (early bool, err error) {
	restore, err := s.terminal.muteInput()
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, restore()) }()
	before := s.terminal.typed()
	if err := s.terminal.flush(); err != nil {
		return false, err
	}
	if _, err := io.WriteString(s.Err, straight(shown)); err != nil {
		return false, err
	}
	if err := backoff.Sleep(ctx, runner.MinAnswerDelay); err != nil {
		return false, err
	}
	typed := s.terminal.typed()
	if strings.ContainsAny(before+typed, "\x04\x00") { // Ctrl-D; 0 if it came before the mute
		return false, io.EOF
	}
	return typed != "", s.terminal.flush()
}

// readLine reads one line; input that ends without a newline is an error.
func readLine(ctx context.Context, in io.Reader) (string, error) {
	return readTyped(ctx, func() (string, error) { return bufio.NewReader(in).ReadString('\n') })
}

// readTyped waits for read until ctx ends. Reading cannot be cancelled; the process ends soon after.
func readTyped(ctx context.Context, read func() (string, error)) (string, error) {
	var text string
	typed := make(chan error, 1)
	go func() {
		var err error
		text, err = read()
		typed <- err
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case err := <-typed:
		return text, err
	}
}
