// Package command parses what somebody typed, after /vps in Slack or after vpsbot at a terminal: a text or its
// words become a [Command] or a [ParseError]. It is pure. Only escape and unescape know how Slack writes a text.
// Operations and fields come from the catalogue, package tools; flags of a surface's own from its [Grammar].
//
// A word that fits nothing is an error, with the command that may be meant beside it. Names of
// operations and fields are suggested; names of servers and values of fields are never corrected.
package command

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/vpsbot/vpsbot/internal/fieldtext"
	"github.com/vpsbot/vpsbot/internal/text"
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

var kinds = []Kind{Help, Why, Approvals, Audit, Freeze, Unfreeze}

func (k Kind) takesText() bool {
	return k == Approvals || k == Audit || k == Freeze || k == Unfreeze
}

// Command is what somebody typed. The zero value is the empty text.
type Command struct {
	Kind  Kind
	Op    *tools.Op         // of Operation and Why, and of Help with an operation
	Input map[string]string // field name to text as typed; booleans are "true" or "false"
	Own   map[string]string // the surface's own flags, by name, written like Input; nil if there are none
	Rest  string            // the reason of Freeze and Unfreeze, the filter of Approvals and Audit, the topic of Help if no operation
}

// Has reports whether a boolean flag of the surface's own is set.
func (c Command) Has(flag string) bool { return c.Own[flag] == "true" }

// IsRead reports whether the command changes nothing.
func (c Command) IsRead() bool {
	if c.Kind == Operation {
		return c.Op.IsRead()
	}
	return c.Kind != Freeze && c.Kind != Unfreeze
}

// Missing returns the required fields of a command with an operation that were not given, in the operation's order.
func (c Command) Missing() []tools.Field { return fieldtext.Missing(c.Op, c.Input) }

// JSON returns the input of the operation. Slack shows the progress of what settles later, so that
// it is waited for unless the command says otherwise.
func (c Command) JSON() ([]byte, error) {
	values := c.Input
	_, waits := values["wait"]
	dryRun, isDry := values["dry_run"]
	if c.Kind == Operation && c.Op.Settles && !c.Op.IsRead() && !waits && (!isDry || dryRun == "false") {
		values = maps.Clone(values)
		values["wait"] = "true"
	}
	return fieldtext.Encode(c.Op, values)
}

// ParseError says what is wrong with a command, in words for the person who typed it.
type ParseError struct {
	Message    string
	Suggestion *Command // the whole command that may be meant, or nil. It repeats values: not for logs
}

func (e *ParseError) Error() string { return e.Message }

// The limits of a command. The longest input of an operation is far below both.
const (
	MaxCharacters = 4000
	MaxWords      = 100
)

// maxCorrections is how many words of one command are corrected for a suggestion.
const maxCorrections = 3

// Parse parses the text of a command as Slack sends it, with & < > escaped, by the operations of a
// catalogue. Each error is a [*ParseError]. Neither a missing field nor a wrong value is an error here: the Runner checks values.
func Parse(catalogue *tools.Catalogue, text string) (Command, error) {
	p := &parser{vocabulary: vocabularyOf(catalogue), Grammar: Slack}
	c, err := p.parse(text)
	return p.end(c, err)
}

// ParseArgs parses the words of a command as a shell has split them, which took the quotes off.
func (g Grammar) ParseArgs(catalogue *tools.Catalogue, args []string) (Command, error) {
	p := &parser{vocabulary: vocabularyOf(catalogue), Grammar: g}
	words, err := p.fromArgs(args)
	if err != nil || len(words) == 0 {
		return Command{}, err
	}
	c, err := p.command(words)
	return p.end(c, err)
}

func (p *parser) end(c Command, err error) (Command, error) {
	switch {
	case err != nil:
		return Command{}, err
	case p.err == nil:
		return c, nil
	}
	if utf8.RuneCountInString(c.String()) <= MaxCharacters { // what is longer could not be typed
		p.err.Suggestion = &c
	}
	return Command{}, p.err
}

// parser parses one text in one pass. After a mistake that it can correct it goes on with the
// correction, so that what it returns in the end is the suggestion.
type parser struct {
	vocabulary
	Grammar
	err         *ParseError // the first mistake
	corrections int
}

// mistake records what is wrong. The parse goes on if it returns nil, with the correction: not if
// there is none, and not after too many.
func (p *parser) mistake(corrected bool, format string, args ...any) error {
	if p.err == nil {
		p.err = &ParseError{Message: fmt.Sprintf(format, args...)}
	}
	if p.corrections++; !corrected || p.corrections > maxCorrections {
		return p.err
	}
	return nil
}

func (p *parser) fail(format string, args ...any) error { return p.mistake(false, format, args...) }

func (p *parser) parse(text string) (Command, error) {
	if utf8.RuneCountInString(text) > MaxCharacters {
		return Command{}, p.fail("the command is longer than %d characters; shorten it", MaxCharacters)
	}
	text, err := p.normalize(text)
	if err != nil {
		return Command{}, err
	}
	text = unescape(text)
	first, rest, _ := strings.Cut(text, " ")
	if kind := Kind(strings.ToLower(first)); kind.takesText() { // a reason may hold any quote, also an open one
		return p.text(kind, rest)
	}
	words, err := p.split(text)
	if err != nil || len(words) == 0 {
		return Command{}, err
	}
	return p.command(words)
}

func (p *parser) command(words []word) (Command, error) {
	if slices.ContainsFunc(words, word.asksHelp) {
		return p.help(slices.DeleteFunc(words, word.asksHelp))
	}
	words, err := p.head(words)
	if err != nil {
		return Command{}, err
	}
	switch kind := Kind(words[0].lower()); {
	case kind.takesText(): // its word was corrected
		return p.text(kind, join(words[1:]))
	case kind == Help:
		return p.help(words[1:])
	case kind == Why && len(words) == 1:
		return Command{}, p.fail("why needs an operation: %s why servers delete web-1", p.Program)
	case kind == Why:
		if words, err = p.head(words[1:]); err != nil {
			return Command{}, err
		}
		return p.operation(Why, words)
	}
	return p.operation(Operation, words)
}

func (p *parser) operation(kind Kind, words []word) (Command, error) {
	op, words, err := p.findOperation(words)
	if err != nil {
		return Command{}, err
	}
	f := fieldParser{parser: p, c: Command{Kind: kind, Op: op, Input: map[string]string{}}, words: words}
	return f.parse()
}

// help parses "help", "help servers.delete" and "servers delete web-1 ?" without its mark. Words after
// the operation do not matter.
func (p *parser) help(about []word) (Command, error) {
	if len(about) > 0 && about[0].lower() == string(Help) {
		about = about[1:]
	}
	if len(about) == 0 {
		return Command{Kind: Help}, nil
	}
	about, err := p.head(about)
	if err != nil {
		return Command{}, err
	}
	topic := about[0].lower()
	switch resource, ok := p.resourceOf(topic); {
	case topic == string(Help):
		return Command{Kind: Help}, nil
	case ok && len(about) == 1:
		return Command{Kind: Help, Rest: resource}, nil
	case slices.Contains(kinds, Kind(topic)):
		return Command{Kind: Help, Rest: topic}, nil
	}
	op, _, err := p.findOperation(about)
	return Command{Kind: Help, Op: op}, err
}

// text makes a command of a kind and its text. Nothing that somebody writes as a reason keeps a
// freeze from happening, but a question about it does.
func (p *parser) text(kind Kind, rest string) (Command, error) {
	words := strings.Fields(rest)
	if isHelpMark(rest) {
		return Command{Kind: Help, Rest: string(kind)}, nil
	}
	if kind == Approvals || kind == Audit {
		if flag := slices.IndexFunc(words, isLongFlag); flag >= 0 {
			if err := p.mistake(true, "%s takes words to look for and no flags such as %s", kind, quoted(words[flag])); err != nil {
				return Command{}, err
			}
			words = slices.DeleteFunc(words, isLongFlag)
		}
	}
	rest = strings.Join(words, " ")
	if isQuoted(rest) {
		rest = rest[1 : len(rest)-1]
	}
	return Command{Kind: kind, Rest: strings.TrimSpace(rest)}, nil
}

func isHelpMark(text string) bool {
	return bare(restoreHyphens(strings.TrimSpace(text))).asksHelp()
}

func isLongFlag(word string) bool { return strings.HasPrefix(restoreHyphens(word), "--") }

func isQuoted(text string) bool {
	return len(text) >= 2 && text[0] == '"' && text[len(text)-1] == '"'
}

// longestName is how much of a wrong word a message repeats: a part of a secret that was pasted into
// the wrong place is still a part of a secret.
const longestName = 40

// quoted puts what was typed into a sentence.
func quoted(typed string) string {
	if n := utf8.RuneCountInString(typed); n > longestName {
		return fmt.Sprintf("a text of %d characters", n)
	}
	return text.Quote(typed)
}
