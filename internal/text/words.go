package text

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Cut returns the first characters of s.
func Cut(s string, characters int) string {
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

// Quote puts a name that somebody else chose into a sentence.
func Quote(name string) string {
	name = Clean(name)
	if short := Cut(name, longestQuote); short != name {
		name = short + "…"
	}
	return "“" + name + "”"
}

// IsBare reports whether a name that somebody else chose can stand in a sentence without quotation marks: letters,
// digits, hyphens and underscores, which no sentence can confuse with its own words or the name of an operation.
func IsBare(name string) bool {
	other := func(c rune) bool {
		return !('a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_')
	}
	return name != "" && len(name) <= longestQuote && !strings.ContainsFunc(name, other)
}

// Plural puts a number before its noun: "1 server", "2 servers", "2 people".
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if noun == "person" {
		return strconv.Itoa(n) + " people"
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// Duration says a duration as a person would, rounded up: "5 minutes", never "0s" or "10m0s".
func Duration(d time.Duration) string {
	in := func(unit time.Duration, noun string) string { return Plural(max(1, int((d+unit-1)/unit)), noun) }
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

// Short says how long something took, in few letters: "1 s", "90 s", "12 min", "3 h".
func Short(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return strconv.Itoa(max(1, int(d.Round(time.Second).Seconds()))) + " s"
	case d < 2*time.Hour:
		return strconv.Itoa(int(d.Round(time.Minute).Minutes())) + " min"
	}
	return strconv.Itoa(int(d.Round(time.Hour).Hours())) + " h"
}

// Strings returns words of a type of its own as texts.
func Strings[T ~string](words []T) []string {
	return Map(words, func(word T) string { return string(word) })
}

// Map returns what of makes of each; never nil.
func Map[T, U any](all []T, of func(T) U) []U {
	made := make([]U, len(all))
	for i, one := range all {
		made[i] = of(one)
	}
	return made
}

// Join joins words as a sentence does: "a, b and c" with the conjunction "and".
func Join(words []string, conjunction string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " " + conjunction + " " + words[last]
}

// ShellWord quotes a word that a shell would not read as it stands.
func ShellWord(s string) string {
	plain := func(c rune) bool {
		return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.ContainsRune("-_./:@", c)
	}
	if s != "" && strings.TrimFunc(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// Moment says when something happened, to the minute: "2025-03-01 12:00 UTC".
func Moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// IsUUID reports whether s is a UUID in its usual form, in either case.
func IsUUID(s string) bool { return len(s) == 36 && uuid.MatchString(s) }

var uuid = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)
