package slackbot_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

func TestReadIsEphemeral(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, w *world) {
		ack := w.slack.As(eve).In(ops).Type("/vps servers list")
		require.True(t, ack.OK())
		m := w.ephemeral(eve, "web-server-01")
		require.Contains(t, m.Text(), "db-server-01")
		require.Empty(t, w.slack.Messages(ops))
		w.slack.As(eve).In(ops).Type("/vps ls --share")
		w.posted(ops, "web-server-01")
	})
}

// A refusal; then card, button, modal, wrong name, right name, and one DELETE.
func TestDelete(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, w *world) {
		w.slack.As(eve).In(ops).Type("/vps servers delete web-server-01")
		w.ephemeral(eve, "no rule of the policy allows it")
		require.Empty(t, w.sent())

		p, card := w.request(lea, "servers delete web-server-01", "Deletes")
		require.Contains(t, card.Text(), "203.0.113.10")
		p.Press(card, "confirm")
		v := w.modal(lea, "web-server-01")
		p.Fill(v, map[string]any{"name": "web-server-1"})
		wrong := p.Submit(v)
		require.Contains(t, wrong.Errors, "name")
		require.Empty(t, w.sent())

		p.Fill(v, map[string]any{"name": "web-server-01"})
		right := p.Submit(v)
		require.Empty(t, right.Errors)
		w.eventually("it was deleted", func() bool { return len(w.sent()) == 1 })
		require.Equal(t, []string{"DELETE /servers/12345/"}, w.sent())
		live := w.direct(lea, "Done")
		require.Contains(t, live.Text(), "<@"+lea+">")
		w.waitNoButtons(card)
		require.Equal(t, approval.Done, w.records()[0].State)

		w.eventually("one call an operation", func() bool { return w.countNotifications(lea) == 1 })
	})
}

func TestDisruptiveNeedsNoTypedName(t *testing.T) {
	w := newParallelWorld(t)
	p, card := w.request(lea, "reboot web-server-01", "Reboots")
	p.Press(card, "confirm")
	w.direct(lea, "Done")
	require.Equal(t, []string{"POST /servers/12345/reboot/"}, w.sent())
	w.direct(lea, ": active")
}

func TestDoubleClick(t *testing.T) {
	w := newParallelWorld(t)
	p, card := w.request(lea, "stop web-server-01", "Stops")
	b := card.Button("confirm")
	p.PressButton(card, b)
	p.PressButton(card, b)
	w.direct(lea, "Done")
	time.Sleep(200 * time.Millisecond)
	require.Len(t, w.sent(), 1)
}

func TestCancel(t *testing.T) {
	w := newParallelWorld(t)
	p, card := w.request(lea, "stop web-server-01", "Stops")
	b := card.Button("confirm")
	p.Press(card, "cancel")
	w.waitNoButtons(card)
	p.PressButton(card, b)
	w.ephemeral(lea, "denied")
	require.Empty(t, w.sent())
}

// Another person's press is refused, with the reason.
func TestPressOfAnotherPerson(t *testing.T) {
	w := newParallelWorld(t)
	_, card := w.request(lea, "stop web-server-01", "Stops")
	w.slack.As(max).In(ops).PressButton(card, card.Button("confirm"))
	w.ephemeral(max, "who asked")
	require.Empty(t, w.sent())
	require.Equal(t, approval.Pending, w.records()[0].State)
}

func TestStaleCard(t *testing.T) {
	w := newParallelWorld(t)
	p, card := w.request(lea, "stop web-server-01", "Stops")
	w.sim.Edit(rename("web-renamed"))
	p.Press(card, "confirm")
	w.direct(lea, "web-renamed")
	require.Empty(t, w.sent())
	w.waitNoButtons(card)
}

func TestSecondPersonApproves(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, w *world) {
		p, card := w.request(lea, "stop db-server-01", "Stops")
		asked := w.posted(approvals, "Stops")
		require.Contains(t, asked.Text(), "<@"+lea+">")
		require.Contains(t, asked.Text(), "max", "who may approve is said")
		w.slack.As(lea).In(approvals).Press(asked, "approve")
		w.ephemeral(lea, "another person must approve it")
		given, err := w.store.Consents(t.Context(), w.records()[0].ID)
		require.NoError(t, err)
		require.Empty(t, given)

		p.Press(card, "confirm")
		w.slack.As(eve).In(approvals).Press(asked, "approve")
		w.ephemeral(eve, "belongs to nobody")
		require.Empty(t, w.sent())

		w.slack.As(max).In(approvals).Press(asked, "approve")
		w.eventually("it ran", func() bool { return len(w.sent()) == 1 })
		w.posted(approvals, "Done")
		require.Contains(t, asked.Text(), max)
		w.direct(lea, "Done")
	})
}

func TestSecondPersonDenies(t *testing.T) {
	w := newParallelWorld(t)
	w.slack.As(lea).In(ops).Type("/vps delete db-server-01")
	asked := w.posted(approvals, "Deletes")
	p := w.slack.As(max).In(approvals)
	p.Press(asked, "deny")
	v := w.modal(max, "")
	p.Fill(v, map[string]any{"reason": "not on a Friday"})
	p.Submit(v)
	w.posted(approvals, "not on a Friday")
	w.direct(lea, "not on a Friday")
	require.Equal(t, approval.Denied, w.records()[0].State)
	require.Empty(t, w.sent())
}

// An assistant asks over MCP; its person is asked in Slack; the assistant's side runs it.
func TestAssistantsRequest(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, w *world) {
		assistant := w.newRunner("assistant", w.store)
		call := runner.Call{Operation: "servers.delete", Input: []byte(`{"server":"web-server-01"}`), Actor: "key:lea-laptop", Surface: permissions.MCP, CanPrompt: true}
		reply := assistant.Run(t.Context(), call)
		require.Equal(t, runner.ApprovalRequired, reply.Outcome, reply.Message)
		card := w.direct(lea, "key lea-laptop")
		p := w.slack.As(lea)
		p.Press(card, "confirm")
		v := w.modal(lea, "web-server-01")
		p.Fill(v, map[string]any{"name": "web-server-01"})
		p.Submit(v)
		w.eventually("it is approved", func() bool { return w.records()[0].State == approval.Approved })
		require.Empty(t, w.sent(), "the requester's process runs it")
		_, err := assistant.RunApproved(t.Context(), call, reply.Record.ID)
		require.NoError(t, err)
		w.direct(lea, "Done")
		require.Len(t, w.sent(), 1)
	})
}

func TestExternalPersonIsRefused(t *testing.T) {
	w := newParallelWorld(t)
	w.slack.As(stranger).In(ops).Type("/vps servers list")
	w.ephemeral(stranger, "no rule of the policy")
	w.setPolicy(func(p *permissions.Policy) {
		p.Book.Rules[0].Who = []permissions.Principal{"*", permissions.External}
	})
	w.slack.As(stranger).In(ops).Type("/vps servers list")
	w.ephemeral(stranger, "web-server-01")
}

func TestAcknowledgedDeliverySurvivesRestart(t *testing.T) {
	w := newWorld(t)
	w.slack.Down(true)
	w.slack.As(lea).In(ops).Type(change)
	w.stop()
	w.slack.Down(false)
	w.start()
	w.direct(lea, "Done")
}
