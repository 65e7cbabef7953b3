package runner_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

func TestDeleteNeedsTheNameTyped(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, typed string
		outcome     runner.Outcome
		state       approval.State
		sent        int
	}{
		{"the right name", "web-server-01", runner.Done, approval.Done, 1},
		{"spaces around it, as a phone adds them", " web-server-01 ", runner.Done, approval.Done, 1},
		{"another name", "db-server-01", runner.Declined, approval.Denied, 0},
		{"another case", "Web-Server-01", runner.Declined, approval.Denied, 0},
		{"the id", "12345", runner.Declined, approval.Denied, 0},
		{"nothing", "", runner.Declined, approval.Denied, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			asked := w.run("servers.delete", `{"server":"web-server-01"}`)
			require.Equal(t, runner.ApprovalRequired, asked.Outcome)
			require.Equal(t, "Type web-server-01 to confirm", asked.Card.Question())
			reply := w.answer("servers.delete", asked.Record.ID, c.typed)
			require.Equal(t, c.outcome, reply.Outcome, reply.Message)
			require.Equal(t, c.state, w.onRecord(asked.Record.ID).State)
			require.Len(t, w.sent(), c.sent)
			again := w.answer("servers.delete", asked.Record.ID, "web-server-01")
			require.Len(t, w.sent(), c.sent, "an answer counts once: %s", again.Message)
		})
	}
}

func TestDeclineEndsTheRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked := w.run("servers.reboot", `{"server":"web-server-01"}`)
	require.Empty(t, asked.Card.Confirm, "a yes is enough for what only interrupts")
	reply := w.runner.Answer(t.Context(), call("servers.reboot", ""), runner.Answer{Approval: asked.Record.ID, Channel: permissions.MCP})
	require.Equal(t, runner.Declined, reply.Outcome)
	require.Equal(t, runner.Declined, w.answer("servers.reboot", asked.Record.ID, "").Outcome, "a no is final")
	require.Empty(t, w.sent())
	paused := w.run("servers.reboot", `{"server":"web-server-01"}`)
	require.Equal(t, runner.Refuse, paused.Class)
	require.Contains(t, paused.Message, "a person said no to this very request (approval "+asked.Record.ID)
	require.Equal(t, runner.ApprovalRequired, w.run("servers.stop", `{"server":"web-server-01"}`).Outcome, "another request is another matter")
	w.clock.Advance(10 * time.Minute)
	require.NotEqual(t, asked.Record.ID, w.run("servers.reboot", `{"server":"web-server-01"}`).Record.ID, "later it is a new question")
}

func TestOnlyTheAskerMayAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked := w.run("servers.delete", `{"server":"web-server-01"}`)
	mallory := call("servers.delete", "")
	mallory.Actor = "local:mallory"
	reply := w.runner.Answer(t.Context(), mallory, runner.Answer{Approval: asked.Record.ID, Channel: permissions.Terminal, Yes: true, Text: "web-server-01"})
	require.Equal(t, runner.Refuse, reply.Class, reply.Message)
	_, err := w.runner.Decide(t.Context(), "local:mallory", runner.Answer{Approval: asked.Record.ID, Yes: true, Text: "web-server-01"}, "")
	require.ErrorContains(t, err, "local:alice")
	_, err = w.runner.Cancel(t.Context(), "local:mallory", asked.Record.ID)
	require.Error(t, err)
	require.Equal(t, approval.Pending, w.onRecord(asked.Record.ID).State)
	require.Empty(t, w.sent())
}

func TestAnswerForAnotherOperationIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked := w.run("servers.reboot", `{"server":"web-server-01"}`)
	reply := w.answer("servers.delete", asked.Record.ID, "web-server-01")
	require.Equal(t, runner.Refused, reply.Outcome)
	require.Equal(t, approval.Pending, w.onRecord(asked.Record.ID).State)
	require.Empty(t, w.sent())
}

func TestLateAnswerIsExpired(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked := w.run("servers.delete", `{"server":"web-server-01"}`)
	w.clock.Advance(5 * time.Minute)
	require.Equal(t, runner.Expired, w.answer("servers.delete", asked.Record.ID, "web-server-01").Outcome)
	require.Equal(t, approval.Expired, w.onRecord(asked.Record.ID).State)
	require.Empty(t, w.sent())
}

func TestAskingAgainJoins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.run("servers.delete", `{"server":"web-server-01"}`)
	byID := w.run("servers.delete", `{"server":12345}`)
	require.Equal(t, first.Record.ID, byID.Record.ID, "the name and the id are the same wish")
	other := call("servers.delete", `{"server":"web-server-01"}`)
	other.Actor = "local:bob"
	require.NotEqual(t, first.Record.ID, w.runner.Run(t.Context(), other).Record.ID, "another person's wish is another")
}

func TestApprovedElsewhereRunsOnTheAskersSide(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ask := call("servers.delete", `{"server":"web-server-01"}`)
	ask.CanPrompt = false
	asked := w.runner.Run(t.Context(), ask)
	require.Equal(t, runner.ApprovalRequired, asked.Outcome)
	require.Contains(t, asked.Message, "vpsbot approvals approve "+asked.Record.ID)

	rec, err := w.runner.RunApproved(t.Context(), call("", ""), asked.Record.ID)
	require.NoError(t, err)
	require.Equal(t, approval.Pending, rec.State, "nobody has agreed yet")

	terminal := w.newRunner("process-2", "vps_demo")
	_, err = terminal.Decide(t.Context(), alice, runner.Answer{Approval: asked.Record.ID, Channel: permissions.Terminal, Yes: true, Text: "db-server-01"}, "")
	require.ErrorContains(t, err, "stays open", "a slip of the finger changes nothing here")
	rec, err = terminal.Decide(t.Context(), alice, runner.Answer{Approval: asked.Record.ID, Channel: permissions.Terminal, Yes: true, Text: "web-server-01"}, "")
	require.NoError(t, err)
	require.Equal(t, approval.Approved, rec.State)
	require.Empty(t, w.sent(), "the one who agrees does not run it")

	rec, err = w.runner.RunApproved(t.Context(), call("", ""), asked.Record.ID)
	require.NoError(t, err)
	require.Equal(t, approval.Done, rec.State)
	require.Equal(t, []string{"DELETE /servers/12345/"}, w.sent())

	told := w.runner.Run(t.Context(), ask)
	require.Equal(t, runner.Done, told.Outcome, "the end is told to whoever asks the same next: %s", told.Message)
	require.Equal(t, runner.Invalid, w.runner.Run(t.Context(), ask).Class, "once; then the server is simply gone")
	require.Len(t, w.sent(), 1)
}

func TestChangedTargetIsStale(t *testing.T) {
	t.Parallel()
	server := func(change func(*simulator.Server)) func(*simulator.World) {
		return func(w *simulator.World) { change(w.ServerNamed("web-server-01")) }
	}
	for _, c := range []struct {
		name   string
		change func(*simulator.World)
		says   string
	}{
		{"renamed", server(func(s *simulator.Server) { s.Name = "payroll" }), "payroll"},
		{"stopped", server(func(s *simulator.Server) { s.Status = "stopped" }), "stopped"},
		{"another address", server(func(s *simulator.Server) { s.IPAddress = "203.0.113.99" }), "203.0.113.99"},
		{"another hostname", server(func(s *simulator.Server) { s.Hostname = "pay.example.com" }), "pay.example.com"},
		{"moved", server(func(s *simulator.Server) { s.Location = "us-east" }), "us-east"},
		{"backups switched off", server(func(s *simulator.Server) { s.BackupsEnabled = false }), "backups_enabled"},
		{"gone", func(w *simulator.World) { w.DeleteServer(12345) }, "no server has the id 12345"},
		{"a backup gone", func(w *simulator.World) { delete(w.Backups, 501) }, "backup ids was"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			asked := w.run("servers.delete", `{"server":"web-server-01"}`)
			w.sim.Edit(c.change)
			reply := w.answer("servers.delete", asked.Record.ID, "web-server-01")
			require.Equal(t, runner.Stale, reply.Outcome, reply.Message)
			require.Equal(t, runner.Waiting, reply.Class)
			require.Contains(t, reply.Message, c.says)
			require.Empty(t, w.sent())
		})
	}
}

func TestReplacedUnderTheSameNameIsStale(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked := w.run("servers.delete", `{"server":"web-server-01"}`)
	w.sim.Edit(func(world *simulator.World) {
		old := *world.ServerNamed("web-server-01")
		world.DeleteServer(old.ID)
		world.AddServer(simulator.Server{Name: old.Name, Hostname: old.Hostname, Status: "active", Location: old.Location})
	})
	joined := w.run("servers.delete", `{"server":"web-server-01"}`)
	require.NotEqual(t, asked.Record.ID, joined.Record.ID, "another server of that name is another target")
	require.Equal(t, runner.Stale, w.answer("servers.delete", asked.Record.ID, "web-server-01").Outcome)
	require.Empty(t, w.sent())
}

func TestRevokedPermissionIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked := w.run("servers.delete", `{"server":"web-server-01"}`)
	w.grant("servers:list", "backups:list", "snapshots:list")
	reply := w.answer("servers.delete", asked.Record.ID, "web-server-01")
	require.Equal(t, runner.Refused, reply.Outcome)
	require.Contains(t, reply.Message, "servers:delete")
	require.Equal(t, approval.Refused, w.onRecord(asked.Record.ID).State)
	require.Empty(t, w.sent())
}

func TestThousandAnswersRunOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked := w.run("servers.reboot", `{"server":"web-server-01"}`)
	var wg sync.WaitGroup
	for range 1000 {
		wg.Go(func() { w.answer("servers.reboot", asked.Record.ID, "") })
	}
	wg.Wait()
	require.Equal(t, []string{"POST /servers/12345/reboot/"}, w.sent())
}

func TestOneChangeAtATimeAServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inside, release := w.holdWrite()
	first := make(chan runner.Reply)
	go func() { first <- w.agree("servers.reboot", `{"server":"web-server-01"}`) }()
	<-inside
	stop := w.run("servers.stop", `{"server":"web-server-01"}`)
	busy := w.answer("servers.stop", stop.Record.ID, "")
	require.Equal(t, runner.Busy, busy.Outcome)
	require.Equal(t, runner.Failed, busy.Class)
	require.Contains(t, busy.Message, "another change is running: reboot web-server-01 (")
	require.Equal(t, approval.Pending, w.onRecord(stop.Record.ID).State, "the card stays open")
	require.Equal(t, runner.Done, w.run("backups.create", `{"server":"db-server-01"}`).Outcome, "another server is free")
	close(release)
	require.Equal(t, runner.Done, (<-first).Outcome)
}

func TestAbandonCancelsAnInteractiveRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	here := w.run("servers.reboot", `{"server":"web-server-01"}`)
	w.runner.Abandon(t.Context(), alice, here.Record.ID)
	require.Equal(t, approval.Cancelled, w.onRecord(here.Record.ID).State)

	again := w.run("servers.reboot", `{"server":"web-server-01"}`)
	require.Equal(t, runner.ApprovalRequired, again.Outcome, "who gave up knows it: nothing is told twice")
	require.Equal(t, runner.ApprovalRequired, w.runner.Escalate(t.Context(), again.Op, again.Record.ID, "").Outcome)
	w.runner.Abandon(t.Context(), alice, again.Record.ID)
	require.Equal(t, approval.Pending, w.onRecord(again.Record.ID).State, "a person at a terminal can still answer")
	w.clock.Advance(30 * time.Minute)
	require.Equal(t, runner.Done, w.answer("servers.reboot", again.Record.ID, "").Outcome, "for an hour")
}

// answeredMeanwhile is a store in which somebody answers just before a record is escalated.
type answeredMeanwhile struct {
	approval.Store
	answer func()
}

func (s answeredMeanwhile) Escalate(ctx context.Context, id string, expires time.Time) error {
	s.answer()
	return s.Store.Escalate(ctx, id, expires)
}

// A record that is answered elsewhere while its asker gives the question up has that answer: it is not refused.
func TestAnAnswerBeforeTheEscalationCounts(t *testing.T) {
	t.Parallel()
	for yes, want := range map[bool]runner.Outcome{true: runner.ApprovalRequired, false: runner.Declined} {
		w := newWorld(t)
		asked := w.run("servers.reboot", `{"server":"web-server-01"}`)
		plain := w.runner.Store
		w.runner.Store = func(ctx context.Context) (approval.Store, error) {
			store, err := plain(ctx)
			return answeredMeanwhile{store, func() {
				w.runner.Store = plain
				_, err := w.runner.Decide(ctx, alice, runner.Answer{Approval: asked.Record.ID, Channel: permissions.Terminal, Yes: yes}, "")
				require.NoError(t, err)
			}}, err
		}
		reply := w.runner.Escalate(t.Context(), asked.Op, asked.Record.ID, "")
		require.Equal(t, want, reply.Outcome, reply.Message)
	}
}

func TestChallengeCountsOnceInItsSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked := w.run("servers.delete", `{"server":"web-server-01"}`)
	nonce, err := w.runner.IssueChallenge(t.Context(), *asked.Record, "session-1")
	require.NoError(t, err)
	_, _, err = w.runner.ConsumeChallenge(t.Context(), nonce, "session-2")
	require.Error(t, err, "another session was not asked")
	_, _, err = w.runner.ConsumeChallenge(t.Context(), asked.Record.ID, "session-1")
	require.Error(t, err, "an approval's id is no answer")
	id, automatic, err := w.runner.ConsumeChallenge(t.Context(), nonce, "session-1")
	require.NoError(t, err)
	require.Equal(t, asked.Record.ID, id)
	require.True(t, automatic, "no person answers within the same instant")
	_, _, err = w.runner.ConsumeChallenge(t.Context(), nonce, "session-1")
	require.Error(t, err, "an answer counts once")

	nonce, err = w.runner.IssueChallenge(t.Context(), *asked.Record, "session-1")
	require.NoError(t, err)
	w.clock.Advance(time.Second)
	_, automatic, err = w.runner.ConsumeChallenge(t.Context(), nonce, "session-1")
	require.NoError(t, err)
	require.False(t, automatic)

	nonce, err = w.runner.IssueChallenge(t.Context(), *asked.Record, "session-1")
	require.NoError(t, err)
	w.clock.Advance(5 * time.Minute)
	_, _, err = w.runner.ConsumeChallenge(t.Context(), nonce, "session-1")
	require.Error(t, err, "too late")
}

func TestNoChangeWithoutTheStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.runner.Store = func(context.Context) (approval.Store, error) { return nil, context.DeadlineExceeded }
	reply := w.run("servers.start", `{"server":"web-server-01"}`)
	require.Equal(t, runner.Failed, reply.Class)
	require.Contains(t, reply.Message, "cannot be recorded")
	require.Empty(t, w.sent())
	require.Equal(t, runner.OK, w.run("servers.list", "").Class, "reads go on")
}
