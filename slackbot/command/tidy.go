package command

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vpsbot/vpsbot/internal/text"
)

// tidy takes back what Slack, phones and the clipboard did to a text.
func tidy(typed string) (string, error) {
	if !utf8.ValidString(typed) {
		return "", mistake("the command is not valid text; type it again")
	}
	var b strings.Builder
	for _, c := range typed {
		switch {
		case zeroWidth(c):
		case unicode.IsSpace(c):
			b.WriteByte(' ')
		case unicode.IsControl(c), text.Hidden(c): // taken out, what is left could be another name
			return "", mistake("the command holds an invisible character (%U), as copied text may; type it by hand", c)
		case strings.ContainsRune("“”„«»", c):
			b.WriteByte('"')
		default:
			b.WriteRune(c)
		}
	}
	typed = strings.TrimSpace(unescape(b.String()))
	if rest, ok := strings.CutPrefix(typed, prefix); ok && (rest == "" || rest[0] == ' ') { // help was copied as a whole
		typed = strings.TrimSpace(rest)
	}
	return typed, nil
}

// prefix is the slash command itself.
const prefix = "/vps"

const softHyphen = "\u00AD"

// zeroWidth are those that phones and the clipboard add to words and emoji.
func zeroWidth(c rune) bool {
	return 0x200B <= c && c <= 0x200D || c == 0x2060 || c == 0xFEFF || c == 0xFE0E || c == 0xFE0F
}

var (
	entities = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">")
	escapes  = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

	// What Slack writes for &, < and >, and for what looks like a link: <address|as typed>. People
	// and channels (<@U1|name>) are no links: they stay, and fit no name.
	written = regexp.MustCompile(`&(?:amp|lt|gt);|<([a-zA-Z][a-zA-Z0-9+.-]*:)([^<>|]*)(\|[^<>]*)?>`)
)

// unescape returns the text as it was typed.
func unescape(text string) string {
	return written.ReplaceAllStringFunc(text, func(found string) string {
		if found[0] == '&' {
			return entities.Replace(found)
		}
		part := written.FindStringSubmatch(found)
		scheme, address, label := part[1], part[2], part[3]
		switch {
		case len(label) > 1:
			return entities.Replace(label[1:])
		case strings.EqualFold(scheme, "mailto:"), strings.EqualFold(scheme, "tel:"):
			return entities.Replace(address)
		}
		return entities.Replace(scheme + address)
	})
}

// escape makes a text that unescape gives back. What unescape leaves as it is needs none and
// stays fit to be shown.
func escape(text string) string {
	if unescape(text) == text {
		return text
	}
	return escapes.Replace(text)
}

// undash gives a word its two hyphens back, of which phones make one dash.
func undash(word string) string {
	c, size := utf8.DecodeRuneInString(word)
	next, _ := utf8.DecodeRuneInString(word[size:])
	if (c == '—' || c == '–') && unicode.IsLetter(next) {
		return "--" + word[size:]
	}
	return word
}
