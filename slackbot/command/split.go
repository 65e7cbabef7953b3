package command

import (
	"slices"
	"strings"
)

// word is one word of a command, its quotes taken off.
type word struct {
	text   string // of field=value the value
	field  string // of field=value the field, with its hyphens if it has them
	set    bool   // there is a field
	quoted bool   // text stood in quotes
}

// plain returns the word without any meaning of "=".
func (w word) plain() string {
	if w.set {
		return w.field + "=" + w.text
	}
	return w.text
}

// command returns the word as one of the command's own: phones begin with a capital.
func (w word) command() string { return strings.ToLower(w.plain()) }

// isFlag reports whether the word is written as a flag: -x, --x or --x=y.
func (w word) isFlag() bool {
	return w.set && strings.HasPrefix(w.field, "-") || !w.set && !w.quoted && strings.HasPrefix(w.text, "-")
}

// isBare reports whether the word could be a name: no flag, no field, no quotes.
func (w word) isBare() bool { return !w.set && !w.quoted && !w.isFlag() }

// asksHelp reports whether the word asks what the words before it mean.
func (w word) asksHelp() bool {
	return !w.set && !w.quoted && slices.Contains(helpMarks, w.command())
}

var helpMarks = []string{"?", "-h", "--help"}

// bare makes the word that was typed as text, without quotes.
func bare(text string) word { return word{text: text} }

// splitter takes a text apart. Quotes group at the beginning of a word or of a value only,
// so that an apostrophe is an apostrophe.
type splitter struct {
	text []rune
	at   int
}

func split(text string) ([]word, error) {
	s := splitter{text: []rune(text)}
	var all []word
	for s.skipSpaces(); !s.done(); s.skipSpaces() {
		w, err := s.word()
		if err != nil {
			return nil, err
		}
		if all = append(all, w); len(all) > MaxWords {
			return nil, mistake("the command has more than %d words; say it shorter, and put a text of several words in quotes", MaxWords)
		}
	}
	return all, nil
}

func (s *splitter) done() bool { return s.at == len(s.text) }

// ends reports whether a word ends before position i.
func (s *splitter) ends(i int) bool { return i == len(s.text) || s.text[i] == ' ' }

func (s *splitter) skipSpaces() {
	for !s.done() && s.text[s.at] == ' ' {
		s.at++
	}
}

func (s *splitter) word() (word, error) {
	if s.isQuote() {
		text, err := s.quoted()
		return word{text: text, quoted: true}, err
	}
	start := s.at
	for ; !s.ends(s.at); s.at++ {
		if s.text[s.at] == '=' {
			field := undash(string(s.text[start:s.at]))
			s.at++
			return s.value(field)
		}
	}
	return bare(undash(string(s.text[start:s.at]))), nil
}

func (s *splitter) value(field string) (w word, err error) {
	w = word{field: field, set: true}
	if w.quoted = s.isQuote(); w.quoted {
		w.text, err = s.quoted()
		return w, err
	}
	start := s.at
	for !s.ends(s.at) {
		s.at++
	}
	w.text = string(s.text[start:s.at])
	return w, nil
}

func (s *splitter) isQuote() bool {
	return !s.done() && (s.text[s.at] == '"' || isSingle(s.text[s.at]))
}

// isSingle reports whether c is a single quote, of a keyboard or of a phone.
func isSingle(c rune) bool { return c == '\'' || c == '‘' || c == '’' || c == '‚' }

func (s *splitter) quoted() (string, error) {
	mark := s.text[s.at]
	s.at++
	if mark == '"' {
		return s.inDouble()
	}
	return s.inSingle()
}

// inDouble reads up to the closing quote. A quote right before a letter closes nothing that a
// person would see as closed: it is refused, lest a value lose its end and a name come of it.
func (s *splitter) inDouble() (string, error) {
	var b strings.Builder
	for ; !s.done(); s.at++ {
		c := s.text[s.at]
		switch {
		case c == '\\' && s.at+1 < len(s.text) && strings.ContainsRune(`"\`, s.text[s.at+1]):
			s.at++
			b.WriteRune(s.text[s.at])
		case c == '"' && !s.ends(s.at+1):
			return "", mistake(`a quote closes in the middle of a word, after %s; a quote inside quotes is written \"`, name(b.String()))
		case c == '"':
			s.at++
			return b.String(), nil
		default:
			b.WriteRune(c)
		}
	}
	return "", openQuote(b.String())
}

// inSingle reads up to a single quote that ends a word: one within a word is an apostrophe.
func (s *splitter) inSingle() (string, error) {
	start := s.at
	for ; !s.done(); s.at++ {
		if isSingle(s.text[s.at]) && s.ends(s.at+1) {
			s.at++
			return string(s.text[start : s.at-1]), nil
		}
	}
	return "", openQuote(string(s.text[start:]))
}

func openQuote(text string) error {
	return mistake("the quote before %s is never closed; add the closing quote", name(text))
}
