package command

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vpsbot/vpsbot/internal/fieldtext"
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

// lower returns the word as one of the command's own: phones begin with a capital.
func (w word) lower() string { return strings.ToLower(w.plain()) }

func (w word) name() string {
	if w.set {
		return fieldtext.Name(w.field)
	}
	return fieldtext.Name(w.text)
}

// isFlag reports whether the word is written as a flag: -x, --x or --x=y.
func (w word) isFlag() bool {
	return w.set && strings.HasPrefix(w.field, "-") || !w.set && !w.quoted && strings.HasPrefix(w.text, "-")
}

func (w word) isBare() bool { return !w.set && !w.quoted && !w.isFlag() }

func (w word) asksHelp() bool {
	return !w.set && !w.quoted && slices.Contains([]string{"?", "-h", "--help"}, w.lower())
}

func bare(text string) word { return word{text: text} }

func join(words []word) string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = w.plain()
	}
	return strings.Join(texts, " ")
}

func (p *parser) split(text string) ([]word, error) {
	var all []word
	for text = strings.TrimLeft(text, " "); text != ""; text = strings.TrimLeft(text, " ") {
		w, rest, err := p.word(text)
		if err != nil {
			return nil, err
		}
		if all = append(all, w); len(all) > MaxWords {
			return nil, p.fail("the command has more than %d words; shorten it, and put a text of several words in quotes", MaxWords)
		}
		text = rest
	}
	return all, nil
}

// word returns the first word of a text. Quotes group at the beginning of a word or of a value only,
// so that an apostrophe is an apostrophe.
func (p *parser) word(text string) (w word, rest string, err error) {
	if end := strings.IndexAny(text, " ="); !startsQuote(text) && end >= 0 && text[end] == '=' {
		w.field, w.set, text = restoreHyphens(text[:end]), true, text[end+1:]
	}
	if w.quoted = startsQuote(text); w.quoted {
		w.text, rest, err = p.quote(text)
		return w, rest, err
	}
	w.text, rest, _ = strings.Cut(text, " ")
	if !w.set {
		w.text = restoreHyphens(w.text)
	}
	return w, rest, nil
}

func startsQuote(text string) bool {
	c, _ := utf8.DecodeRuneInString(text)
	return c == '"' || isSingle(c)
}

func isSingle(c rune) bool { return c == '\'' || c == '‘' || c == '’' || c == '‚' }

// quote returns a text in quotes without them. A single quote within a word is an apostrophe. A double
// one right before a letter closes nothing that a person would see as closed: it is an error, lest
// a value lose its end and a name come of it.
func (p *parser) quote(text string) (unquoted, rest string, err error) {
	mark, size := utf8.DecodeRuneInString(text)
	double := mark == '"'
	var b strings.Builder
	for i := size; i < len(text); {
		c, size := utf8.DecodeRuneInString(text[i:])
		i += size
		ends := i == len(text) || text[i] == ' '
		switch {
		case double && c == '\\' && i < len(text) && (text[i] == '"' || text[i] == '\\'):
			b.WriteByte(text[i])
			i++
		case double && c == '"' && !ends:
			return "", "", p.fail(`a quote closes in the middle of a word, after %s; a quote inside quotes is written \"`, quoted(b.String()))
		case ends && (double && c == '"' || !double && isSingle(c)):
			return b.String(), text[i:], nil
		default:
			b.WriteRune(c)
		}
	}
	return "", "", p.fail("the quote before %s is never closed; add the closing quote", quoted(b.String()))
}
