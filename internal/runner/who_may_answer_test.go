package runner_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

// newSlackTeam is a team that can be asked in Slack: alice there too, bob there alone.
func newSlackTeam(t testing.TB) *world {
	w := newTeam(t)
	w.policy.Book.People[0].Identities = append(w.policy.Book.People[0].Identities, "slack:U0ALICE")
	w.policy.Book.People[1].Identities = []permissions.Actor{"slack:U0BOB"}
	w.policy.Book.Rules = append(w.policy.Book.Rules, permissions.Rule{
		Name: "all delete backups", Effect: permissions.Allow, Who: []permissions.Principal{"*"}, Operations: []permissions.Glob{"backups.delete"},
	})
	w.runner.Slack = func(context.Context) bool { return true }
	return w
}

const backup = `{"backup_id":"501"}`

// What an assistant wants to destroy is asked in Slack, where that is connected: the assistant's
// own client might answer by itself.
func TestDestructionOverMCPIsAskedInSlack(t *testing.T) {
	t.Parallel()
	w := newSlackTeam(t)
	asked := w.run("backups.delete", backup)
	require.Equal(t, runner.ApprovalRequired, asked.Outcome, asked.Message)
	require.Contains(t, asked.Message, "asked in Slack")
	require.Equal(t, approval.Async, asked.Record.AnswerMode)
	require.False(t, w.runner.MayCarry(t.Context(), *asked.Record, permissions.MCP))

	reply := w.answer("backups.delete", asked.Record.ID, asked.Card.Confirm)
	require.Equal(t, runner.Refuse, reply.Class, "an answer over MCP does not count: %s", reply.Message)
	rec, err := w.runner.Decide(t.Context(), "slack:U0ALICE", runner.Answer{Approval: asked.Record.ID, Channel: permissions.Slack, Yes: true, Text: asked.Card.Confirm}, "")
	require.NoError(t, err)
	require.Equal(t, approval.Approved, rec.State)
	rec, err = w.runner.RunApproved(t.Context(), call("", ""), rec.ID)
	require.NoError(t, err)
	require.Equal(t, approval.Done, rec.State, rec.Message)
}

func TestDestructionOverMCPIsAskedThereWithoutSlack(t *testing.T) {
	t.Parallel()
	w := newSlackTeam(t)
	w.runner.Slack = func(context.Context) bool { return false }
	require.Equal(t, runner.Done, w.agree("backups.delete", backup).Outcome)
}

func TestPolicyDecidesTheAnswerChannels(t *testing.T) {
	t.Parallel()
	w := newSlackTeam(t)
	w.policy.Book.Confirm = map[permissions.Risk][]permissions.Surface{permissions.Destructive: {permissions.MCP}}
	require.Equal(t, runner.Done, w.agree("backups.delete", backup).Outcome)
}

// A form over HTTP answers for what destroys only where the policy's confirm names mcp; elsewhere Slack and a
// terminal do.
func TestFormsOverHTTP(t *testing.T) {
	t.Parallel()
	mcp, elsewhere := []permissions.Surface{permissions.MCP}, []permissions.Surface{permissions.Slack, permissions.Terminal}
	const reboot, remove = "servers.reboot", "backups.delete"
	for _, c := range []struct {
		name, operation string
		confirm         []permissions.Surface // of the operation's risk
		slack, counts   bool
	}{
		{"what interrupts", reboot, nil, false, true},
		{"what interrupts, with Slack", reboot, nil, true, true},
		{"what interrupts, asked elsewhere", reboot, elsewhere, false, false},
		{"what destroys", remove, nil, false, false},
		{"what destroys, with Slack", remove, nil, true, false},
		{"what destroys, asked elsewhere", remove, elsewhere, false, false},
		{"what destroys, where confirm names mcp", remove, mcp, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newSlackTeam(t)
			w.runner.Slack = func(context.Context) bool { return c.slack }
			input, risk := backup, permissions.Destructive
			if c.operation == reboot {
				input, risk = `{"server":"web-server-01"}`, permissions.Disruptive
			}
			if c.confirm != nil {
				w.policy.Book.Confirm = map[permissions.Risk][]permissions.Surface{risk: c.confirm}
			}
			wish := call(c.operation, input)
			wish.Remote = true
			asked := w.runner.Run(t.Context(), wish)
			require.Equal(t, runner.ApprovalRequired, asked.Outcome, asked.Message)
			rec := *asked.Record
			require.Equal(t, c.counts, rec.AnswerMode == approval.Interactive)
			require.Equal(t, approval.ServeSession, rec.Session)
			require.True(t, rec.Origin().Remote)
			require.Equal(t, c.counts, w.runner.MayPrompt(t.Context(), wish, rec))
			require.Equal(t, c.counts, w.runner.MayCarry(t.Context(), rec, permissions.MCP))

			yes := runner.Answer{Approval: rec.ID, Channel: permissions.MCP, Yes: true, Text: rec.Confirm}
			reply := w.runner.Answer(t.Context(), wish, yes)
			if !c.counts {
				require.Equal(t, runner.Refuse, reply.Class, reply.Message)
				_, err := w.runner.Decide(t.Context(), alice, yes, "")
				require.ErrorContains(t, err, "does not let mcp carry a yes")
				require.Empty(t, w.sent())
				yes.Channel = permissions.Terminal
				_, err = w.runner.Decide(t.Context(), alice, yes, "")
				require.NoError(t, err)
				rec, err = w.runner.RunApproved(t.Context(), w.runner.CallOf(rec), rec.ID)
				require.NoError(t, err)
				require.Equal(t, approval.Done, rec.State, rec.Message)
			} else {
				require.Equal(t, runner.Done, reply.Outcome, reply.Message)
			}
			require.Len(t, w.sent(), 1)
		})
	}
}

// A question that was made on stdio or at a terminal gets no answer over HTTP either, at any replica.
func TestAQuestionOfElsewhereOverHTTP(t *testing.T) {
	t.Parallel()
	for _, surface := range []permissions.Surface{permissions.MCP, permissions.Terminal} {
		w := newSlackTeam(t)
		w.runner.Slack = nil
		here := call("backups.delete", backup)
		here.Surface = surface
		first := w.runner.Run(t.Context(), here)
		there := call("backups.delete", backup)
		there.Remote = true
		asked := w.runner.Run(t.Context(), there)
		require.Equal(t, first.Record.ID, asked.Record.ID)
		require.Equal(t, approval.Async, asked.Record.AnswerMode, "it can be answered elsewhere alone")
		require.True(t, w.runner.MayPrompt(t.Context(), here, *asked.Record))
		require.False(t, w.runner.MayPrompt(t.Context(), there, *asked.Record))
		yes := runner.Answer{Approval: asked.Record.ID, Channel: permissions.MCP, Yes: true, Text: asked.Card.Confirm}
		require.Equal(t, runner.Refuse, w.runner.Answer(t.Context(), there, yes).Class)
		yes.Remote = true
		_, err := w.runner.Decide(t.Context(), alice, yes, "")
		require.Error(t, err)
		require.Equal(t, approval.Pending, w.onRecord(asked.Record.ID).State)
	}
}

// Where Slack cannot ask the very person who asked, somebody whom the policy would let do the
// same answers for them; nobody does where it can.
func TestDelegateOfAnAskerWhomSlackDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, asker, who string
		counts           bool
	}{
		{"the asker is unknown in Slack", "key:ci", "slack:U0BOB", true},
		{"the one who answers is nobody", "key:ci", "slack:U0NOBODY", false},
		{"the asker can be asked", "key:alice-laptop", "slack:U0BOB", false},
		{"not from a terminal", "key:ci", "key:carol-laptop", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newSlackTeam(t)
			wish := call("backups.delete", backup)
			wish.Actor = permissions.Actor(c.asker)
			asked := w.runner.Run(t.Context(), wish)
			require.Equal(t, runner.ApprovalRequired, asked.Outcome, asked.Message)
			a := runner.Answer{Approval: asked.Record.ID, Channel: permissions.Slack, Yes: true, Text: asked.Card.Confirm}
			if c.who == "key:carol-laptop" {
				a.Channel = permissions.Terminal
			}
			rec, err := w.runner.Decide(t.Context(), permissions.Actor(c.who), a, "")
			if !c.counts {
				require.Error(t, err)
				require.Equal(t, approval.Pending, w.onRecord(asked.Record.ID).State)
				return
			}
			require.NoError(t, err)
			require.Equal(t, approval.Approved, rec.State)
			rec, err = w.runner.RunApproved(t.Context(), wish, rec.ID)
			require.NoError(t, err)
			require.Equal(t, approval.Done, rec.State, rec.Message)
		})
	}
}

func TestWhyNamesTheDecidingRule(t *testing.T) {
	t.Parallel()
	w := newTeam(t)
	for _, c := range []struct{ operation, input, want string }{
		{"servers.delete", `{"server":"web-server-01"}`, `servers.delete is allowed by the policy's rule “two delete”. It needs the name typed, and the consent of another person: alice, bob.`},
		{"servers.stop", `{"server":"db-server-01"}`, "servers.stop is allowed, and the policy protects the server. It needs your yes, and the consent of another person: bob."},
		{"servers.start", `{"server":"web-server-01"}`, `servers.start is allowed by the policy's rule “all run web”. It needs nobody's consent.`},
		{"servers.create", "", "servers.create is refused: no rule of the policy allows it to local:alice from mcp"},
		{"servers.stop", `{"server":"web-server-1"}`, `no server is called “web-server-1”; did you mean “web-server-01” or “db-server-01”?`},
		{"servers.stopp", "", `no operation is called “servers.stopp”; did you mean servers.stop?`},
	} {
		require.Equal(t, c.want, w.runner.Why(t.Context(), call(c.operation, c.input)), c.operation+c.input)
	}
	require.Empty(t, w.sent())
}

func TestOnRecordIsCalledWithTheRecord(t *testing.T) {
	t.Parallel()
	for operation, input := range map[string]string{"servers.start": `{"server":"web-server-01"}`, "servers.delete": `{"server":"web-server-01"}`} {
		w := newWorld(t)
		var told []string
		c := call(operation, input)
		c.OnRecord = func(rec approval.Record) { told = append(told, rec.ID) }
		reply := w.runner.Run(t.Context(), c)
		require.NotNil(t, reply.Record, reply.Message)
		require.Equal(t, []string{reply.Record.ID}, told)
	}
}

// Whoever answered for an asker must still be allowed to when it runs.
func TestDelegatesRightIsCheckedAgain(t *testing.T) {
	t.Parallel()
	w := newSlackTeam(t)
	wish := call("backups.delete", backup)
	wish.Actor = "key:ci"
	asked := w.runner.Run(t.Context(), wish)
	_, err := w.runner.Decide(t.Context(), "slack:U0BOB", runner.Answer{Approval: asked.Record.ID, Channel: permissions.Slack, Yes: true, Text: asked.Card.Confirm}, "")
	require.NoError(t, err)
	w.policy.Book.People[1].Identities = nil // bob has left
	rec, err := w.runner.RunApproved(t.Context(), wish, asked.Record.ID)
	require.NoError(t, err)
	require.Equal(t, approval.Refused, rec.State, rec.Message)
	require.Empty(t, w.sent())
}
