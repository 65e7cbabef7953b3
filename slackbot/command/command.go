// Package command reads what somebody typed after /vps. It is pure: text in, a [Command] or a
// [Mistake] out. Which operations and fields exist comes from the registry of package tools.
//
// It never guesses where something could change: a word that fits nothing is a mistake, with
// the command that may be meant beside it, and no server's name and no value is ever corrected.
package command

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/vpsbot/vpsbot/tools"
)

// Kind is what a command asks for. All but Nothing and Operation are the word itself.
type Kind string

// The kinds of commands.
const (
	Nothing   Kind = ""
	Operation Kind = "operation"
	Help      Kind = "help"
	Why       Kind = "why"
	Approvals Kind = "approvals"
	Audit     Kind = "audit"
	Freeze    Kind = "freeze"
	Unfreeze  Kind = "unfreeze"
)

// Command is what somebody typed after /vps. Its zero value is what nothing at all means.
type Command struct {
	Kind  Kind
	Op    *tools.Op         // of Operation and Why, and of Help with an operation
	Input map[string]string // field name to text as typed; booleans are "true" or "false"
	Share bool              // post the answer to the channel; the bot's own, never an input field
	CSV   bool              // the whole list as a file; of lists alone
	Rest  string            // the reason of Freeze and Unfreeze, the filter of Approvals and Audit, what Help is about if no operation
}

// Mistake says what is wrong with a command, in words for the person who typed it.
type Mistake struct {
	Says       string
	Suggestion string // the whole command that may be meant, which parses; or "". It repeats values: not for logs
	Reads      bool   // the suggestion changes nothing, so that it may be offered as a button
}

func (m *Mistake) Error() string { return m.Says }

// How long a command may be. The longest input of an operation is far below both.
const (
	MaxCharacters = 4000
	MaxWords      = 100
)

// Parse reads the text of a command as Slack sends it, with & < > escaped. Each error is a
// [*Mistake]. Whether values are right is the Runner's to say, and missing ones are no mistake.
func Parse(text string) (Command, error) {
	if utf8.RuneCountInString(text) > MaxCharacters {
		return Command{}, mistake("the command is longer than %d characters; say it shorter", MaxCharacters)
	}
	tidied, err := tidy(text)
	if err != nil {
		return Command{}, withSuggestion(err, text)
	}
	text = tidied
	if kind, rest, ok := freeText(text); ok { // a reason may hold any quote, also an open one
		return reader{}.free(kind, rest)
	}
	typed, err := split(text)
	if err != nil {
		return Command{}, err
	}
	return reader{}.command(typed)
}

// withSuggestion says what may be meant by a text with soft hyphens, which show as hyphens or not at
// all. Without any other invisible character it could be another name.
func withSuggestion(err error, text string) error {
	m, ok := errors.AsType[*Mistake](err)
	visible := strings.ReplaceAll(text, softHyphen, "-")
	if !ok || visible == text {
		return err
	}
	if c, err := Parse(visible); err == nil {
		m.Suggestion, m.Reads = c.String(), c.reads()
	}
	return m
}

func mistake(format string, args ...any) *Mistake {
	return &Mistake{Says: fmt.Sprintf(format, args...)}
}

// reads reports whether a command changes nothing.
func (c Command) reads() bool {
	switch c.Kind {
	case Operation:
		return c.Op.IsRead()
	case Freeze, Unfreeze:
		return false
	}
	return true
}
