package blocks

import (
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vpsbot/vpsbot/internal/text"
)

// escape makes a text that somebody else wrote one harmless line of Slack's markup: what Clean
// would remove is removed, & < > are written as entities, and what would format it, or turn
// into a picture, is replaced by a look-alike. It cuts nothing off.
func escape(s string) string { return entities.Replace(neutralize(visible(s))) }

var entities = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// visible removes from a text what does not show, as [text.Clean] does, and makes it one
// line. Unlike Clean it keeps our own quotation marks, and the length.
func visible(s string) string { return truncate(s, math.MaxInt) }

// truncate returns the beginning of the visible characters of a text, which may be long: the rest is not read.
func truncate(s string, most int) string {
	var kept []rune
	space := false
	for _, c := range s {
		switch {
		case unicode.IsSpace(c):
			space = len(kept) > 0
			continue
		case c == utf8.RuneError || text.Hidden(c):
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
func blank(s string) bool { return truncate(s, 1) == "" }

// Look-alikes of what Slack would read as markup.
var homoglyphs = map[rune]rune{'`': quoteMark, '*': '∗', '~': '∼', '_': '＿', ':': '꞉'}

const quoteMark = 'ʼ' // for a backtick

// neutralize replaces characters that Slack would read as the delimiters of code, bold, italic or struck text, or
// of an emoji. Those inside words stay, because people copy them: my_server, "servers.*", 2001:db8::1.
func neutralize(s string) string {
	if !strings.ContainsAny(s, "`*~_:") {
		return s
	}
	runes := []rune(s)
	disarmed := slices.Clone(runes)
	for i, c := range runes {
		marks := strings.ContainsRune("*~_", c) && atEdge(runes, i)
		if c == '`' || marks || c == ':' && isEmojiCode(runes, i) {
			disarmed[i] = homoglyphs[c]
		}
	}
	return string(disarmed)
}

// atEdge reports whether a mark, with those beside it, stands at the edge of a word. The star of a
// pattern such as "servers.*" does no harm.
func atEdge(runes []rune, i int) bool {
	before, after := i-1, i+1
	for before >= 0 && isFormatRune(runes[before]) {
		before--
	}
	for after < len(runes) && isFormatRune(runes[after]) {
		after++
	}
	word := func(at int) bool { return at >= 0 && at < len(runes) && isWordRune(runes[at]) }
	pattern := runes[i] == '*' && before == i-1 && before >= 0 && (runes[before] == '.' || runes[before] == ':') && !word(after)
	return !(word(before) && word(after)) && !pattern
}

func isFormatRune(c rune) bool { return c == '*' || c == '~' || c == '_' }

func isWordRune(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) }

// isEmojiCode reports whether ":word:" begins here. The groups of an address or a time, which are
// hexadecimal and follow a letter or digit, are no emoji.
func isEmojiCode(runes []rune, i int) bool {
	hexadecimal, end := true, i+1
	for end < len(runes) && (isWordRune(runes[end]) || strings.ContainsRune("_+'-", runes[end])) {
		hexadecimal = hexadecimal && strings.ContainsRune("0123456789abcdefABCDEF", runes[end])
		end++
	}
	if end == i+1 || end == len(runes) || runes[end] != ':' {
		return false
	}
	return !hexadecimal || i == 0 || !isWordRune(runes[i-1]) && runes[i-1] != ':'
}
