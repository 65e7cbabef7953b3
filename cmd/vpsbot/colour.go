package main

import (
	"strings"

	"github.com/sethvargo/go-envconfig"
)

// style says how text may look: plainly, unless a person reads it in a terminal.
type style struct{ colour bool }

func (s stdio) style(env envconfig.Lookuper) style {
	no, _ := env.Lookup("NO_COLOR")
	return style{s.OutTerminal && no == "" && !isDumb(env)}
}

// isDumb reports whether the terminal knows no control sequences.
func isDumb(env envconfig.Lookuper) bool {
	kind, _ := env.Lookup("TERM")
	return kind == "dumb"
}

// Status words and their colours; a word that is not here has none.
var colours = map[string]string{
	"active": green, "completed": green, "done": green, "ok": green, "yes": green,
	"provisioning": yellow, "starting": yellow, "stopping": yellow, "rebooting": yellow, "restoring": yellow,
	"in_progress": yellow, "pending": yellow, "approved": yellow, "executing": yellow, "warn": yellow,
	"stopped": dim, "no": dim,
	"suspended": red, "expired": red, "failed": red, "unknown": red, "needs_human": red, "FAIL": red,
}

const (
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	reset  = "\x1b[0m"
)

// cell is for Table.Styled of package tools: a bold header, and colours for status words in the
// columns that hold them.
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
