package mcpserver

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

func TestClientWithoutElicitation(t *testing.T) {
	for name, capabilities := range map[string]string{"nothing": noForms, "only addresses": `{"elicitation":{"url":{}}}`} {
		t.Run(name, func(t *testing.T) {
			for era, speak := range eras {
				t.Run(era, func(t *testing.T) {
					w := newWorld(t)
					k := speak(w, capabilities)
					o := k.call(call("servers_delete", web))
					require.True(t, o.IsError)
					require.Equal(t, "approval_required", o.is())
					id := w.records()[0].ID
					require.Contains(t, o.text(), "vpsbot approvals approve "+id)
					require.Contains(t, o.text(), "do not run it yourself")
					require.Equal(t, id, decoded(t, o.StructuredContent)["approval_id"])

					w.approve("web-server-01")
					w.eventually(func() bool { return len(w.sent()) == 1 }, "it runs without being asked again")
					w.eventually(func() bool { return w.state() == approval.Done }, "done")
					again := k.call(call("servers_delete", web))
					require.Equal(t, "done", again.is(), again.text())
					require.False(t, again.IsError)
					require.Equal(t, []string{"DELETE /servers/12345/"}, w.sent(), "asking again tells the outcome and sends nothing")
					w.eventually(func() bool { return w.watching() == 0 }, "nothing is watched any more")
				})
			}
		})
	}
}

// watching returns the number of records that the server watches.
func (w *world) watching() int {
	return len(w.server.approvals.waitedFor())
}

func TestDenialOnAnotherSurface(t *testing.T) {
	w := newWorld(t)
	k := w.legacy(noForms)
	require.Equal(t, "approval_required", k.call(call("servers_delete", web)).is())
	_, err := w.server.Runner.Decide(t.Context(), alice, runner.Answer{Approval: w.records()[0].ID, Channel: "terminal"}, "not today")
	require.NoError(t, err)
	w.eventually(func() bool { return w.watching() == 0 }, "nothing is watched any more")
	o := k.call(call("servers_delete", web))
	require.Equal(t, "declined", o.is())
	require.Contains(t, o.text(), "not today")
	require.Empty(t, w.sent())
}

func TestExpiredApprovalIsNotWatched(t *testing.T) {
	w := newWorld(t)
	k := w.legacy(noForms)
	require.Equal(t, "approval_required", k.call(call("servers_delete", web)).is())
	require.Equal(t, 1, w.watching())
	w.clock.Advance(time.Hour + time.Second)
	w.eventually(func() bool { return w.watching() == 0 }, "nothing is watched any more")
	require.Equal(t, approval.Expired, w.state())
	require.Equal(t, "expired", k.call(call("servers_delete", web)).is())
}

func TestApprovedOperationWaitsForABusyServer(t *testing.T) {
	w := newWorld(t)
	arrived, goOn := w.hold(http.MethodPost)
	k := w.legacy(noForms)
	require.Equal(t, "approval_required", k.call(call("servers_reboot", `{"server":"web-server-01"}`)).is())
	_, coming := k.begin("tools/call", call("backups_create", web))
	<-arrived
	_, err := w.server.Runner.Decide(t.Context(), alice, runner.Answer{Approval: w.find("servers.reboot").ID, Channel: "terminal", Yes: true}, "")
	require.NoError(t, err)
	time.Sleep(100 * time.Millisecond)
	require.Equal(t, approval.Approved, w.find("servers.reboot").State)
	require.Len(t, w.sent(), 1)
	w.sim.Intercept(nil)
	close(goOn)
	require.Equal(t, "done", k.result(coming).is())
	w.eventually(func() bool { return w.find("servers.reboot").State != approval.Approved }, "it runs when the server is free")
}

// find returns the newest record of an operation.
func (w *world) find(operation string) approval.Record {
	w.Helper()
	found, err := w.store.Find(w.Context(), approval.Query{Operation: operation})
	require.NoError(w, err)
	require.NotEmpty(w, found)
	return found[0]
}

func TestWatcherRetriesAfterAStoreError(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, "approval_required", w.legacy(noForms).call(call("servers_delete", web)).is())
	other := w.process("process-1", w.sim.Transport())
	var failures atomic.Int32
	other.Runner.Store = func(context.Context) (approval.Store, error) {
		if failures.Add(1) < 4 {
			return nil, errors.New("disk full of vps_demo")
		}
		return w.store, nil
	}
	w.server.approvals.close()
	other.watch(runnerCall("servers.delete", web), w.records()[0], &memory{})
	w.approve("web-server-01")
	w.eventually(func() bool { return len(w.sent()) == 1 }, "it runs")
	<-other.approvals.close()
	require.GreaterOrEqual(t, failures.Load(), int32(4))
	require.Contains(t, w.log.String(), "disk full of [redacted]")
}

func TestElicitationThatCannotBeStoredIsEscalated(t *testing.T) {
	w := newWorld(t)
	w.server.Runner.Store = func(context.Context) (approval.Store, error) { return formless{w.store}, nil }
	o := w.modern(forms).call(call("servers_delete", web))
	require.Equal(t, "approval_required", o.is(), o.text())
	require.Equal(t, approval.Async, w.records()[0].AnswerMode)
}

// formless is a store that cannot store challenges.
type formless struct{ approval.Store }

func (formless) IssueChallenge(context.Context, approval.Challenge) error {
	return errors.New("disk full")
}

// The policy refuses answers over MCP, so the person must not be made to type a name.
func TestNoElicitationIfThePolicyRefusesTheChannel(t *testing.T) {
	for era, speak := range eras {
		t.Run(era, func(t *testing.T) {
			w := newWorld(t)
			w.server.Runner.Policy = func() permissions.Policy {
				return permissions.Policy{Book: &permissions.Rulebook{
					Rules:   []permissions.Rule{{Name: "all", Effect: permissions.Allow, Who: []permissions.Principal{"*"}}},
					Confirm: map[permissions.Risk][]permissions.Surface{permissions.Destructive: {permissions.Terminal}},
				}}
			}
			o := speak(w, forms).call(call("servers_delete", web))
			require.Equal(t, "approval_required", o.is(), o.text())
			require.Contains(t, o.text(), "vpsbot approvals approve")
			w.approve("web-server-01")
			w.eventually(func() bool { return len(w.sent()) == 1 }, "it runs once it was agreed to elsewhere")
		})
	}
}

// A person who has confirmed is not asked again while other approvers are missing.
func TestOwnYesIsElicitedOnce(t *testing.T) {
	conversations(t, func(t *testing.T, w *world, ask func(string, string) elicited, answer func(string) outcome) {
		people := []permissions.Principal{"alice", "bob"}
		w.server.Runner.Policy = func() permissions.Policy {
			return permissions.Policy{Book: &permissions.Rulebook{
				People: []permissions.Person{{ID: "alice", Identities: []permissions.Actor{alice}}, {ID: "bob", Identities: []permissions.Actor{"local:bob"}}},
				Rules: []permissions.Rule{{
					Name: "two delete", Effect: permissions.Allow, Who: people, Operations: []permissions.Glob{"*"},
					Approvers: &permissions.Approvers{Count: 1, Who: people},
				}},
				Confirm: map[permissions.Risk][]permissions.Surface{permissions.Destructive: {permissions.MCP, permissions.Terminal}},
			}}
		}
		ask("servers_delete", web)
		w.clock.Advance(readTime)
		require.Equal(t, "approval_required", answer(yes).is())
		o := w.talk.call(call("servers_delete", web))
		require.Equal(t, "approval_required", o.is(), o.text())
		require.Empty(t, w.sent())
	})
}
