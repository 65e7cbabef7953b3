package slackbot_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/fakeslack"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

// status makes VPS.org report a status of the first server.
func (w *world) status(word string) {
	w.sim.Edit(func(world *simulator.World) {
		s := world.Servers[12345]
		s.Status, s.SettlesAt = word, time.Time{} // it stays so
	})
}

// statusAfterWrites makes VPS.org report a status of the first server after each change.
func (w *world) statusAfterWrites(word string) {
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(rw, r)
		if r.Method != http.MethodGet {
			w.status(word)
		}
	})
}

// countNotifications counts the direct messages to a user; an edit does not notify.
func (w *world) countNotifications(user string) (n int) {
	for _, m := range w.slack.DMs(user) {
		if strings.HasPrefix(m.History()[0].Fallback, "<@"+user+"> ") {
			n++
		}
	}
	return n
}

// The message says done once the server's status has settled, not when VPS.org accepted the request, and
// notifies the requester only then, also after a restart.
func TestDoneMessageAfterWorkSettles(t *testing.T) {
	for name, between := range map[string]func(w *world){
		"in one process": func(*world) {},
		"after a restart": func(w *world) {
			w.stop()
			w.start()
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.statusAfterWrites("pending") // which the simulator leaves as it is
			p, card := w.request(lea, "reboot web-server-01", "Reboots")
			p.Press(card, "confirm")
			m := w.direct(lea, "Accepted, pending")
			for _, v := range m.History() {
				require.NotContains(t, v.Text(), "<@"+lea+"> ⏳")
				require.NotContains(t, v.Text(), "Done")
			}
			between(w)
			w.status("active")
			w.advanceClock(6 * time.Second)
			end := w.direct(lea, "<@"+lea+"> ✅ *Done")
			require.NotEqual(t, m.TS, end.TS, "an edit notifies nobody")
			require.Contains(t, end.Text(), ": active")
			w.eventually("one call", func() bool { return w.countNotifications(lea) == 1 })
			require.Len(t, w.sent(), 1)
		})
	}
}

// A new server has no address when VPS.org accepts it; the last version of its message has one.
func TestNewServerMessageHasAddress(t *testing.T) {
	w := newParallelWorld(t)
	p, card := w.request(lea, "servers create name=web-9 plan_id=1 os_id=5 location=us-west", "Creates")
	p.Press(card, "confirm")
	m := w.direct(lea, ": active")
	var made *simulator.Server
	w.sim.Edit(func(world *simulator.World) { made = world.ServerNamed("web-9") })
	require.Contains(t, m.Text(), made.IPAddress)
}

func TestFailedWork(t *testing.T) {
	w := newParallelWorld(t)
	p, card := w.request(lea, "reboot web-server-01", "Reboots")
	p.Press(card, "confirm")
	w.eventually("it was sent", func() bool { return len(w.sent()) == 1 })
	w.status("reboot_failed")
	m := w.direct(lea, "Ended as")
	require.Contains(t, m.Text(), "reboot_failed")
	require.NotContains(t, m.Now().Text(), "Done")
	var failed []audit.Row
	w.eventually("the row of the failure", func() bool { failed = w.rows(audit.Filter{Outcome: "failed"}); return len(failed) == 1 })
	require.Contains(t, failed[0].Reason, "reboot_failed")
}

// The card shows the outcome of a long call: a running clock does not use up its response_url.
func TestCardShowsOutcomeOfLongCall(t *testing.T) {
	w := newParallelWorld(t)
	release := w.blockAPI(true)
	p, card := w.request(lea, "stop web-server-01", "Stops")
	p.Press(card, "confirm")
	w.eventually("the card says that it runs", func() bool { return strings.Contains(card.Text(), "Running") })
	for range 8 {
		w.advanceClock(6 * time.Second)
		time.Sleep(100 * time.Millisecond)
	}
	release()
	w.eventually("the card says how it ended", func() bool { return strings.Contains(card.Text(), "Done") })
	require.LessOrEqual(t, len(card.History()), 5)
}

// A requester from another surface is mentioned by their Slack id.
func TestAskerIsMentioned(t *testing.T) {
	w := newParallelWorld(t)
	w.runner.Run(t.Context(), fromAssistant("servers.delete", "db-server-01"))
	m := w.posted(approvals, "Deletes")
	require.Contains(t, m.Text(), "key lea-laptop (<@"+lea+">)")
}

func TestUpdateIsAnsweredWhereTyped(t *testing.T) {
	w := newParallelWorld(t)
	w.slack.As(lea).In(ops).Type(change)
	w.ephemeral(lea, "Changed the settings of web-server-01.")
	require.Contains(t, w.direct(lea, "Done").Text(), "web-2", "what was changed is said")
}

// The next page replaces the page before.
func TestPagingReplacesThePage(t *testing.T) {
	t.Parallel()
	w := newWorldWithServers(t, 45)
	p := w.slack.As(lea).In(ops)
	p.Type("/vps servers list")
	m := w.ephemeral(lea, "1 to 20 of 45")
	p.Press(m, "page")
	w.eventually("the next page", func() bool { return strings.Contains(m.Text(), "21 to 40 of 45") })
	require.Len(t, w.slack.Ephemerals(lea), 1)
}

// A suggestion that is no operation is shown without a button.
func TestTypoInHelp(t *testing.T) {
	w := newParallelWorld(t)
	w.slack.As(lea).In(ops).Type("/vps hlp servers")
	w.ephemeral(lea, "help servers")
}

func TestAuditMirrorBeforeIdentity(t *testing.T) {
	t.Parallel()
	w := newStoppedSQLiteWorld(t)
	w.setPolicy(func(p *permissions.Policy) { p.Book.Slack.Audit = ops })
	w.slack.Fail("auth.test", fakeslack.Fault{Status: http.StatusInternalServerError})
	w.startFaultyStore()
	w.eventually("the end of the log is noted", func() bool {
		_, err := w.store.Post(t.Context(), "mirror:rest") // the last cursor
		return err == nil
	})
	require.NoError(t, w.runner.Freeze(t.Context(), "slack:"+lea, permissions.Slack, "first"))
	w.slack.Heal()
	w.posted(ops, "freeze")
}

// A requester at a terminal is notified that the record is approved; nobody else can run it.
func TestTerminalAskerIsNotifiedOfTheirTurn(t *testing.T) {
	w := newParallelWorld(t)
	wish := fromAssistant("servers.stop", "db-server-01")
	wish.Surface, wish.CanPrompt = permissions.Terminal, false
	reply := w.runner.Run(t.Context(), wish)
	asked := w.posted(approvals, "Stops")
	w.slack.As(max).In(approvals).Press(asked, "approve")
	own := w.direct(lea, "Please confirm")
	w.slack.As(lea).Press(own, "confirm")
	m := w.direct(lea, "gives the same command again")
	require.Contains(t, m.Text(), "<@"+lea+">")
	require.Empty(t, w.sent())
	require.NotEmpty(t, reply.Record.ID)
}

// A requester who confirmed on another surface is not asked again.
func TestQuestionAnsweredElsewhere(t *testing.T) {
	w := newParallelWorld(t)
	reply := w.runner.Run(t.Context(), fromAssistant("servers.stop", "db-server-01"))
	own := w.direct(lea, "Please confirm")
	_, err := w.runner.Decide(t.Context(), "key:lea-laptop", runner.Answer{Approval: reply.Record.ID, Channel: permissions.Terminal, Yes: true}, "")
	require.NoError(t, err)
	w.waitNoButtons(own)
	require.Contains(t, own.Text(), "Waits for another person")
}

func TestSecondPressOfApprove(t *testing.T) {
	w := newParallelWorld(t)
	w.blockAPI(true)
	p, card := w.request(lea, "stop db-server-01", "Stops")
	asked := w.posted(approvals, "Stops")
	p.Press(card, "confirm")
	w.eventually("lea agreed", func() bool { return w.records()[0].Approver != "" })
	b := asked.Button("approve")
	w.slack.As(max).In(approvals).PressButton(asked, b)
	w.slack.As(max).In(approvals).PressButton(asked, b)
	w.eventually("max is told", func() bool { return len(w.slack.Ephemerals(max)) > 0 })
	for _, m := range w.slack.Ephemerals(max) {
		require.NotContains(t, m.Text(), "ask for the same again")
	}
}

// The answer to a command does not say done while the work goes on.
func TestAcceptedIsNotDone(t *testing.T) {
	w := newParallelWorld(t)
	w.slack.As(lea).In(ops).Type("/vps backups create web-server-01")
	w.ephemeral(lea, "has accepted it")
	require.Zero(t, w.countEphemerals(lea, "Done"))
}

// The modal of an expired card says that it expired.
func TestModalOfExpiredCard(t *testing.T) {
	w := newParallelWorld(t)
	p, card := w.request(lea, "delete web-server-01", "Deletes")
	p.Press(card, "confirm")
	v := w.modal(lea, "web-server-01")
	w.advanceClock(6 * time.Minute)
	p.Fill(v, map[string]any{"name": "web-server-01"})
	p.Submit(v)
	w.modal(lea, "Nothing was sent")
	require.Contains(t, w.slack.Modal(lea).Text(), "nobody answered in time")
	require.Empty(t, w.sent())
}
