package blocks

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// md is text in Slack's markup, in which everything that others wrote has been escaped. Only
// this file makes one from a string: the compiler finds what somebody forgot to escape.
type md string

// A name in a sentence is cut at longestName, another text at longestText, so that none
// pushes the rest out of sight.
const (
	longestName = 100
	longestText = 700
)

// esc is a text of others in a sentence.
func esc(s string) md { return md(Escape(short(s, longestText))) }

// said is a sentence of ours, in which names of others may be, in Slack's voice.
func said(s string) md { return clip(spoken(short(s, mostSection)), mostSection) }

// escaped is a part of a sentence, with the space around it.
func escaped(s string) md {
	m := Escape(s)
	if strings.HasPrefix(s, " ") {
		m = " " + m
	}
	if strings.HasSuffix(s, " ") && strings.TrimSpace(s) != "" {
		m += " "
	}
	return md(m)
}

// code is a text shown exactly as it is: an id, an address, a command. It may be empty.
func code(s string) md {
	s = strings.ReplaceAll(short(s, longestText), "`", string(quoteMark))
	if s == "" {
		return ""
	}
	return md("`" + entities.Replace(s) + "`")
}

// strong is words of ours in bold.
func strong(m md) md { return "*" + m + "*" }

func digits(n int64) md { return md(strconv.FormatInt(n, 10)) }

// counted is a number with its noun: "1 row", "2 rows".
func counted(n int, noun md) md {
	if n == 1 {
		return "1 " + noun
	}
	return digits(int64(n)) + " " + noun + "s"
}

// span is a duration as people say it: "40 s", "2 min 5 s".
func span(d time.Duration) md {
	s := int64(max(0, d).Round(time.Second) / time.Second)
	switch {
	case s >= 3600:
		return digits(s/3600) + " h " + digits(s/60%60) + " min"
	case s >= 60:
		return digits(s/60) + " min " + digits(s%60) + " s"
	}
	return digits(s) + " s"
}

// bold is a name in bold.
func bold(s string) md {
	s = Escape(short(s, longestName))
	if s == "" {
		return ""
	}
	return md("*" + s + "*")
}

// date is a moment in the reader's own time zone.
func date(t time.Time) md {
	if t.IsZero() || t.Unix() < 0 || t.Year() > 9999 {
		return ""
	}
	return md(fmt.Sprintf("<!date^%d^{date_short_pretty} {time}|%s>", t.Unix(), t.UTC().Format("2006-01-02 15:04 UTC")))
}

var userID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[UW][A-Z0-9]{1,30}$`) })

// mention calls a Slack user. It is empty for what is no user's id.
func mention(user string) md {
	if !userID().MatchString(user) {
		return ""
	}
	return md("<@" + user + ">")
}

var groupID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^S[A-Z0-9]{1,30}$`) })

var channelID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[CDG][A-Z0-9]{1,30}$`) })

// channelLink links to a channel. Nobody else can follow a link to direct messages.
func channelLink(id string) md {
	switch {
	case !channelID().MatchString(id):
		return ""
	case id[0] == 'D':
		return "a direct message"
	}
	return md("<#" + id + ">")
}

// group calls a Slack user group.
func group(id string) md {
	if !groupID().MatchString(id) {
		return ""
	}
	return md("<!subteam^" + id + ">")
}

// who is an identity as people read it: a Slack user as a mention, a key by its name.
func who(identity string) md {
	kind, name, _ := strings.Cut(identity, ":")
	name = short(name, longestName)
	switch kind {
	case "slack":
		if m := mention(name); m != "" {
			return m
		}
	case "slack-group":
		if m := group(name); m != "" {
			return m
		}
	case "key":
		return "key " + esc(name)
	case "local":
		return esc(name) + " (terminal)"
	}
	return esc(short(identity, longestName))
}

// rendered takes what the bot calls somebody: a mention stays one, also in brackets after other
// words, all else is escaped.
func rendered(s string) md {
	before, user, found := strings.Cut(s, "<@")
	m := mention(strings.TrimRight(user, ">)"))
	switch {
	case !found || m == "":
		return esc(s)
	case before == "" && s == string(m):
		return m
	case strings.HasSuffix(before, " (") && s == before+string(m)+")":
		return esc(before) + m + ")"
	}
	return esc(s)
}

// join puts a separator between what is not empty.
func join(between string, parts ...md) md {
	var kept []string
	for _, p := range parts {
		if p != "" {
			kept = append(kept, string(p))
		}
	}
	return md(strings.Join(kept, between))
}

// cutOff is the beginning of a text that is markup already.
func cutOff(s string, most int) string { return string(clip(md(s), most)) }

func (m md) len() int { return utf8.RuneCountInString(string(m)) }

// clip shortens markup to so many characters, and cuts no entity, mention, date or code span
// in two.
func clip(m md, most int) md {
	if m.len() <= most {
		return m
	}
	kept, count := 0, 0
	for rest := string(m); rest != ""; rest = string(m)[kept:] {
		piece := atom(rest)
		count += utf8.RuneCountInString(piece)
		if count > most-1 {
			break
		}
		kept += len(piece)
	}
	return md(strings.TrimRight(string(m)[:kept], " ")) + "…"
}

// atom returns the shortest beginning of s that may stand alone.
func atom(s string) string {
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
