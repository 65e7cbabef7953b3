package tools

import (
	"fmt"
	"strings"
	"time"
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
		return cut(b.String(), MaxText-1) + "…"
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

func cut(s string, characters int) string {
	for i := range s {
		if characters == 0 {
			return s[:i]
		}
		characters--
	}
	return s
}

// longestQuote is how much of a name a sentence holds: a longer one could push the rest of
// the sentence out of sight.
const longestQuote = 100

// quote puts a cleaned name into a sentence.
func quote(name string) string {
	name = Clean(name)
	if short := cut(name, longestQuote); short != name {
		name = short + "…"
	}
	return "“" + name + "”"
}

// plural puts a number before its noun: "1 server", "2 servers".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// InWords says a duration as a person would, rounded up: "5 minutes", never "0s" or "10m0s".
func InWords(d time.Duration) string {
	in := func(unit time.Duration, noun string) string { return plural(max(1, int((d+unit-1)/unit)), noun) }
	fits := func(unit time.Duration) bool { return d >= 2*unit || d == unit }
	const day = 24 * time.Hour
	switch {
	case fits(day):
		return in(day, "day")
	case fits(time.Hour):
		return in(time.Hour, "hour")
	case fits(time.Minute):
		return in(time.Minute, "minute")
	}
	return in(time.Second, "second")
}
