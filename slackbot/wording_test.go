package slackbot_test

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/permissions"
)

// foreignPatterns may not match any text in Slack: words of the terminal, of the API and of Go.
var foreignPatterns = map[string]*regexp.Regexp{
	"an identity":       regexp.MustCompile(`\b(slack|slack-group|key|local):[A-Za-z0-9]`),
	"a duration of Go":  regexp.MustCompile(`\b(\d+h)?\d+m\d+s\b|\b\d+h\d+m\b|\b\d+(\.\d+)?s\b`),
	"a time in UTC":     regexp.MustCompile(`\d\d:\d\d:\d\d UTC`),
	"a request":         regexp.MustCompile(`\b(GET|POST|PUT|PATCH|DELETE) /`),
	"a status of HTTP":  regexp.MustCompile(`\bstatus \d{3}\b`),
	"a terminal's line": regexp.MustCompile(`\bvpsbot (approvals|audit|keys|policy|operations|doctor|store|freeze|unfreeze|run|serve|slack)\b`),
	"an operation":      regexp.MustCompile(`(^|[^“/\w.-])(servers|backups|snapshots|plans|domains|dns|account)\.(list|get|create|update|replace|delete|start|stop|reboot|restore|zones)\b`),
}

// requireSlackWording fails for a text that matches a foreign pattern.
func requireSlackWording(t testing.TB, where, text string) {
	t.Helper()
	for what, is := range foreignPatterns {
		require.NotRegexp(t, is, text, "%s has %s", where, what)
	}
}

// The Runner's messages are reworded for Slack: refusals, budgets, freezes, errors of input and of
// VPS.org, lost answers, denials.
func TestWording(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before func(w *world)
		typed  []string
		says   string // in the last answer
	}{
		"a freeze":                {typed: []string{"freeze disk is full", "servers start web-server-01", "audit", "approvals"}, says: "frozen by <@"},
		"a freeze, why":           {typed: []string{"freeze wait", "unfreeze"}, says: "is lifted"},
		"a budget":                {before: budget, typed: []string{"servers delete web-server-01"}, says: "allowed in"},
		"too many questions":      {typed: []string{"servers stop web-server-01", "servers reboot web-server-01", "servers delete web-server-01", "servers stop db-server-01", "servers reboot db-server-01", "servers delete db-server-01"}, says: "/vps approvals"},
		"no rule":                 {before: onlyMax, typed: []string{"servers start web-server-01"}, says: "no rule of the policy"},
		"no rule, why":            {before: onlyMax, typed: []string{"why servers start web-server-01"}, says: "no rule of the policy"},
		"why of a second person":  {typed: []string{"why servers delete db-server-01"}, says: "consent of another person"},
		"no such server":          {typed: []string{"servers get nope-nope"}, says: "no server is called"},
		"no such server, change":  {typed: []string{"servers start WEB-server-01"}, says: "did you mean"},
		"no such backup":          {typed: []string{"backups delete 4711"}, says: "no backup has the id"},
		"no such snapshot":        {typed: []string{"snapshots delete 4711"}, says: "no snapshot has the id"},
		"a backup of another":     {typed: []string{"servers restore db-server-01 backup_id=501"}, says: "is not a backup of"},
		"a wrong id":              {typed: []string{"backups delete x"}, says: "is not an id"},
		"no such operation":       {typed: []string{"servers frobnicate x"}, says: "no action"},
		"nothing to do":           {before: apiAnswers(409, `{"error":"Server is already running."}`), typed: []string{"servers start web-server-01"}, says: "nothing to do"},
		"VPS.org says no":         {before: apiAnswers(409, `{"error":"The server is locked."}`), typed: []string{"servers update web-server-01 name=web-2"}, says: "did not happen"},
		"VPS.org has no such":     {before: apiAnswers(404, `{"error":"Not found."}`), typed: []string{"servers start web-server-01"}, says: "did not happen"},
		"VPS.org wants a pause":   {before: apiAnswers(429, `{"error":"throttled"}`), typed: []string{"servers start web-server-01"}, says: "did not happen"},
		"VPS.org is broken":       {before: apiAnswers(500, `{"error":"oops"}`), typed: []string{"servers start web-server-01"}, says: "not known whether"},
		"VPS.org has no right":    {before: apiAnswers(403, `{"error":"You do not have permission."}`), typed: []string{"backups create web-server-01"}, says: "did not happen"},
		"VPS.org refuses a read":  {before: apiReads(500), typed: []string{"plans list"}, says: "VPS.org"},
		"a dry run":               {typed: []string{"servers update web-server-01 name=web-2 --dry-run"}, says: "Dry run"},
		"a change":                {typed: []string{"servers update web-server-01 name=web-2"}, says: "Changed the settings of web-server-01."},
		"help":                    {typed: []string{"help", "help servers create", "help audit"}, says: "/vps audit"},
		"a list, and one":         {typed: []string{"servers list", "plans list", "account get", "servers get web-server-01"}, says: "2 GB"},
		"what was done and waits": {typed: []string{"servers start web-server-01", "audit", "approvals"}, says: "Nothing waits"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if c.before != nil {
				c.before(w)
			}
			for _, line := range c.typed {
				before := len(w.slack.Ephemerals(lea))
				w.slack.As(lea).In(ops).Type("/vps " + line)
				w.eventually("an answer to "+line, func() bool { return len(w.slack.Ephemerals(lea)) > before })
			}
			w.ephemeral(lea, c.says)
			w.slack.As(lea).OpenHome()
			w.eventually("a Home tab", func() bool { return w.slack.Home(lea) != nil })
			time.Sleep(200 * time.Millisecond) // whatever else is shown of it
			for _, v := range w.versionsSince(time.Time{}) {
				requireSlackWording(t, name, v.Text())
			}
		})
	}
}

func budget(w *world) {
	w.setPolicy(func(p *permissions.Policy) {
		p.Book.Budgets = map[string]permissions.Rate{"deletions": {Most: 0, Within: 10 * time.Minute}}
	})
}

func onlyMax(w *world) {
	w.setPolicy(func(p *permissions.Policy) { p.Book.Rules[1].Who = []permissions.Principal{"max"} })
}

// apiAnswers makes VPS.org answer each change with a status and a body.
func apiAnswers(status int, body string) func(w *world) {
	return answering(func(r *http.Request) bool { return r.Method != http.MethodGet }, status, body)
}

// apiReads makes VPS.org fail the price list.
func apiReads(status int) func(w *world) {
	return answering(func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/plans/") }, status, `{"error":"oops"}`)
}

func answering(to func(*http.Request) bool, status int, body string) func(w *world) {
	return func(w *world) {
		w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
			if !to(r) {
				next.ServeHTTP(rw, r)
				return
			}
			rw.Header().Set("Content-Type", "application/json")
			rw.WriteHeader(status)
			_, _ = io.WriteString(rw, body)
		})
	}
}
