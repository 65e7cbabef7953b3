package blocks

import (
	"math"
	"strings"
	"unicode"

	"github.com/vpsbot/vpsbot/tools"
)

// Escape makes a text that somebody else wrote one harmless line of Slack's markup: what Clean
// would remove is removed, & < > are written as entities, and what would format it, or turn
// into a picture, is replaced by a look-alike. It cuts nothing off.
func Escape(s string) string { return entities.Replace(disarm(visible(s))) }

var entities = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// visible removes from a text what does not show, as [tools.Clean] does, and makes it one
// line. Unlike Clean it keeps our own quotation marks, and the length.
func visible(s string) string { return short(s, math.MaxInt) }

// short is the beginning of what is visible of a text. It reads no further than it must: what
// others wrote may be long.
func short(s string, most int) string {
	var kept []rune
	space := false
	for _, c := range s {
		switch {
		case unicode.IsSpace(c):
			space = len(kept) > 0
			continue
		case (c < ' ' || c > '~') && hidden(c):
			continue
		case space:
			kept, space = append(kept, ' '), false
		}
		if kept = append(kept, c); len(kept) > most {
			return strings.TrimRight(string(kept[:most-1]), " ") + "…"
		}
	}
	return string(kept)
}

// blank reports whether nothing of a text is visible.
func blank(s string) bool { return short(s, 1) == "" }

// hidden asks Clean, so that there is one answer to what may be shown.
func hidden(c rune) bool { return tools.Clean(string(c)) == "" }

// Look-alikes of what Slack would read as markup.
const (
	quoteMark = 'ʼ' // for a backtick
	star      = '∗'
	wave      = '∼'
	colon     = '꞉'
)

// disarm replaces what Slack would read as the beginning of a code span, of bold or struck text,
// or of a picture's name. Stars and colons inside words stay: "servers.*" and 2001:db8::1
// are what people copy.
func disarm(s string) string {
	if !strings.ContainsAny(s, "`*~:") {
		return s
	}
	runes := []rune(s)
	for i, c := range runes {
		switch {
		case c == '`':
			runes[i] = quoteMark
		case c == '*' && opens(runes, i):
			runes[i] = star
		case c == '~' && opens(runes, i):
			runes[i] = wave
		case c == ':' && namesPicture(runes, i):
			runes[i] = colon
		}
	}
	return string(runes)
}

// opens reports whether a mark stands where formatted text could begin.
func opens(runes []rune, i int) bool {
	if i+1 == len(runes) || runes[i+1] == ' ' {
		return false
	}
	return i == 0 || !inWord(runes[i-1]) && runes[i-1] != '.' && runes[i-1] != ':'
}

func inWord(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) }

// namesPicture reports whether ":word:" begins here. Groups of an address or a time, which are
// hexadecimal and follow a letter or digit, are none.
func namesPicture(runes []rune, i int) bool {
	hexadecimal, end := true, i+1
	for end < len(runes) && (inWord(runes[end]) || strings.ContainsRune("_+'-", runes[end])) {
		hexadecimal = hexadecimal && strings.ContainsRune("0123456789abcdefABCDEF", runes[end])
		end++
	}
	if end == i+1 || end == len(runes) || runes[end] != ':' {
		return false
	}
	return !hexadecimal || i == 0 || !inWord(runes[i-1]) && runes[i-1] != ':'
}
