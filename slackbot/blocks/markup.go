package blocks

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/vpsbot/vpsbot/internal/text"
)

// md is text in Slack's markup, in which everything that others wrote has been escaped. Only
// this file makes one from a string: a test fails where another does.
type md string

// A name in a sentence is cut at longestName, another text at longestText, so that none
// pushes the rest out of sight.
const (
	longestName = 100
	longestText = 700
)

// esc is a text of others in a sentence.
func esc(s string) md { return md(escape(truncate(s, longestText))) }

// named is a name of others in a sentence.
func named(s string) md { return md(escape(truncate(s, longestName))) }

// sentence renders a sentence of the Runner or the bot, which may contain names by others, in the words of Slack.
func sentence(s string) md { return clip(rephrase(truncate(s, mostSection)), mostSection) }

// escaped escapes a part of a sentence and keeps one space at each end.
func escaped(s string) md {
	m := escape(s)
	if strings.HasPrefix(s, " ") {
		m = " " + m
	}
	if strings.HasSuffix(s, " ") && strings.TrimSpace(s) != "" {
		m += " "
	}
	return md(m)
}

// code is a text shown exactly as it is: an id, an address, a command. It may be empty.
func code(s string) md { return codeOf(s, longestText) }

func codeName(s string) md { return codeOf(s, longestName) }

func codeOf(s string, most int) md {
	s = strings.ReplaceAll(truncate(s, most), "`", string(quoteMark))
	if s == "" {
		return ""
	}
	return md("`" + entities.Replace(s) + "`")
}

func cutMarkup(s string, most int) md { return clip(md(s), most) }

func strong(m md) md { return "*" + m + "*" }

func labelled(label, m md) md {
	if m == "" {
		return ""
	}
	return label + m
}

func number[N int | int64](n N) md { return md(fmt.Sprint(n)) }

// counted is a number with its noun: "1 row", "2 rows".
func counted(n int, noun string) md { return md(text.Plural(n, noun)) }

// span is a duration as people say it: "40 s", "2 min 5 s".
func span(d time.Duration) md {
	s := int64(max(0, d).Round(time.Second) / time.Second)
	switch {
	case s >= 3600:
		return number(s/3600) + " h " + number(s/60%60) + " min"
	case s >= 60:
		return number(s/60) + " min " + number(s%60) + " s"
	}
	return number(s) + " s"
}

// date is a moment in the reader's own time zone.
func date(t time.Time) md {
	if t.IsZero() || t.Unix() < 0 || t.Year() > 9999 {
		return ""
	}
	return md(fmt.Sprintf("<!date^%d^{date_short_pretty} {time}|%s>", t.Unix(), text.Moment(t)))
}

// isID reports whether a text is an id of Slack's that begins with one of the letters.
func isID(s, letters string) bool {
	if len(s) < 2 || len(s) > 31 || !strings.Contains(letters, s[:1]) {
		return false
	}
	return strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

// mention calls a Slack user or a user group. It is empty for any other id.
func mention(id string) md {
	switch {
	case isID(id, "UW"):
		return md("<@" + id + ">")
	case isID(id, "S"):
		return md("<!subteam^" + id + ">")
	}
	return ""
}

// channelLink links to a channel. Nobody else can follow a link to direct messages.
func channelLink(id string) md {
	switch {
	case isID(id, "CG"):
		return md("<#" + id + ">")
	case isID(id, "D"):
		return "a direct message"
	}
	return ""
}

// identity renders an actor: a Slack user as a mention, a key by its name.
func identity(identity string) md {
	kind, id, _ := strings.Cut(identity, ":")
	switch kind {
	case "slack", "slack-group":
		if m := mention(id); m != "" {
			return m
		}
	case "key":
		return "key " + named(id)
	case "local":
		return named(id) + " (terminal)"
	}
	return named(identity)
}

func join(between string, parts ...md) md {
	var kept []string
	for _, p := range parts {
		if p != "" {
			kept = append(kept, string(p))
		}
	}
	return md(strings.Join(kept, between))
}

func (m md) len() int { return utf8.RuneCountInString(string(m)) }

// clip shortens markup to so many characters, and cuts no entity, mention, date or code span
// in two.
func clip(m md, most int) md {
	if m.len() <= most {
		return m
	}
	kept, count := 0, 0
	for rest := string(m); rest != ""; rest = string(m)[kept:] {
		piece := indivisible(rest)
		count += utf8.RuneCountInString(piece)
		if count > most-1 {
			break
		}
		kept += len(piece)
	}
	return md(strings.TrimRight(string(m)[:kept], " ")) + "…"
}

// indivisible returns the shortest prefix of markup that may be kept alone: one character, entity, mention or code.
func indivisible(s string) string {
	for open, closing := range map[byte]string{'<': ">", '&': ";", '`': "`"} {
		if s[0] != open {
			continue
		}
		if end := strings.Index(s[1:], closing); end >= 0 {
			return s[:end+2]
		}
	}
	_, size := utf8.DecodeRuneInString(s)
	return s[:size]
}
