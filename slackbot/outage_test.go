package slackbot_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/fakeslack"
)

// waitDone waits until the only record is done.
func (w *world) waitDone() {
	w.Helper()
	w.eventually("it is done", func() bool {
		all := w.records()
		return len(all) == 1 && all[0].State == approval.Done
	})
}

const change = "/vps servers update web-server-01 name=web-2"

// The requester gets the outcome by the way that Slack still accepts.
func TestOutcomeDespiteSlackErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		wrong func(w *world)
		heard func(w *world) *fakeslack.Message
	}{
		{"nothing is wrong", func(*world) {}, func(w *world) *fakeslack.Message { return w.posted(ops, "Done") }},
		{"the channel is archived", func(w *world) { w.slack.ArchiveChannel(ops) }, func(w *world) *fakeslack.Message { return w.direct(lea, "Done") }},
		{"the bot was thrown out", func(w *world) { w.slack.KickBot(ops) }, func(w *world) *fakeslack.Message { return w.direct(lea, "Done") }},
		{"Slack says 429", func(w *world) {
			w.slack.Fail("chat.postMessage", fakeslack.Fault{Status: 429, RetryAfter: 1, Times: 2})
		}, func(w *world) *fakeslack.Message { return w.posted(ops, "Done") }},
		{"Slack says 500", func(w *world) { w.slack.Fail("*", fakeslack.Fault{Status: 500, Times: 3}) }, func(w *world) *fakeslack.Message { return w.posted(ops, "Done") }},
		{"Slack breaks off", func(w *world) { w.slack.Fail("*", fakeslack.Fault{Drop: true, Times: 3}) }, func(w *world) *fakeslack.Message { return w.posted(ops, "Done") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			c.wrong(w)
			w.slack.As(lea).In(ops).Type(change + " --share")
			w.waitDone()
			c.heard(w)
			require.Len(t, w.sent(), 1)
		})
	}
}

// A deleted message is replaced by one in its thread.
func TestDeletedMessageContinuesInThread(t *testing.T) {
	w := newParallelWorld(t)
	_, card := w.request(lea, "stop web-server-01 --share", "Stops")
	live := w.posted(ops, "Stop a server")
	w.slack.DeleteMessage(live)
	w.slack.As(lea).In(ops).Press(card, "confirm")
	w.posted(ops, "Done")
	w.eventually("its thread was tried", func() bool {
		threads := w.slack.Calls("chat.postMessage")
		return slices.ContainsFunc(threads, func(c fakeslack.Call) bool { return c.Params["thread_ts"] == live.TS })
	})
}

func TestExpiredCard(t *testing.T) {
	w := newParallelWorld(t)
	p, card := w.request(lea, "stop web-server-01", "Stops")
	b := card.Button("confirm")
	w.advanceClock(6 * time.Minute)
	w.ephemeral(lea, "Expired")
	w.direct(lea, "Expired")
	p.PressButton(card, b)
	w.ephemeral(lea, "nobody answered in time")
	require.Empty(t, w.sent())
}

// A press on the card of a record that has ended shows the outcome, and runs nothing.
func TestPressOnOldCard(t *testing.T) {
	t.Parallel()
	for name, later := range map[string]time.Duration{"at once": 0, "after the response_url expired": time.Hour} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p, card := w.request(lea, "stop web-server-01", "Stops")
			b := card.Button("confirm")
			p.Press(card, "confirm")
			w.waitDone()
			w.advanceClock(later)
			p.PressButton(card, b)
			w.ephemeral(lea, "Nothing was sent now. VPS.org has accepted it: web-server-01 is stopping.")
			require.Len(t, w.sent(), 1)
		})
	}
}

// Two replicas carry a request out once.
func TestReplicas(t *testing.T) {
	w := newParallelWorld(t)
	p, card := w.request(lea, "stop web-server-01", "Stops")
	first := w.stop
	w.start() // a second process beside the first: Slack's deliveries go to it from now on
	second := w.stop
	w.stop = func() { second(); first() }
	p.Press(card, "confirm")
	w.direct(lea, "Done")
	require.Len(t, w.sent(), 1)
	w.eventually("one call an operation", func() bool { return w.countNotifications(lea) == 1 })
}

// Names from VPS.org mention nobody, make no link and imitate no button.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"web-<!channel>", "web-<https://evil.example|click>", "web-*bold*_x_`code`", "web-&amp;<@" + max + ">", "web-" + strings.Repeat("a", 400)} {
		w := newWorld(t)
		w.sim.Edit(rename(name))
		w.slack.As(lea).In(ops).Type("/vps servers list")
		w.ephemeral(lea, "db-server-01")
		w.slack.As(lea).In(ops).Type("/vps stop 12345")
		w.ephemeral(lea, "Stops")
	}
}
