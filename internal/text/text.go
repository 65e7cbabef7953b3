// Package text holds what every surface does to a text: it makes foreign text safe to show, shortens
// it, names a number of things, finds the nearest of several names, and writes a text into a file.
package text

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
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

// maxTyped is the longest word, in letters, that is compared: comparing takes time by the length of both.
const maxTyped = 40

// Suggest returns the known word that may be meant by a mistyped one: the only one that it begins, or the
// nearest; "" if none is near.
func Suggest(typed string, known []string) string {
	length := utf8.RuneCountInString(typed)
	if length < 2 || length > maxTyped {
		return ""
	}
	begun := slices.DeleteFunc(slices.Clone(known), func(k string) bool { return !strings.HasPrefix(k, typed) })
	if len(begun) == 1 {
		return begun[0]
	}
	if nearest := Nearest(typed, known, min(2, length/2)); nearest != nil { // two letters of three wrong are another word
		return nearest[0]
	}
	return ""
}

// Nearest returns the names within a number of edits of name, the nearest first and each once.
func Nearest(name string, known []string, edits int) (near []string) {
	distances := map[string]int{}
	for _, k := range known {
		if _, seen := distances[k]; seen {
			continue
		}
		if distances[k] = distance([]rune(name), []rune(k)); distances[k] <= edits {
			near = append(near, k)
		}
	}
	slices.SortStableFunc(near, func(a, b string) int { return distances[a] - distances[b] })
	return near
}

// distance is the number of letters to add, drop, change, or swap with the next (optimal string
// alignment).
func distance(a, b []rune) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range a {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

// Search returns a function that reports whether each typed word is in one of some texts, in any case; @name is the
// name. No words are in all texts.
func Search(typed string) func(texts ...string) bool {
	words := strings.Fields(strings.ToLower(typed))
	return func(texts ...string) bool {
		all := strings.ToLower(strings.Join(texts, "\n")) // no word has a line break
		return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(all, strings.TrimPrefix(word, "@")) })
	}
}

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

// spellings are the words of field names that are not written in small letters.
var spellings = map[string]string{
	"id": "ID", "uuid": "UUID", "ip": "IP", "ipv4": "IPv4", "ipv6": "IPv6", "os": "OS", "cpu": "CPU", "vcpus": "vCPUs", "mb": "MB",
	"dns": "DNS", "ttl": "TTL", "ssh": "SSH", "api": "API", "url": "URL",
}

// Label makes words of the name of a field: "ip_address" is "IP address".
func Label(field string) string {
	words := strings.FieldsFunc(field, func(c rune) bool { return c == '_' || c == '.' || c == ' ' })
	return strings.Join(Map(words, func(word string) string { return cmp.Or(spellings[word], word) }), " ")
}

// Title is the label of a field that begins with a capital letter: "IP address", but "vCPUs".
func Title(field string) string {
	label := Label(field)
	first := Cut(label, 1)
	if strings.HasPrefix(label, spellings["vcpus"]) {
		return label
	}
	return strings.ToUpper(first) + label[len(first):]
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

// WriteFile writes a file for this user alone, as a whole or not at all, and makes its folder.
func WriteFile(path, content string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = file.WriteString(content)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name())
	}
	return err
}
