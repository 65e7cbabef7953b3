package command

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vpsbot/vpsbot/internal/text"
)

// normalize reverts what phones and the clipboard do to a text: typographic quotes, unusual spaces. Soft hyphens show as hyphens or not at all; without any other
// invisible character the rest could be another name, so that these are errors.
func (p *parser) normalize(typed string) (string, error) {
	if !utf8.ValidString(typed) {
		return "", p.fail("the command is not valid text; type it again")
	}
	var b strings.Builder
	for _, c := range typed {
		switch {
		case isZeroWidth(c):
		case unicode.IsSpace(c):
			b.WriteByte(' ')
		case unicode.IsControl(c), text.Hidden(c):
			if err := p.mistake(c == softHyphen, "the command contains an invisible character (%U), as copied text may; type it by hand", c); err != nil {
				return "", err
			}
			b.WriteByte('-')
		case strings.ContainsRune("“”„«»", c):
			b.WriteByte('"')
		default:
			b.WriteRune(c)
		}
	}
	typed = strings.TrimSpace(b.String())
	if rest, ok := strings.CutPrefix(typed, slashCommand); ok && (rest == "" || rest[0] == ' ') { // help was copied as a whole
		typed = strings.TrimSpace(rest)
	}
	return typed, nil
}

const slashCommand = "/vps"

const softHyphen = '\u00AD'

// isZeroWidth reports whether phones and the clipboard add the character to words and emoji.
func isZeroWidth(c rune) bool {
	return 0x200B <= c && c <= 0x200D || c == 0x2060 || c == 0xFEFF || c == 0xFE0E || c == 0xFE0F
}

var (
	entities = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">")
	escapes  = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

	// What Slack writes for &, < and >, and for what looks like a link: <address|as typed>. People
	// and channels (<@U1|name>) are no links: they stay, and fit no name.
	written = regexp.MustCompile(`&(?:amp|lt|gt);|<([a-zA-Z][a-zA-Z0-9+.-]*:)([^<>|]*)(\|[^<>]*)?>`)
)

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

// restoreHyphens replaces the dash at the beginning of a word by two hyphens, of which phones make it.
func restoreHyphens(word string) string {
	c, size := utf8.DecodeRuneInString(word)
	next, _ := utf8.DecodeRuneInString(word[size:])
	if (c == '—' || c == '–') && unicode.IsLetter(next) {
		return "--" + word[size:]
	}
	return word
}
