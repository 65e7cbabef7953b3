package blocks

import (
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/tools"
)

// The Runner's texts are for every surface: they name operations, identities and commands as the
// terminal knows them, moments in UTC and durations as Go writes them. Here they get Slack's voice.
// What stands between “ and ” was written by others, and stays as it is.

// rephrase is a sentence of ours in Slack's voice, escaped.
func rephrase(s string) md {
	var all []md
	for _, part := range quotedApart(retell(s)) {
		if strings.HasPrefix(part, "“") {
			all = append(all, escaped(part))
		} else {
			all = append(all, voiced(part))
		}
	}
	return join("", all...)
}

// retold are clauses that only make sense at a terminal, and what is said in Slack instead.
var retold = sync.OnceValue(func() []retelling {
	return []retelling{
		{regexp.MustCompile(runner.LiftedByPerson), "`/vps unfreeze` lifts it"},
		{regexp.MustCompile(`vpsbot operations lists them`), "`/vps help` lists them"},
		{regexp.MustCompile(`vpsbot approvals list shows them`), "`/vps approvals` shows them"},
		{regexp.MustCompile(`once one is answered, or at`), "once you answer or cancel one (`/vps approvals` shows them), or at"},
		{regexp.MustCompile(`vpsbot doctor checks the store`), "whoever runs vpsbot can look why"},
		{regexp.MustCompile(`,? and then say so at a terminal: vpsbot approvals settle [^.;|]+\|not_applied\.?`), ", and whoever runs vpsbot then notes what became of it."},
		{regexp.MustCompile(` ?(?:A person at a terminal can run this instead|Ask the person to run this in a terminal); do not run it yourself: vpsbot approvals approve [^.;]+`), ""},
		{regexp.MustCompile(`[;.,]? ?(?:run )?vpsbot (?:approvals|audit|keys|policy|operations|doctor|store|freeze|unfreeze|run)\b[^.;]*`), ""}, // whatever else is for a terminal
		{regexp.MustCompile(`\b(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) /\S*[:,]? ?`), ""},
		{regexp.MustCompile(` ?\((?:HTTP )?status \d{3}\)`), ""},
		{regexp.MustCompile(` ?\(approval [^)]*\)`), ""}, // an id that nothing in Slack takes
	}
})

// subjects are operations with what they are about: "servers.stop of “web-1”" is "Stop a server “web-1”".
var subjects = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\b[a-z_]+\.[a-z_]+ of `) })

type retelling struct {
	from *regexp.Regexp
	to   string
}

// retell puts what is said for a terminal into words for Slack, and the names of operations into
// commands. Its backticks are ours.
func retell(s string) string {
	parts := quotedApart(s)
	for i, part := range parts {
		if strings.HasPrefix(part, "“") {
			continue
		}
		for _, r := range retold() {
			part = r.from.ReplaceAllString(part, r.to)
		}
		part = subjects().ReplaceAllStringFunc(part, func(found string) string {
			if op, ok := tools.Lookup(strings.TrimSuffix(found, " of ")); ok {
				return op.Title + " "
			}
			return found
		})
		parts[i] = tools.SpellNames(part, func(op *tools.Op) string { return "`" + slashCommand(op) + "`" })
	}
	return strings.Join(parts, "")
}

// quotedApart cuts a text before and after each quotation, which [text.Clean] lets nobody nest.
func quotedApart(s string) (parts []string) {
	for s != "" {
		begin := strings.Index(s, "“")
		end := strings.Index(s[max(0, begin):], "”")
		if begin < 0 || end < 0 {
			return append(parts, s)
		}
		end += begin + len("”")
		if begin > 0 {
			parts = append(parts, s[:begin])
		}
		parts, s = append(parts, s[begin:end]), s[end:]
	}
	return parts
}

// tokens are the words of a sentence that Slack shows in a way of its own.
var tokens = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile("`[^`]+`" +
		`|\b(?:slack|slack-group|key|local):[A-Za-z0-9._@-]*[A-Za-z0-9]` +
		`|\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)? ?(?:UTC|Z)` +
		`|\b(?:\d+h)?(?:\d+m)?\d+(?:\.\d+)?s\b|\b\d+h(?:\d+m)?\b|\b\d+m\b`)
})

// voiced shows each token of a text that holds no quotation, and escapes the rest.
func voiced(s string) md {
	var all []md
	at := 0
	for _, found := range tokens().FindAllStringIndex(s, -1) {
		token := s[found[0]:found[1]]
		if after := s[found[1]:]; after != "" && strings.ContainsRune("<>&|@/`", rune(after[0])) {
			continue // it is a part of something that others wrote
		}
		all = append(all, escaped(s[at:found[0]]), voicedToken(token))
		at = found[1]
	}
	return join("", append(all, escaped(s[at:]))...)
}

func voicedToken(token string) md {
	switch {
	case token[0] == '`':
		return code(strings.Trim(token, "`"))
	case token[0] < '0' || token[0] > '9':
		return party(token)
	case strings.Contains(token, "-"):
		return when(token)
	}
	if d, err := time.ParseDuration(token); err == nil {
		return span(d)
	}
	return esc(token)
}

// party is an identity, or a channel as the policy names it.
func party(token string) md {
	if kind, id, _ := strings.Cut(token, ":"); kind == "slack" {
		if m := channelLink(id); m != "" {
			return m
		}
	}
	return who(token)
}

var moments = []string{"2006-01-02 15:04:05 UTC", "2006-01-02 15:04 UTC", "2006-01-02T15:04:05Z"}

func when(token string) md {
	for _, layout := range moments {
		if at, err := time.Parse(layout, token); err == nil && date(at) != "" {
			return date(at)
		}
	}
	return esc(token)
}
