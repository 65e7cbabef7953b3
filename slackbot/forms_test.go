package slackbot_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/fakeslack"
	"github.com/vpsbot/vpsbot/permissions"
)

// form waits until a user's open modal has a field.
func (w *world) form(user, field string) (v *fakeslack.View) {
	w.Helper()
	w.eventually("a form that asks for "+field, func() bool {
		v = w.slack.Modal(user)
		return v != nil && slices.Contains(v.Inputs(), "field:"+field)
	})
	return v
}

func labels(options []fakeslack.Option) (texts []string) {
	for _, o := range options {
		texts = append(texts, o.Text)
	}
	return texts
}

// delayAPI delays each request to VPS.org with a method, or with any if it is empty, at most until the test ends.
func (w *world) delayAPI(method string, d time.Duration) {
	over := make(chan struct{})
	w.Cleanup(func() { close(over) })
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if method == "" || r.Method == method {
			select {
			case <-time.After(d):
			case <-over:
			case <-r.Context().Done():
			}
		}
		next.ServeHTTP(rw, r)
	})
}

func TestFormCompletesCommand(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, w *world) {
		p := w.slack.As(lea).In(ops)
		p.Type("/vps servers create name=web-9 --share")
		v := w.form(lea, "plan_id")
		require.Equal(t, "One moment", firstLine(v.History()[0].Text()), "it was opened before anything was read")
		require.Contains(t, v.Text(), "Starter VPS · 5.00 a month · 1 vCPU · 2048 MB · 40 GB")
		require.Contains(t, v.Text(), "Pick one\neu-central\nus-east\nus-west\nSuch as")
		p.Fill(v, map[string]any{"field:plan_id": "2", "field:os_id": "Debian 12", "field:location": "us-west"})
		require.Empty(t, p.Submit(v).Errors)
		card := w.ephemeral(lea, `Creates the server "web-9" in us-west`)
		require.Contains(t, card.Text(), "10.00 a month")
		require.Equal(t, ops, card.Channel)
		p.Press(card, "confirm")
		w.posted(ops, "Done")
		require.Equal(t, []string{"POST /servers/"}, w.sent())
	})
}

func firstLine(text string) string {
	for _, line := range strings.Split(text, "\n") {
		if line = strings.Trim(line, "⏳… "); line != "" {
			return line
		}
	}
	return ""
}

func TestFormFieldErrors(t *testing.T) {
	w := newParallelWorld(t)
	p := w.slack.As(lea).In(ops)
	p.Type("/vps servers replace web-server-01")
	v := w.form(lea, "hostname")
	p.Fill(v, map[string]any{"field:name": "web 9", "field:hostname": "not a host", "field:backups_enabled": "true"})
	wrong := p.Submit(v).Errors
	require.Len(t, wrong, 2, wrong)
	require.Contains(t, wrong["field:name"], "letters, digits and hyphens")
	require.Contains(t, wrong["field:hostname"], "domain name")
	require.Empty(t, w.records())
	p.Fill(v, map[string]any{"field:name": "web-9", "field:hostname": "web.example.com"})
	require.Empty(t, p.Submit(v).Errors)
	w.direct(lea, "Done")
	require.Equal(t, []string{"PUT /servers/12345/"}, w.sent())
}

func TestFormRefusedByPolicy(t *testing.T) {
	w := newParallelWorld(t)
	w.slack.As(eve).In(ops).Type("/vps servers create")
	w.ephemeral(eve, "servers create` is refused: no rule of the policy allows it")
	require.Empty(t, w.slack.Calls("views.open"))
	w.slack.As(stranger).In(ops).Type("/vps reboot")
	w.ephemeral(stranger, "servers reboot` is refused")
}

func TestFormExpiredTrigger(t *testing.T) {
	w := newParallelWorld(t)
	w.slack.Fail("views.open", fakeslack.Fault{Error: "expired_trigger_id"})
	w.slack.As(lea).In(ops).Type("/vps servers restore")
	m := w.ephemeral(lea, "in time")
	require.Contains(t, m.Text(), "/vps servers restore SERVER backup_id=…")
}

func TestFormRejectedBySlack(t *testing.T) {
	w := newParallelWorld(t)
	w.slack.Fail("views.update", fakeslack.Fault{Error: "internal_error"})
	w.slack.As(lea).In(ops).Type("/vps servers restore")
	w.ephemeral(lea, "could not fill its form")
	w.slack.Fail("views.update", fakeslack.Fault{Status: 429, RetryAfter: 1, Error: "ratelimited", Times: 1})
	w.slack.As(max).In(ops).Type("/vps servers restore")
	w.form(max, "backup_id")
}

// A list that the user may not read offers no choices: the field is a text input.
func TestFormChoicesFollowPolicy(t *testing.T) {
	w := newParallelWorld(t)
	w.setPolicy(func(p *permissions.Policy) {
		p.Book.Rules = append(p.Book.Rules, permissions.Rule{
			Name: "no plans", Effect: permissions.Deny, Who: []permissions.Principal{"lea"}, Operations: []permissions.Glob{"plans.list"},
		}, permissions.Rule{
			Name: "no db", Effect: permissions.Deny, Who: []permissions.Principal{"lea"}, Servers: []permissions.ServerPattern{"db-*"},
		})
	})
	p := w.slack.As(lea).In(ops)
	p.Type("/vps servers create")
	v := w.form(lea, "plan_id")
	require.NotContains(t, v.Text(), "a month")
	require.Contains(t, v.Text(), "Ubuntu 22.04")
	require.NotContains(t, v.Text(), "Debian 12", "it runs on the other server alone")
	p.Fill(v, map[string]any{"field:plan_id": "007"})
	p.Fill(v, map[string]any{"field:name": "web-9", "field:os_id": "5", "field:location": "us-west"})
	require.Contains(t, p.Submit(v).Errors, "field:plan_id")
}

func TestFormChoicesOfServer(t *testing.T) {
	w := newParallelWorld(t)
	p := w.slack.As(lea).In(ops)
	p.Type("/vps servers restore web-server-01")
	v := w.form(lea, "backup_id")
	require.Contains(t, v.Text(), " UTC · web-server-01 · ")
	require.NotContains(t, v.Text(), "db-server-01")
	p.In(ops).Type("/vps snapshots restore")
	v = w.form(lea, "snapshot_id")
	require.Contains(t, v.Text(), "nightly-a · 2025-03-01 01:00 UTC · web-server-01")
}

// A picker accepts a typed value that is not among its choices.
func TestFormKeepsTypedFields(t *testing.T) {
	w := newParallelWorld(t)
	p := w.slack.As(lea).In(ops)
	p.Type("/vps servers restore backup_id=501 --dry-run")
	v := w.form(lea, "server")
	p.Fill(v, map[string]any{"field:server": "12345"})
	require.Empty(t, p.Submit(v).Errors)
	w.ephemeral(lea, "with backup 501")
	require.Empty(t, w.sent())
	require.Empty(t, w.records(), "a dry run asks nobody, and the form has no field for it")
}

func TestWordsForIDs(t *testing.T) {
	w := newParallelWorld(t)
	p := w.slack.As(lea).In(ops)
	p.Type("/vps servers restore web-server-01 backup_id=latest --dry-run")
	w.ephemeral(lea, "with backup 501")
	p.Type("/vps servers restore web-server-01 backup_id=2025-01-14 --dry-run")
	w.ephemeral(lea, "with backup 499")
	p.Type("/vps servers create name=web-9 plan_id=huge os_id=5 location=us-west")
	w.ephemeral(lea, "no plan is called")
}

func TestServerSuggestions(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, w *world) {
		p := w.slack.As(lea).In(ops)
		p.Type("/vps reboot")
		v := w.form(lea, "server")
		require.Equal(t, []string{"db-server-01 (12346)", "web-server-01 (12345)"}, labels(p.Suggest(v, "field:server", "")))
		require.Equal(t, []string{"web-server-01 (12345)"}, labels(p.Suggest(v, "field:server", "WEB")))
		require.Equal(t, []string{"db-server-01 (12346)"}, labels(p.Suggest(v, "field:server", "12346")))
		require.Empty(t, p.Suggest(v, "field:server", "mail"))
	})
}

func TestServerSuggestionsFollowPolicy(t *testing.T) {
	w := newParallelWorld(t)
	w.setPolicy(func(p *permissions.Policy) {
		p.Book.Rules = append(p.Book.Rules, permissions.Rule{
			Name: "no db here", Effect: permissions.Deny, Who: []permissions.Principal{"*"}, Where: []permissions.Place{"slack:" + ops}, Servers: []permissions.ServerPattern{"db-*"},
		})
	})
	p := w.slack.As(lea).In(ops)
	p.Type("/vps reboot")
	v := w.form(lea, "server")
	require.Equal(t, []string{"web-server-01 (12345)"}, labels(p.Suggest(v, "field:server", "")), "a form knows the channel it came from")
	p.CloseView(v)
	p = w.slack.As(lea).In(approvals)
	p.Type("/vps reboot")
	require.Len(t, p.Suggest(w.form(lea, "server"), "field:server", ""), 2)
}

func TestServerSuggestionsWhileAPIHangs(t *testing.T) {
	w := newWorld(t)
	p := w.slack.As(lea).In(ops)
	p.Type("/vps reboot")
	v := w.form(lea, "server")
	require.Len(t, p.Suggest(v, "field:server", ""), 2)
	w.delayAPI(http.MethodGet, 20*time.Second)
	w.advanceClock(31 * time.Second)
	began := time.Now()
	require.Len(t, p.Suggest(v, "field:server", ""), 2, "the older list")
	require.Less(t, time.Since(began), 900*time.Millisecond)
	w.advanceClock(6 * time.Minute)
	require.Empty(t, p.Suggest(v, "field:server", ""), "a list that old may hold what is no longer theirs to read")
}

func TestServerSuggestionsAfterSlowRead(t *testing.T) {
	w := newWorld(t)
	p := w.slack.As(lea).In(ops)
	p.Type("/vps reboot")
	v := w.form(lea, "server")
	w.delayAPI(http.MethodGet, 900*time.Millisecond)
	require.Empty(t, p.Suggest(v, "field:server", "w"))
	w.eventually("the next letter finds it", func() bool { return len(p.Suggest(v, "field:server", "we")) == 1 })
}

func TestFormAfterResponseURLExpired(t *testing.T) {
	w := newParallelWorld(t)
	p := w.slack.As(lea).In(ops)
	p.Type("/vps servers get")
	v := w.form(lea, "server")
	w.advanceClock(time.Hour) // the response_url has expired
	p.Fill(v, map[string]any{"field:server": "12345"})
	require.Empty(t, p.Submit(v).Errors)
	w.direct(lea, "203.0.113.10")
}

// newWorldWithServers makes a world whose account has a number of servers.
func newWorldWithServers(t *testing.T, servers int) *world {
	w := newStoppedSQLiteWorld(t)
	w.sim = simulator.New(simulator.Options{Speed: 60, Servers: servers})
	w.start()
	return w
}
