package runner_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/testkit/volumes"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// withVolumes adds a kind of resource to a world.
func withVolumes(t *testing.T) (*world, *volumes.API) {
	w := newWorldWith(t, "vps_demo", simulator.Options{Speed: 60})
	disks := &volumes.API{Behind: w.sim}
	w.runner = w.runnerOn(disks, "process-1", "vps_demo")
	w.runner.Catalogue = volumes.Catalogue()
	return w, disks
}

const dataVolume = `{"name":"data-1","location":"us-west"}`

// A kind of resource that one value adds has everything that the others have.
func TestNewResource(t *testing.T) {
	t.Parallel()
	w, disks := withVolumes(t)
	require.Equal(t, "No volumes.", w.run("volumes.list", "").Text())

	dry := w.run("volumes.create", `{"name":"data-1","location":"us-west","dry_run":true}`)
	require.Equal(t, "/volumes/", dry.Request.Path)
	require.Empty(t, disks.Writes(), "a dry run sends nothing")

	made := w.agree("volumes.create", dataVolume)
	require.Equal(t, runner.Done, made.Outcome, made.Message)
	require.Contains(t, made.Message, "Created volume data-1 (id 1).")
	require.Contains(t, w.run("volumes.list", "").Text(), "data-1")

	again := w.run("volumes.create", dataVolume)
	require.Contains(t, again.Card.Warnings, "There is already 1 volume of that name.")

	asked := w.run("volumes.delete", `{"volume_id":"1"}`)
	require.Equal(t, `Deletes the volume "data-1" for good.`, asked.Card.Effect)
	require.Equal(t, []tools.Line{{Label: "volume", Value: "data-1 1"}}, asked.Card.Target)
	require.Equal(t, "data-1", asked.Card.Confirm, "the name is typed")
	require.Equal(t, "volume:1", asked.Record.Target)
	require.Equal(t, "volume data-1", asked.Record.TargetName)
	require.Equal(t, runner.Done, w.answer("volumes.delete", asked.Record.ID, "data-1").Outcome)
	require.Equal(t, []string{"POST /volumes/", "DELETE /volumes/1/"}, disks.Writes())

	for row, err := range w.store.Rows(t.Context(), audit.Filter{Limit: 1}) {
		require.NoError(t, err)
		require.Equal(t, "volume:1 (volume data-1)", row.Target)
		require.Equal(t, audit.Done, row.Outcome)
	}
	require.Equal(t, "no volume has the id 1; volumes.list shows them", w.run("volumes.delete", `{"volume_id":"1"}`).Message)
}

// Policies go by servers; what belongs to none is a matter of its operation alone.
func TestNewResourceUnderAPolicy(t *testing.T) {
	t.Parallel()
	w, disks := withVolumes(t)
	w.agree("volumes.create", dataVolume)
	everybody := []permissions.Principal{"*"}
	w.policy = permissions.Policy{Book: &permissions.Rulebook{Rules: []permissions.Rule{
		{Name: "web", Effect: permissions.Allow, Who: everybody, Servers: []permissions.ServerPattern{"web-*"}},
	}}}
	reply := w.run("volumes.delete", `{"volume_id":"1"}`)
	require.Equal(t, runner.Refused, reply.Outcome)
	w.policy.Book.Rules = append(w.policy.Book.Rules, permissions.Rule{Name: "disks", Effect: permissions.Allow, Who: everybody, Operations: []permissions.Glob{"volumes.*"}})
	require.Equal(t, runner.Done, w.agree("volumes.delete", `{"volume_id":"1"}`).Outcome)
	require.Len(t, disks.Writes(), 2)
}

// A change of a volume holds it: a second one waits, and is told of the first.
func TestNewResourceIsLocked(t *testing.T) {
	t.Parallel()
	w, disks := withVolumes(t)
	w.agree("volumes.create", dataVolume)
	first, second := w.run("volumes.delete", `{"volume_id":"1"}`), call("volumes.delete", `{"volume_id":"1"}`)
	second.Actor = "local:bob"
	other := w.runner.Run(t.Context(), second)
	require.NotEqual(t, first.Record.ID, other.Record.ID)

	release := make(chan struct{})
	disks.Hold = release
	done := make(chan runner.Reply)
	go func() { done <- w.answer("volumes.delete", first.Record.ID, "data-1") }()
	require.Eventually(t, func() bool { return w.onRecord(first.Record.ID).State == approval.Executing }, time.Minute, time.Millisecond)
	busy := w.runner.Answer(t.Context(), second, runner.Answer{Approval: other.Record.ID, Channel: permissions.MCP, Yes: true, Text: "data-1"})
	require.Equal(t, runner.Busy, busy.Outcome, busy.Message)
	require.Contains(t, busy.Message, "another change is running: delete volume data-1 (")
	close(release)
	require.Equal(t, runner.Done, (<-done).Outcome)
	require.Len(t, disks.Writes(), 2, "one of the two was sent")
}

// An answer that is lost is read back by what the operation says, and nothing is sent again.
func TestNewResourceIsReadBack(t *testing.T) {
	t.Parallel()
	w, disks := withVolumes(t)
	disks.LoseWrite = true
	made := w.agree("volumes.create", dataVolume)
	require.Equal(t, runner.Done, made.Outcome, made.Message)
	require.Contains(t, made.Message, "VPS.org's answer was lost; reading back shows this.")
	gone := w.agree("volumes.delete", `{"volume_id":"1"}`)
	require.Equal(t, runner.Done, gone.Outcome, gone.Message)
	require.Equal(t, []string{"POST /volumes/", "DELETE /volumes/1/"}, disks.Writes())
}
