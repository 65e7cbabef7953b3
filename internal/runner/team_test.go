package runner_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

const bob = permissions.Actor("key:bob-laptop")

// team is a policy in which alice and bob look after web servers, and need each other to
// delete one; db servers are protected.
func team() permissions.Policy {
	people := []permissions.Person{
		{ID: "alice", Identities: []permissions.Actor{alice, "key:alice-laptop"}},
		{ID: "bob", Identities: []permissions.Actor{bob}},
		{ID: "carol", Identities: []permissions.Actor{"key:carol-laptop"}},
	}
	both := []permissions.Principal{"alice", "bob"}
	return permissions.Policy{Book: &permissions.Rulebook{
		People: people,
		Rules: []permissions.Rule{
			{Name: "everyone reads web", Effect: permissions.Allow, Who: []permissions.Principal{"*"}, Risks: []permissions.Risk{permissions.Read}, Servers: []permissions.ServerPattern{"web-*", "old-*"}},
			{Name: "all run web", Effect: permissions.Allow, Who: both, Operations: []permissions.Glob{"servers.*", "backups.*"}, Risks: []permissions.Risk{permissions.Change, permissions.Disruptive}, Servers: []permissions.ServerPattern{"web-*", "db-*"}},
			{
				Name: "two delete", Effect: permissions.Allow, Who: both, Operations: []permissions.Glob{"servers.delete"}, Servers: []permissions.ServerPattern{"web-*"},
				Approvers: &permissions.Approvers{Count: 1, Who: both},
			},
		},
		Protected: []permissions.ServerPattern{"db-*"},
	}}
}

func newTeam(t testing.TB) *world {
	w := newWorldWith(t, "vps_demo", teamSimulator)
	w.policy = team()
	return w
}

func (w *world) decideAs(actor permissions.Actor, rec *approval.Record, yes bool) (approval.Record, error) {
	a := runner.Answer{Approval: rec.ID, Channel: permissions.Terminal, Yes: yes, Text: rec.Confirm}
	return w.runner.Decide(w.Context(), actor, a, "")
}

func TestSecondPersonMustConsent(t *testing.T) {
	t.Parallel()
	w := newTeam(t)
	asked := w.run("servers.delete", `{"server":"web-server-01"}`)
	require.Equal(t, runner.ApprovalRequired, asked.Outcome, asked.Message)
	require.Contains(t, asked.Card.Others, "another person: alice, bob")

	own := w.answer("servers.delete", asked.Record.ID, "web-server-01")
	require.Equal(t, runner.ApprovalRequired, own.Outcome, "the requester's own yes is not enough: %s", own.Message)
	again := w.answer("servers.delete", asked.Record.ID, "web-server-01")
	require.Equal(t, runner.ApprovalRequired, again.Outcome, "however often it is given")
	_, err := w.decideAs("key:alice-laptop", asked.Record, true)
	require.Error(t, err, "another identity of the same person is the same person")
	_, err = w.decideAs("key:carol-laptop", asked.Record, true)
	require.ErrorContains(t, err, "two delete", "who is not named may not agree")
	_, err = w.decideAs("local:mallory", asked.Record, true)
	require.Error(t, err, "who is nobody may not agree")
	require.Empty(t, w.sent())

	rec, err := w.decideAs(bob, asked.Record, true)
	require.NoError(t, err)
	require.Equal(t, approval.Approved, rec.State)
	require.Empty(t, w.sent(), "the asker's side runs it")
	rec, err = w.runner.RunApproved(t.Context(), call("", ""), asked.Record.ID)
	require.NoError(t, err)
	require.Equal(t, approval.Done, rec.State, rec.Message)
	require.Equal(t, []string{"DELETE /servers/12345/"}, w.sent())
}

func TestSecondPersonMayConsentFirst(t *testing.T) {
	t.Parallel()
	w := newTeam(t)
	asked := w.run("servers.delete", `{"server":"web-server-01"}`)
	rec, err := w.decideAs(bob, asked.Record, true)
	require.NoError(t, err)
	require.Equal(t, approval.Pending, rec.State, "the requester's own yes is still missing")
	require.Equal(t, runner.Done, w.answer("servers.delete", asked.Record.ID, "web-server-01").Outcome)
	require.Len(t, w.sent(), 1)
}

func TestDenialOfOnePersonIsFinal(t *testing.T) {
	t.Parallel()
	w := newTeam(t)
	asked := w.run("servers.delete", `{"server":"web-server-01"}`)
	rec, err := w.decideAs(bob, asked.Record, false)
	require.NoError(t, err)
	require.Equal(t, approval.Denied, rec.State)
	require.Equal(t, runner.Declined, w.answer("servers.delete", asked.Record.ID, "web-server-01").Outcome)
	require.Empty(t, w.sent())
}

func TestRightToConsentIsCheckedAtTheAnswer(t *testing.T) {
	t.Parallel()
	w := newTeam(t)
	asked := w.run("servers.delete", `{"server":"web-server-01"}`)
	w.policy.Book.Rules[2].Approvers.Who = []permissions.Principal{"carol"}
	_, err := w.decideAs(bob, asked.Record, true)
	require.Error(t, err)
	_, err = w.decideAs("key:carol-laptop", asked.Record, true)
	require.NoError(t, err)
}

func TestStricterPolicyBeforeTheCall(t *testing.T) {
	t.Parallel()
	w := newTeam(t)
	asked := w.run("servers.stop", `{"server":"web-server-01"}`)
	require.Equal(t, 0, asked.Record.Others)
	w.policy.Book.Protected = []permissions.ServerPattern{"*"}
	reply := w.answer("servers.stop", asked.Record.ID, "")
	require.Equal(t, runner.Refused, reply.Outcome, reply.Message)
	require.Contains(t, reply.Message, "more consent")
	require.Empty(t, w.sent())
}

func TestProtectedServersNeedTwo(t *testing.T) {
	t.Parallel()
	w := newTeam(t)
	asked := w.run("servers.stop", `{"server":"db-server-01"}`)
	require.Equal(t, 1, asked.Record.Others, asked.Message)
	require.Equal(t, runner.ApprovalRequired, w.answer("servers.stop", asked.Record.ID, "").Outcome)
	_, err := w.decideAs(bob, asked.Record, true)
	require.NoError(t, err)
	require.Equal(t, runner.Done, w.run("servers.stop", `{"server":"db-server-01"}`).Outcome, "asking again runs what was approved")
	require.Equal(t, []string{"POST /servers/12346/stop/"}, w.sent())
}

func TestRenameToAProtectedNameNeedsConsent(t *testing.T) {
	t.Parallel()
	w := newTeam(t)
	asked := w.run("servers.update", `{"server":"web-server-01","name":"db-9"}`)
	require.Equal(t, runner.ApprovalRequired, asked.Outcome, asked.Message)
	require.Equal(t, 1, asked.Record.Others)
	refused := w.run("servers.update", `{"server":"web-server-01","name":"mail-1"}`)
	require.Equal(t, runner.Refuse, refused.Class, "the new name must be allowed too")
	require.Equal(t, runner.Done, w.run("servers.update", `{"server":"web-server-01","name":"web-2"}`).Outcome)
}

func TestListsHoldReadableItemsOnly(t *testing.T) {
	t.Parallel()
	w := newTeam(t)
	reply := w.run("servers.list", "")
	require.Contains(t, reply.Text(), "web-server-01")
	require.NotContains(t, reply.Text(), "db-server-01")
	hidden := w.run("servers.get", `{"server":"db-server-01"}`)
	require.NotEqual(t, runner.OK, hidden.Class)
	byID := w.run("servers.get", `{"server":"12346"}`)
	require.Equal(t, runner.Refuse, byID.Class, byID.Message)
	require.Contains(t, w.run("backups.list", "").Text(), "web-server-01")
}

func TestAnswerChannelsCanBeLimited(t *testing.T) {
	t.Parallel()
	w := newTeam(t)
	w.policy.Book.Confirm = map[permissions.Risk][]permissions.Surface{permissions.Disruptive: {permissions.Terminal}}
	asked := w.run("servers.stop", `{"server":"web-server-01"}`)
	reply := w.answer("servers.stop", asked.Record.ID, "")
	require.Equal(t, runner.Refuse, reply.Class, reply.Message)
	require.Contains(t, reply.Message, "terminal")
	require.Equal(t, approval.Pending, w.onRecord(asked.Record.ID).State)
	_, err := w.decideAs(alice, asked.Record, true)
	require.NoError(t, err)
}

func TestExternalPeopleMayDoNothing(t *testing.T) {
	t.Parallel()
	w := newTeam(t)
	c := call("servers.stop", `{"server":"web-server-01"}`)
	c.Actor = "local:mallory"
	require.Equal(t, runner.Refuse, w.runner.Run(t.Context(), c).Class)
}

func TestBudgetsHold(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, "vps_demo", teamSimulator)
	for i := range 3 {
		require.Equal(t, runner.Done, w.agree("backups.delete", fmt.Sprintf(`{"backup_id":"%d"}`, []int{501, 499, 495}[i])).Outcome)
	}
	fourth := w.run("snapshots.delete", `{"snapshot_id":"7001"}`)
	require.Equal(t, runner.Refuse, fourth.Class, "nobody is asked for what a budget has no room for: %s", fourth.Message)
	require.Contains(t, fourth.Message, "3 deletions allowed in 10 minutes")
	require.Len(t, w.sent(), 3)
	w.clock.Advance(11 * time.Minute)
	require.Equal(t, runner.Done, w.agree("snapshots.delete", `{"snapshot_id":"7001"}`).Outcome, "later there is room again")
}

// A question that was open before a budget was used up ends with the claim that the budget refuses:
// nobody types a name again for nothing.
func TestClaimOverBudgetCancelsTheRecord(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, "vps_demo", teamSimulator)
	last := *w.run("snapshots.delete", `{"snapshot_id":"7001"}`).Record
	for _, id := range []int{501, 499, 495} {
		require.Equal(t, runner.Done, w.agree("backups.delete", fmt.Sprintf(`{"backup_id":"%d"}`, id)).Outcome)
	}
	require.Contains(t, w.runner.Room(t.Context(), last), "3 deletions allowed in 10 minutes")
	require.Equal(t, approval.Pending, w.onRecord(last.ID).State, "to look ends nothing")

	refused := w.answer(last.Operation, last.ID, last.Confirm)
	require.Equal(t, runner.Refuse, refused.Class, refused.Message)
	require.Contains(t, refused.Message, "3 deletions allowed in 10 minutes")
	require.Equal(t, approval.Cancelled, w.onRecord(last.ID).State)
	require.Len(t, w.sent(), 3)
	w.clock.Advance(11 * time.Minute)
	require.Equal(t, runner.Done, w.agree(last.Operation, `{"snapshot_id":"7001"}`).Outcome)
}

// What a script asks for at the same surface counts: only the person's own hand is not limited.
func TestPersonAtATerminalWithoutAPolicyHasNoBudget(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i, c := range []struct{ operation, input string }{
		{"backups.delete", `{"backup_id":"501"}`}, {"backups.delete", `{"backup_id":"499"}`}, {"backups.delete", `{"backup_id":"495"}`}, {"snapshots.delete", `{"snapshot_id":"7001"}`},
	} {
		at := call(c.operation, c.input)
		at.Surface = permissions.Terminal
		if i == 3 {
			script := w.runner.Run(t.Context(), at)
			require.Equal(t, runner.Refuse, script.Class, script.Message)
			require.Contains(t, script.Message, "3 deletions allowed in 10 minutes")
		}
		at.Interactive = true
		asked := w.runner.Run(t.Context(), at)
		reply := w.runner.Answer(t.Context(), at, runner.Answer{Approval: asked.Record.ID, Channel: permissions.Terminal, Yes: true, Text: asked.Card.Confirm})
		require.Equal(t, runner.Done, reply.Outcome, reply.Message)
	}
}

func TestAtMostFiveOpenQuestions(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, "vps_demo", teamSimulator)
	w.sim.Edit(addServers)
	for i := range 5 {
		require.Equal(t, runner.ApprovalRequired, w.run("servers.stop", fmt.Sprintf(`{"server":"many-%d"}`, i)).Outcome)
	}
	sixth := w.run("servers.stop", `{"server":"many-5"}`)
	require.Equal(t, runner.Refuse, sixth.Class, sixth.Message)
	require.Contains(t, sixth.Message, "5 open requests allowed at a time; there is room again once one is answered, or at ")
}

func TestFreezeStopsAllChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked := w.run("servers.stop", `{"server":"web-server-01"}`)
	require.NoError(t, w.runner.Freeze(t.Context(), bob, permissions.Terminal, "incident"))
	for _, reply := range []runner.Reply{
		w.run("servers.update", `{"server":"web-server-01","name":"x"}`),
		w.run("servers.delete", `{"server":"web-server-01"}`),
		w.answer("servers.stop", asked.Record.ID, ""),
	} {
		require.Equal(t, runner.Refuse, reply.Class, reply.Message)
		require.Contains(t, reply.Message, "frozen by key:bob-laptop")
		require.Contains(t, reply.Message, "incident")
	}
	require.Equal(t, runner.OK, w.run("servers.list", "").Class, "reads go on")
	require.Empty(t, w.sent())
	require.NoError(t, w.runner.Unfreeze(t.Context(), bob, permissions.Terminal))
	require.Equal(t, runner.Done, w.answer("servers.stop", asked.Record.ID, "").Outcome)
}

func TestRequestIDMakesOneRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := call("backups.create", `{"server":"web-server-01"}`)
	c.RequestID = "deploy-17"
	first := w.runner.Run(t.Context(), c)
	require.Equal(t, runner.Done, first.Outcome)
	second := w.runner.Run(t.Context(), c)
	require.Equal(t, runner.Done, second.Outcome)
	require.Equal(t, first.Record.ID, second.Record.ID)
	require.Len(t, w.sent(), 1)
	c.Input = []byte(`{"server":"db-server-01"}`)
	require.Equal(t, runner.Refuse, w.runner.Run(t.Context(), c).Class, "another request under the same id")
	w.clock.Advance(25 * time.Hour)
	require.Equal(t, runner.Done, w.runner.Run(t.Context(), c).Outcome)
}

// A request that was made stays made: whoever repeats it under its id is told its outcome, even
// where the same could no longer be asked for.
func TestRequestIDReplaysItsOutcome(t *testing.T) {
	t.Parallel()
	c := call("servers.delete", `{"server":"web-server-01"}`)
	c.RequestID = "cleanup-3"
	for name, change := range map[string]func(w *world){
		"its target is gone":            func(*world) {},
		"all is frozen":                 func(w *world) { require.NoError(t, w.runner.Freeze(t.Context(), bob, permissions.Terminal, "")) },
		"the policy forbids it":         func(w *world) { w.policy.Operations = []string{"servers.list"} },
		"the installation is read-only": func(w *world) { w.policy.ReadOnly = true },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			asked := w.runner.Run(t.Context(), c)
			first := w.answer("servers.delete", asked.Record.ID, "web-server-01")
			require.Equal(t, runner.Done, first.Outcome, first.Message)
			change(w)
			again := w.runner.Run(t.Context(), c)
			require.Equal(t, runner.Done, again.Outcome, again.Message)
			require.Equal(t, first.Record.ID, again.Record.ID)
			require.Len(t, w.sent(), 1)
		})
	}
}

// A Slack user group that let somebody agree lets their answer count at the last check too; who
// was in none of them when they answered does not count.
func TestAnApproversGroupsAreKeptWithTheAnswer(t *testing.T) {
	t.Parallel()
	for groups, class := range map[string]runner.Class{"S0ONCALL": runner.OK, "S0OTHER": runner.Refuse} {
		t.Run(groups, func(t *testing.T) {
			w := newTeam(t)
			w.policy.Book.People[1].Identities = []permissions.Actor{"slack:U0BOB"}
			asked := w.run("servers.delete", `{"server":"web-server-01"}`)
			_, err := w.runner.Decide(t.Context(), "slack:U0BOB", runner.Answer{
				Approval: asked.Record.ID, Channel: permissions.Slack, Yes: true, Text: "web-server-01", Groups: []string{groups},
			}, "")
			require.NoError(t, err)
			w.policy.Book.Rules[2].Approvers.Who = []permissions.Principal{"slack-group:S0ONCALL"}
			reply := w.answer("servers.delete", asked.Record.ID, "web-server-01")
			require.Equal(t, class, reply.Class, reply.Message)
		})
	}
}

// The users of one machine are one person: they neither agree for each other, nor count twice for
// somebody else.
func TestUsersOfOneMachineAreOnePerson(t *testing.T) {
	t.Parallel()
	w := newTeam(t)
	w.policy.Book.People = []permissions.Person{
		{ID: "alice", Identities: []permissions.Actor{alice}},
		{ID: "bob", Identities: []permissions.Actor{"local:bob", bob}},
		{ID: "carol", Identities: []permissions.Actor{"local:carol", "key:carol-laptop"}},
		{ID: "dave", Identities: []permissions.Actor{"key:dave"}},
	}
	w.policy.Book.Rules[2].Who = []permissions.Principal{"*"}
	w.policy.Book.Rules[2].Approvers = &permissions.Approvers{Count: 2, Who: []permissions.Principal{"bob", "carol"}}
	asked := w.run("servers.delete", `{"server":"web-server-01"}`)
	_, err := w.decideAs("local:bob", asked.Record, true)
	require.ErrorContains(t, err, "local:bob and local:alice are users of one machine")
	_, err = w.decideAs(bob, asked.Record, true)
	require.NoError(t, err)

	wish := call("servers.delete", `{"server":"web-server-01"}`)
	wish.Actor = "key:dave"
	theirs := w.runner.Run(t.Context(), wish)
	_, err = w.decideAs("local:bob", theirs.Record, true)
	require.NoError(t, err)
	_, err = w.decideAs("local:carol", theirs.Record, true)
	require.ErrorContains(t, err, "local:bob has agreed, and the users of one machine count as one person")
	_, err = w.decideAs("key:carol-laptop", theirs.Record, true)
	require.NoError(t, err)
}

// A rename onto a name that another server has asks, with the warning that a create has.
func TestRenameToAnExistingNameNeedsConsent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ operation, input string }{
		{"servers.update", `{"server":"web-server-01","name":"db-server-01"}`},
		{"servers.replace", `{"server":"web-server-01","name":"db-server-01","hostname":"web01.example.com","backups_enabled":true}`},
	} {
		w := newWorld(t)
		asked := w.run(c.operation, c.input)
		require.Equal(t, runner.ApprovalRequired, asked.Outcome, asked.Message)
		require.Contains(t, asked.Card.Warnings, "There is already 1 server of that name.")
		require.Empty(t, w.sent())
		require.Equal(t, runner.Done, w.answer(c.operation, asked.Record.ID, "").Outcome)

		w = newWorld(t)
		asked = w.run(c.operation, c.input)
		w.sim.Edit(func(world *simulator.World) {
			world.AddServer(simulator.Server{Name: "db-server-01", Status: "active"})
		})
		require.Equal(t, runner.Stale, w.answer(c.operation, asked.Record.ID, "").Outcome, "there is one more of that name")
		require.Empty(t, w.sent())
	}
	w := newWorld(t)
	require.Equal(t, runner.Done, w.run("servers.update", `{"server":"web-server-01","name":"web-2"}`).Outcome, "a free name asks nobody")
	require.Equal(t, runner.Done, w.run("servers.update", `{"server":"web-2","name":"web-2","hostname":"a.example.com"}`).Outcome, "nor does its own")
}
