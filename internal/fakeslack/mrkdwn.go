package fakeslack

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	token = regexp.MustCompile(`<([^<>\n]*)>`)
	date  = regexp.MustCompile(`^!date\^-?\d+\^[^|^]*\{[a-z_]+\}[^|^]*(\^https?://[^|^]+)?\|.+$`)
)

// mrkdwn checks a text in which Slack finds mentions, links and dates: those that are there are valid, and the rest is
// escaped.
func (c *checker) mrkdwn(at, text string) {
	for _, found := range token.FindAllStringSubmatch(text, -1) {
		if why := c.token(found[1]); why != "" {
			c.report(at, "%s: %.80q", why, found[0])
		}
	}
	c.escaped(at, token.ReplaceAllString(text, ""))
	if strings.Count(text, "```")%2 != 0 {
		c.report(at, "a code block is left open")
	}
}

// token returns what is wrong with the text between < and >; empty: nothing.
func (c *checker) token(inner string) string {
	id, _, _ := strings.Cut(inner, "|")
	switch {
	case inner == "":
		return "an unescaped < and >"
	case inner[0] == '@':
		if _, known := c.slack.users[id[1:]]; !known {
			return "it mentions somebody who does not exist"
		}
	case inner[0] == '#':
		if c.slack.channels[id[1:]] == nil {
			return "it names a channel that does not exist"
		}
	case strings.HasPrefix(inner, "!subteam^"):
		if _, known := c.slack.groups[strings.TrimPrefix(id, "!subteam^")]; !known {
			return "it mentions a group that does not exist"
		}
	case strings.HasPrefix(inner, "!date^"):
		if !date.MatchString(inner) {
			return "a date that Slack cannot read"
		}
	case inner[0] == '!':
		return "it calls everybody"
	default:
		return c.link(id)
	}
	return ""
}

// link returns what is wrong with the address of a link; empty: nothing.
func (c *checker) link(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return "an unescaped < and >, or a link to nowhere"
	}
	for _, host := range c.slack.Links {
		if u.Hostname() == host || strings.HasSuffix(u.Hostname(), "."+host) {
			return ""
		}
	}
	return "it links to a host that is not among Links"
}

// escaped checks that a text without its tokens has no bare <, > or &. A > that begins a line is a quotation.
func (c *checker) escaped(at, text string) {
	for line := range strings.Lines(text) {
		line = strings.TrimPrefix(line, ">")
		if i := strings.IndexAny(line, "<>"); i >= 0 {
			c.report(at, "an unescaped %q: %.80q", line[i:i+1], line)
		}
	}
	for _, after := range strings.Split(text, "&")[1:] {
		if !strings.HasPrefix(after, "amp;") && !strings.HasPrefix(after, "lt;") && !strings.HasPrefix(after, "gt;") {
			c.report(at, "an unescaped &: %.80q", "&"+after)
		}
	}
}

// readable checks that a text has no characters that hide or reorder what people read.
func (c *checker) readable(at, text string) {
	if !utf8.ValidString(text) {
		c.report(at, "is no valid UTF-8")
	}
	for _, r := range text {
		if isHidden(r) {
			c.report(at, "holds the control or format character %U", r)
			return
		}
	}
}

// isHidden reports control characters but a new line and a tab, and those that set the direction of the text.
func isHidden(r rune) bool {
	return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r))
}
