// Command write runs every proof at full size and writes docs/proof.md from what they say.
// It is what "make proof" runs, at the root of the project. It writes nothing if one fails.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"time"
)

const page = "docs/proof.md"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := prove(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "no page was written:", err)
		os.Exit(1)
	}
}

func prove(ctx context.Context, out io.Writer) error {
	var figures []figure
	for _, s := range steps {
		fmt.Fprintln(out, "+", s.command())
		said, err := s.run(ctx, out)
		if err != nil {
			return fmt.Errorf("%s: %w", s.command(), err)
		}
		shown, err := s.figures(said)
		if err != nil {
			return fmt.Errorf("%s: %w", s.command(), err)
		}
		figures = append(figures, shown...)
	}
	text, err := write(figures, here())
	if err != nil {
		return err
	}
	return os.WriteFile(page, []byte(text), 0o644) //nolint:gosec // a page of the documentation is for all to read
}

// here describes the machine and the day.
func here() string {
	return fmt.Sprintf("%s/%s, %d cores, %s, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), time.Now().UTC().Format(time.DateOnly))
}

// run runs a step, shows what it says, and returns it.
func (s step) run(ctx context.Context, out io.Writer) (said string, err error) {
	var kept bytes.Buffer
	cmd := exec.CommandContext(ctx, s.args[0], s.args[1:]...) //nolint:gosec // one of the commands below
	cmd.Env = append(os.Environ(), s.env...)
	cmd.Stdout = io.MultiWriter(out, &kept)
	cmd.Stderr = cmd.Stdout
	err = cmd.Run()
	return kept.String(), err
}

// command is the step as it is typed.
func (s step) command() string {
	return strings.Join(append(append([]string{}, s.env...), s.args...), " ")
}
