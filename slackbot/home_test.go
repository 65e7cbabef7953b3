package slackbot_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/permissions"
)

// openHome opens the tab for the first time. An unknown user must press Refresh.
func (w *world) openHome(user string) {
	w.Helper()
	p := w.slack.As(user)
	p.OpenHome()
	if user != lea && user != max { // whom the policy lists
		p.Press(w.slack.WaitHome(user, "Press Refresh once"), "home_refresh")
	}
}

func TestHome(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, w *world) {
		w.slack.As(lea).In(ops).Type("/vps stop db-server-01")
		w.ephemeral(lea, "Stops")
		w.slack.As(lea).OpenHome()
		v := w.slack.WaitHome(lea, "Wait for your own confirmation")
		require.Contains(t, v.Text(), "web-server-01")
		require.Contains(t, v.Text(), "What you did lately")
		require.Contains(t, v.Text(), "/vps servers delete")
		require.Contains(t, v.Buttons(), "Confirm")

		w.openHome(max)
		v = w.slack.WaitHome(max, "Wait for your approval")
		require.Contains(t, v.Buttons(), "Approve")
		require.NotContains(t, v.Text(), "What you did lately")

		w.openHome(eve)
		v = w.slack.WaitHome(eve, "web-server-01")
		require.NotContains(t, v.Text(), "Wait for")
		require.NotContains(t, v.Text(), "/vps servers delete")
	})
}

// An answered record leaves the tab.
func TestHomeAnswers(t *testing.T) {
	w := newParallelWorld(t)
	w.slack.As(lea).In(ops).Type("/vps stop db-server-01")
	w.posted(approvals, "Stops")
	p := w.slack.As(max)
	p.OpenHome()
	p.Press(w.slack.WaitHome(max, "Wait for your approval"), "approve")
	w.eventually("it is gone", func() bool { return !strings.Contains(w.slack.Home(max).Text(), "Wait for your approval") })
	p = w.slack.As(lea)
	p.OpenHome()
	p.Press(w.slack.WaitHome(lea, "Wait for your own confirmation"), "confirm")
	w.waitDone()
	require.Len(t, w.sent(), 1)
}

func TestHomePagingAndFilter(t *testing.T) {
	t.Parallel()
	w := newWorldWithServers(t, 45)
	p := w.slack.As(lea)
	w.openHome(lea)
	v := w.slack.WaitHome(lea, "1 to 20 of 45 servers")
	p.Press(v, "home_page")
	v = w.slack.WaitHome(lea, "21 to 40 of 45 servers")
	p.Press(v, "home_refresh")
	w.eventually("the same page anew", func() bool { return len(w.slack.Home(lea).History()) == 3 })
	require.Contains(t, w.slack.Home(lea).Text(), "21 to 40 of 45 servers")
	p.Press(v, "home_page_prev")
	v = w.slack.WaitHome(lea, "1 to 20 of 45 servers")
	p.Choose(v, "home_filter", "DB-server-01")
	v = w.slack.WaitHome(lea, "1 server")
	require.Contains(t, v.Text(), "db-server-01")
	require.NotContains(t, v.Text(), "web-server-01")
	p.Press(v, "home_refresh")
	w.eventually("the same servers anew", func() bool { return len(w.slack.Home(lea).History()) == 6 })
	require.NotContains(t, w.slack.Home(lea).Text(), "web-server-01")
}

func TestHomeOfExternalPerson(t *testing.T) {
	w := newParallelWorld(t)
	p := w.slack.As(stranger)
	p.OpenHome()
	v := w.slack.WaitHome(stranger, "Press Refresh once")
	p.Press(v, "home_refresh")
	w.openHome(lea)
	w.slack.WaitHome(lea, "web-server-01")
	p.OpenHome()
	time.Sleep(100 * time.Millisecond)
	for _, version := range v.History() {
		require.NotContains(t, version.Text(), "web-server-01")
	}
}

// The tab shows the person's own running records and those on servers they may read, no others.
func TestHomeRunningRecords(t *testing.T) {
	w := newParallelWorld(t)
	w.setPolicy(func(p *permissions.Policy) {
		p.Book.Rules = append(p.Book.Rules, permissions.Rule{
			Name: "eve sees no web", Effect: permissions.Deny, Who: []permissions.Principal{"slack:" + eve}, Servers: []permissions.ServerPattern{"web-*"},
		})
	})
	w.blockAPI(true)
	w.slack.As(lea).In(ops).Type("/vps servers start web-server-01")
	w.eventually("it runs", func() bool { return len(w.records()) == 1 && w.records()[0].State == "executing" })
	w.openHome(max)
	v := w.slack.WaitHome(max, "Running")
	require.Contains(t, v.Text(), "Start a server")
	w.openHome(eve)
	v = w.slack.WaitHome(eve, "db-server-01")
	require.NotContains(t, v.Text(), "Running")
	require.NotContains(t, v.Text(), "web-server-01")
}

func TestHomeWhileAPIFails(t *testing.T) {
	w := newParallelWorld(t)
	require.NoError(t, w.runner.Freeze(t.Context(), "slack:"+lea, permissions.Slack, "moving house"))
	w.sim.Intercept(func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) { rw.WriteHeader(http.StatusForbidden) })
	w.advanceClock(2 * time.Minute)
	w.openHome(lea)
	v := w.slack.WaitHome(lea, "All changes are frozen")
	require.Contains(t, v.Text(), "moving house")
	require.NotEmpty(t, w.rows(audit.Filter{Operation: "freeze"}))
	require.Contains(t, v.Text(), "permissions cannot be read")
}
