package blocks

import (
	"cmp"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/tools"
)

// rephrase renders a sentence of the Runner, which is written for every surface, for Slack: commands,
// identities, moments and durations get the form that Slack's users know. A
// quotation, between “ and ”, was written by others and stays as it is.
func rephrase(s string) md {
	var all []md
	for _, part := range splitQuotations(s) {
		if strings.HasPrefix(part, "“") {
			all = append(all, escaped(part))
			continue
		}
		for _, r := range replacements() {
			part = r.clause.ReplaceAllString(part, r.by)
		}
		part = tools.Default.SpellNames(part, func(op *tools.Op) string { return "`" + slashCommand(op) + "`" })
		all = append(all, renderTokens(part)...)
	}
	return join("", all...)
}

type replacement struct {
	clause *regexp.Regexp
	by     string
}

// replacements are the clauses that only make sense at a terminal, with their text for Slack.
var replacements = sync.OnceValue(func() []replacement {
	return []replacement{
		{regexp.MustCompile(runner.LiftedByPerson), "`/vps unfreeze` lifts it"},
		{regexp.MustCompile(`vpsbot operations lists them`), "`/vps help` lists them"},
		{regexp.MustCompile(`vpsbot approvals list shows them`), "`/vps approvals` shows them"},
		{regexp.MustCompile(`once one is answered, or at`), "once you answer or cancel one (`/vps approvals` shows them), or at"},
		{regexp.MustCompile(`vpsbot doctor checks the store`), "an administrator of vpsbot can find out why"},
		{regexp.MustCompile(`,? and then say so at a terminal: vpsbot approvals settle [^.;|]+\|not_applied\.?`), ", and an administrator of vpsbot then records what became of it."},
		{regexp.MustCompile(` ?(?:A person at a terminal can run this instead|Ask the person to run this in a terminal); do not run it yourself: vpsbot approvals approve [^.;]+`), ""},
		{regexp.MustCompile(`[;.,]? ?(?:run )?vpsbot (?:approvals|audit|keys|policy|operations|doctor|store|freeze|unfreeze|run)\b[^.;]*`), ""}, // any other command of the terminal
		{regexp.MustCompile(`\b(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) /\S*[:,]? ?`), ""},
		{regexp.MustCompile(` ?\((?:HTTP )?status \d{3}\)`), ""},
		{regexp.MustCompile(` ?\(approval [^)]*\)`), ""}, // no command of Slack takes its id
	}
})

// splitQuotations splits a text before and after each quotation. [text.Clean] lets nobody nest them.
func splitQuotations(s string) (parts []string) {
	for s != "" {
		before, after, opened := strings.Cut(s, "“")
		inside, rest, closed := strings.Cut(after, "”")
		if !opened || !closed {
			return append(parts, s)
		}
		if before != "" {
			parts = append(parts, before)
		}
		parts, s = append(parts, "“"+inside+"”"), rest
	}
	return parts
}

// tokens are the parts of a sentence that have a form of their own in Slack: code, identities, moments, durations.
var tokens = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile("`[^`]+`" +
		`|\b(?:slack|slack-group|key|local):[A-Za-z0-9._@-]*[A-Za-z0-9]` +
		`|\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)? ?(?:UTC|Z)` +
		`|\b(?:\d+h)?(?:\d+m)?\d+(?:\.\d+)?s\b|\b\d+h(?:\d+m)?\b|\b\d+m\b`)
})

// renderTokens renders each token of a text that holds no quotation, and escapes the rest.
func renderTokens(s string) (all []md) {
	at := 0
	for _, found := range tokens().FindAllStringIndex(s, -1) {
		token := s[found[0]:found[1]]
		if after := s[found[1]:]; after != "" && strings.ContainsRune("<>&|@/`", rune(after[0])) {
			continue // it is a part of something that others wrote
		}
		all = append(all, escaped(s[at:found[0]]), renderToken(token))
		at = found[1]
	}
	return append(all, escaped(s[at:]))
}

func renderToken(token string) md {
	if token[0] == '`' {
		return code(strings.Trim(token, "`"))
	}
	if token[0] < '0' || token[0] > '9' { // an identity, or a channel as the policy names it
		return cmp.Or(channelLink(strings.TrimPrefix(token, "slack:")), identity(token))
	}
	if d, err := time.ParseDuration(token); err == nil {
		return span(d)
	}
	for _, layout := range []string{"2006-01-02 15:04:05 UTC", "2006-01-02 15:04 UTC", time.RFC3339} {
		if at, err := time.Parse(layout, token); err == nil {
			return cmp.Or(date(at), esc(token))
		}
	}
	return esc(token)
}
