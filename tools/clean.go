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
		case c == utf8.RuneError || hidden(c):
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

// hidden reports whether a character steers the reader's terminal or hides in the text:
// controls but white space, format characters (bidirectional ones and tags among them),
// private use, and the variation selectors in which text can be smuggled.
func hidden(c rune) bool {
	switch {
	case c == '\n' || c == '\t' || c == '\r':
		return false
	case unicode.In(c, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs):
		return true
	}
	return 0xFE00 <= c && c <= 0xFE0F || 0xE0100 <= c && c <= 0xE01EF || c == 0x034F || c == 0x115F || c == 0x1160 || c == 0x3164 || c == 0xFFA0 || c == 0x2800
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
