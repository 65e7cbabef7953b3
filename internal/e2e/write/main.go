// Command write runs every proof at full size and writes docs/proof.md from their output. "make proof"
// runs it at the root of the project. It writes nothing if a proof fails.
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
	err := writeProof(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "no page was written:", err)
		os.Exit(1)
	}
}

func writeProof(ctx context.Context, out io.Writer) error {
	var figures []figure
	for _, s := range steps {
		fmt.Fprintln(out, "+", s.command())
		output, err := s.run(ctx, out)
		if err != nil {
			return fmt.Errorf("%s: %w", s.command(), err)
		}
		found, err := s.figures(output)
		if err != nil {
			return fmt.Errorf("%s: %w", s.command(), err)
		}
		figures = append(figures, found...)
	}
	text, err := write(figures, machine())
	if err != nil {
		return err
	}
	return os.WriteFile(page, []byte(text), 0o644) //nolint:gosec // documentation is world-readable
}

// machine describes the machine and the day.
func machine() string {
	return fmt.Sprintf("%s/%s, %d cores, %s, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), time.Now().UTC().Format(time.DateOnly))
}

// run runs a step, copies its output to out, and returns it.
func (s step) run(ctx context.Context, out io.Writer) (output string, err error) {
	var kept bytes.Buffer
	cmd := exec.CommandContext(ctx, s.args[0], s.args[1:]...) //nolint:gosec // one of the commands below
	cmd.Env = append(os.Environ(), s.env...)
	cmd.Stdout = io.MultiWriter(out, &kept)
	cmd.Stderr = cmd.Stdout
	err = cmd.Run()
	return kept.String(), err
}

// command is the shell command of the step.
func (s step) command() string {
	return strings.Join(append(append([]string{}, s.env...), s.args...), " ")
}
