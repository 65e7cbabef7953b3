package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/sethvargo/go-envconfig"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/tools"
)

// IO is where a command reads and writes. Results go to Out, everything else to Err.
type IO struct {
	Catalogue *tools.Catalogue // the operations; nil: those of the product
	In        io.Reader
	Out, Err  io.Writer

	// Again is closed by the second Ctrl-C; the first ends the context. nil: there is none.
	Again <-chan struct{}

	terminal                 *terminal // where a person can be asked; nil: nowhere
	outTerminal, errTerminal bool
}

func (s IO) say(format string, args ...any) { fmt.Fprintf(s.Err, format+"\n", args...) }

func (s IO) println(line any) error {
	_, err := fmt.Fprintln(s.Out, line)
	return err
}

func (s IO) writeJSON(value any) error {
	encoder := json.NewEncoder(s.Out)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// Report prints an error, and returns the exit code. It is the one place where an error is printed.
func Report(w io.Writer, err error) int {
	if err != nil {
		if message := printable(err.Error()); message != "" {
			fmt.Fprintln(w, "vpsbot: "+message)
		}
	}
	return int(app.ClassOf(err))
}

// printable drops the characters that could steer a terminal: an argument may come from anywhere.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if (unicode.IsControl(r) || text.Hidden(r)) && r != '\n' {
			return -1
		}
		return r
	}, s)
}

// printTable prints a table, coloured where a person reads it at a terminal.
func (c *cli) printTable(t runner.Table) error {
	return c.io.println(t.Styled(c.io.style(c.Variables).cell))
}

// style is whether a text is coloured: only where a person reads it at a terminal.
type style struct{ colour bool }

func (s IO) style(variables envconfig.Lookuper) style {
	no, _ := variables.Lookup("NO_COLOR")
	return style{s.outTerminal && no == "" && !isDumb(variables)}
}

func isDumb(variables envconfig.Lookuper) bool {
	kind, _ := variables.Lookup("TERM")
	return kind == "dumb"
}

const (
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	reset  = "\x1b[0m"
)

// colours are the colours of status words; a word that is not here has none.
var colours = map[string]string{
	"active": green, "completed": green, "done": green, "ok": green, "yes": green,
	"provisioning": yellow, "starting": yellow, "stopping": yellow, "rebooting": yellow, "restoring": yellow,
	"in_progress": yellow, "pending": yellow, "approved": yellow, "executing": yellow, "warn": yellow,
	"stopped": dim, "no": dim,
	"suspended": red, "expired": red, "failed": red, "unknown": red, "needs_human": red, "FAIL": red,
}

// cell is the style for [runner.Table.Styled]: a bold header, and coloured words in the columns of states.
func (s style) cell(row int, column, cell string) string {
	switch {
	case !s.colour || strings.TrimSpace(cell) == "":
		return cell
	case row < 0:
		return bold + cell + reset
	case column == "status" || column == "state" || column == "allowed":
		return s.word(cell)
	}
	return cell
}

func (s style) word(word string) string {
	if colour := colours[word]; s.colour && colour != "" {
		return colour + word + reset
	}
	return word
}

func yesOrNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}
