package runner_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

// withCopies gives web-server-01 copies around two midnights, the older last in VPS.org's order. It is 2025-03-01 12:00 UTC.
func withCopies(world *simulator.World) {
	world.AddServer(simulator.Server{ID: 13000, Name: "a/b"})
	for id, at := range map[int]string{801: "2025-02-28T20:00:00Z", 802: "2025-02-28T23:30:00Z", 803: "2025-03-01T01:00:00Z"} {
		image := simulator.Image{ID: id, ServerID: 12345}
		image.CreatedAt, _ = time.Parse(time.RFC3339, at)
		world.AddBackup(simulator.Backup{Image: image})
		world.AddSnapshot(simulator.Snapshot{Image: image, Name: "s"})
	}
	unfinished := simulator.Image{ID: 804, ServerID: 12345, Status: simulator.InProgress, CreatedAt: time.Date(2025, 3, 1, 11, 0, 0, 0, time.UTC)}
	world.AddBackup(simulator.Backup{Image: unfinished})
	other := simulator.Image{ID: 805, ServerID: 13000, CreatedAt: time.Date(2025, 3, 1, 10, 0, 0, 0, time.UTC)}
	world.AddSnapshot(simulator.Snapshot{Image: other, Name: "s"})
}

func TestWordsForIDs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ operation, input, want string }{
		{"servers.restore", `{"server":"web-server-01","backup_id":"latest"}`, "803"},
		{"servers.restore", `{"server":"12345","backup_id":"Latest"}`, "803"},
		{"servers.restore", `{"server":"web-server-01","backup_id":"yesterday"}`, "802"},
		{"servers.restore", `{"server":"web-server-01","backup_id":"2025-03-01"}`, "803"},
		{"servers.restore", `{"server":"web-server-01","backup_id":"2025-01-14"}`, "499"},
		{"snapshots.restore", `{"snapshot_id":"web-server-01/latest"}`, "7001"},
		{"snapshots.restore", `{"snapshot_id":"12345/yesterday"}`, "802"},
		{"snapshots.delete", `{"snapshot_id":"a/b/latest"}`, "805"},
		{"backups.delete", `{"backup_id":"web-server-01/2025-02-28"}`, "802"},
		{"servers.create", `{"name":"web-3","plan_id":"Standard VPS","os_id":"5","location":"us-west"}`, "2"},
		{"servers.create", `{"name":"web-3","plan_id":"STANDARD","os_id":"5","location":"us-west"}`, "2"},
	} {
		w := newWorld(t)
		w.sim.Edit(withCopies)
		w.sim.Edit(func(world *simulator.World) { world.Snapshots[7001].CreatedAt = world.Now() })
		asked := w.run(c.operation, c.input)
		require.Equal(t, runner.ApprovalRequired, asked.Outcome, asked.Message)
		field := map[string]string{"servers.restore": "backup_id", "backups.delete": "backup_id", "servers.create": "plan_id"}[c.operation]
		if field == "" {
			field = "snapshot_id"
		}
		require.Equal(t, c.want, decoded(t, asked.Record.Input)[field], "%s: only the id is recorded", c.input)
		require.Equal(t, asked.Record.ID, w.run(c.operation, c.input).Record.ID, "the same words are the same request")
	}
}

// A day is one of the clock that the asker reads: at a terminal the local one.
func TestADayIsThatOfTheTerminal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sim.Edit(withCopies)
	w.runner.Now = func() time.Time { return w.clock.Now().In(time.FixedZone("EAST", 2*3600)) }
	c := call("servers.restore", `{"server":"web-server-01","backup_id":"yesterday"}`)
	require.Equal(t, "802", decoded(t, w.runner.Run(t.Context(), c).Record.Input)["backup_id"])
	c.Surface = permissions.Terminal
	require.Equal(t, "801", decoded(t, w.runner.Run(t.Context(), c).Record.Input)["backup_id"], "23:30 UTC is today there")
	c.Input = []byte(`{"server":"web-server-01","backup_id":"2025-01-01"}`)
	require.Contains(t, w.runner.Run(t.Context(), c).Message, "made on 2025-01-01 (EAST); there are: 804 (2025-03-01 13:00 EAST, not completed), 803 (2025-03-01 03:00 EAST), 802 (")
}

func TestWordsThatFitNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ operation, input, says string }{
		{"servers.restore", `{"server":"web-server-01","backup_id":"newest"}`, "backup_id is not an id: give one such as 12345, or latest, yesterday or a day such as 2026-11-29, not “newest”"},
		{"servers.restore", `{"server":"web-server-01","backup_id":"2025-02-30"}`, "backup_id is not an id: give one such as 12345, or latest, yesterday or a day such as 2026-11-29, not “2025-02-30”"},
		{"servers.restore", `{"server":"web-server-01","backup_id":"2025-02-01"}`, "backup_id: no backup of “web-server-01” was completed that was made on 2025-02-01 (UTC); there are: 501 (2025-01-16 03:00 UTC), 495 (2025-01-15 03:00 UTC), 499 (2025-01-14 10:30 UTC)"},
		{"servers.restore", `{"server":"db-server-01","backup_id":"latest"}`, "backup_id: there is no completed backup of “db-server-01”"},
		{"servers.restore", `{"server":"web","backup_id":"latest"}`, "no server is called “web”; did you mean “web-server-01”?"},
		{"snapshots.restore", `{"snapshot_id":"latest"}`, "snapshot_id is not an id: give one such as 12345, or web-1/latest, web-1/yesterday or web-1/2026-11-29, not “latest”"},
		{"snapshots.restore", `{"snapshot_id":"WEB-SERVER-01/latest"}`, "no server is called “WEB-SERVER-01”; did you mean “web-server-01”?"},
		{"servers.create", `{"name":"web-3","plan_id":"huge","os_id":"5","location":"us-west"}`, "plan_id: no plan is called “huge”; there are: 1 (Starter VPS, starter), 2 (Standard VPS, standard), "},
		{"servers.create", `{"name":"web 3","plan_id":"huge","os_id":"5","location":"us-west"}`, "name has characters that are not allowed"},
		{"servers.create", `{"name":"web-3","plan_id":"standard","os_id":"ubuntu","location":"us-west"}`, "os_id is not an id"},
	} {
		w := newWorld(t)
		reply := w.run(c.operation, c.input)
		require.Equal(t, runner.Invalid, reply.Class, reply.Message)
		require.Contains(t, reply.Message, c.says)
		require.Empty(t, w.sent())
	}
	w := newWorld(t)
	w.sim.Edit(func(world *simulator.World) {
		world.Plans[1].Name = "standard"
		world.AddBackup(simulator.Backup{Image: simulator.Image{ID: 900, ServerID: 12345}})
		world.AddBackup(simulator.Backup{Image: simulator.Image{ID: 901, ServerID: 12345}})
	})
	require.Equal(t, "plan_id: 2 fit “standard”; give the id of one: 1 (standard, starter), 2 (Standard VPS, standard)",
		w.run("servers.create", `{"name":"web-3","plan_id":"standard","os_id":"5","location":"us-west"}`).Message)
	require.Contains(t, w.run("servers.restore", `{"server":"web-server-01","backup_id":"latest"}`).Message, "backup_id: 2 fit “latest”; give the id of one: 901 (2025-03-01 12:00 UTC), 900")
}

// Nobody finds by a word what they may not list.
func TestWordsTakeTheListsOwnChecks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.grant("servers:list", "servers:backup")
	reply := w.run("servers.restore", `{"server":"web-server-01","backup_id":"latest"}`)
	require.Equal(t, runner.Refuse, reply.Class)
	require.Contains(t, reply.Message, "finding “latest” needs backups.list: ")
	w.policy.Operations = []string{"servers.create"}
	before := len(w.sim.Requests())
	reply = w.run("servers.restore", `{"server":"web-server-01","backup_id":"latest"}`)
	require.Equal(t, runner.Refuse, reply.Class)
	require.Len(t, w.sim.Requests(), before, "who may not restore reads nothing")
	reply = w.run("servers.create", `{"name":"web-3","plan_id":"standard","os_id":"5","location":"us-west"}`)
	require.Equal(t, runner.Refuse, reply.Class)
}
