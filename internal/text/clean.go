// Package text holds what every surface does to a text: it makes foreign text safe to show, shortens
// it, names a number of things, and finds the nearest of several names.
package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxText is how many characters of one text from the API reach a reader.
const MaxText = 300

// Clean makes a text that somebody else wrote safe to show: one line, no control, bidirectional or
// invisible characters, no run of spaces that could push it out of its place, none of the
// quotation marks that our own sentences put around names, at most [MaxText] characters.
// Clean text is its own Clean.
func Clean(s string) string {
	if plain(s) {
		return s
	}
	total, last := 0, rune(0)
	var b strings.Builder
	for _, c := range s {
		switch {
		case c == utf8.RuneError || Hidden(c):
			continue
		case unicode.IsSpace(c):
			c = ' '
		case c == '“' || c == '”':
			c = '"'
		}
		if c == ' ' && last == ' ' {
			continue
		}
		last = c
		if total++; total <= MaxText {
			b.WriteRune(c)
		}
	}
	if total > MaxText {
		return Cut(b.String(), MaxText-1) + "…"
	}
	return b.String()
}

// plain reports whether s is short printable ASCII, as nearly all text is.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == ' ' && i > 0 && s[i-1] == ' ' {
			return false
		}
	}
	return len(s) <= MaxText
}

// brailleBlank is a letter that looks like a space.
const brailleBlank = 0x2800

// Hidden reports whether a character steers the reader's terminal or is not seen in the text: controls
// but white space, private use, and all that Unicode calls default-ignorable, which is the format
// characters (bidirectional ones and tags among them), the variation selectors in which text can be
// smuggled, and a property of its own.
func Hidden(c rune) bool {
	if c == '\n' || c == '\t' || c == '\r' {
		return false
	}
	return c == brailleBlank || unicode.In(c, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// Storable makes s a text that each database takes: PostgreSQL refuses NUL and what is not UTF-8,
// SQLite would keep it.
func Storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
