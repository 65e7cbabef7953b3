package cli

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/mattn/go-runewidth"
	"github.com/sethvargo/go-envconfig"
	"golang.org/x/term"
)

// screen is how many columns and lines the terminal has that stdout is; 0 where it is none or has no size. COLUMNS
// and LINES outrank it.
func (s IO) screen(variables envconfig.Lookuper) (columns, lines int) {
	if !s.outTerminal {
		return 0, 0
	}
	if out, ok := s.Out.(*os.File); ok {
		columns, lines, _ = term.GetSize(int(out.Fd()))
	}
	for name, of := range map[string]*int{"COLUMNS": &columns, "LINES": &lines} {
		value, _ := variables.Lookup(name)
		if n, err := strconv.Atoi(value); err == nil && n > 0 {
			*of = n
		}
	}
	return columns, lines
}

// page prints a text: through the person's pager where it is longer than the screen.
func (c *cli) page(shown string) error {
	command := c.pager()
	columns, lines := c.io.screen(c.Variables)
	if command == "" || lines == 0 || height(shown, columns) < lines {
		return c.io.printRaw(shown)
	}
	cmd := exec.Command("sh", "-c", command)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(shown+"\n"), c.io.Out, c.io.terminal.err
	cmd.Env = slices.DeleteFunc(os.Environ(), isOurs)
	if _, set := c.Variables.Lookup("LESS"); !set {
		cmd.Env = append(cmd.Env, "LESS=FRX")
	}
	if err := cmd.Start(); err != nil {
		return c.io.printRaw(shown)
	}
	signal.Ignore(os.Interrupt) // Ctrl-C is the pager's
	err := cmd.Wait()
	signal.Reset(os.Interrupt)
	const cannotRun = 126 // and 127: of sh
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && (exit.ExitCode() == cannotRun || exit.ExitCode() == cannotRun+1) {
		return c.io.printRaw(shown)
	}
	return nil // a pager that is closed early has shown what was wanted
}

// isOurs reports whether a variable is this program's, and may be a secret.
func isOurs(variable string) bool {
	return slices.ContainsFunc([]string{"VPS_", "VPSBOT_", "SLACK_", "OTEL_"}, func(prefix string) bool { return strings.HasPrefix(variable, prefix) })
}

// pager is the command of the person's pager; "" where none is wanted or nobody reads.
func (c *cli) pager() string {
	if runtime.GOOS == "windows" || !c.io.outTerminal || isDumb(c.Variables) || !c.io.atTerminal() {
		return ""
	}
	command, set := c.Variables.Lookup("PAGER")
	switch {
	case set && (command == "" || command == "cat"):
		return ""
	case set:
		return command
	}
	if _, err := exec.LookPath("less"); err != nil {
		return ""
	}
	return "less"
}

// height is how many lines of a screen a text takes.
func height(shown string, columns int) (lines int) {
	for line := range strings.Lines(shown) {
		lines++
		if columns > 0 {
			lines += max(0, runewidth.StringWidth(strings.TrimSuffix(uncoloured(line), "\n"))-1) / columns
		}
	}
	return lines
}

var colourCodes = strings.NewReplacer(bold, "", dim, "", red, "", green, "", yellow, "", reset, "")

func uncoloured(s string) string { return colourCodes.Replace(s) }
