package runner_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
)

const newServer = `{"name":"web-3","plan_id":"1","os_id":"5","location":"us-west"}`

func TestMistakesThatTheCardShowsAreNoQuestion(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ operation, input, says string }{
		{"servers.create", strings.Replace(newServer, `"1"`, `"99"`, 1), "no plan has the id 99; plans.list shows those that there are"},
		{"servers.create", `{"name":"web-3","plan_id":"4","os_id":"5","location":"eu-central"}`, "the plan “Business VPS” is not offered in eu-central, but in: us-west, us-east"},
		{"servers.create", strings.Replace(newServer, "web-3", "web-server-01", 1), "there is a server called “web-server-01” already, which servers.get shows; give this one another name"},
		{"servers.create", strings.Replace(newServer, "web-3", "WEB-server-01", 1), "there is a server called “WEB-server-01” already, which servers.get shows; give this one another name"},
		{"servers.reboot", `{"server":"db-server-01"}`, "“db-server-01” is stopped, so it cannot be rebooted; servers.start starts it"},
	} {
		w := newWorld(t)
		w.sim.Edit(func(world *simulator.World) { world.ServerNamed("db-server-01").Status = simulator.Stopped })
		for _, input := range []string{c.input, strings.Replace(c.input, "}", `,"dry_run":true}`, 1)} {
			reply := w.run(c.operation, input)
			require.Equal(t, runner.Invalid, reply.Class, reply.Message)
			require.Equal(t, c.says, reply.Message)
		}
		all, err := w.store.Find(t.Context(), approval.Query{})
		require.NoError(t, err)
		require.Empty(t, all, "nothing is recorded")
		require.Empty(t, w.sent())
	}
}

func TestASystemThatNoServerHasIsAWarning(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const warning = "System not known: no server of this account has the os_id 99; servers.get shows a server's."
	require.Contains(t, w.run("servers.create", strings.Replace(newServer, `"5"`, `"99"`, 1)).Card.Warnings, warning)
	require.Empty(t, w.run("servers.create", newServer).Card.Warnings)
	w.sim.Edit(func(world *simulator.World) { clear(world.Servers) })
	require.Empty(t, w.run("servers.create", strings.Replace(newServer, `"5"`, `"98"`, 1)).Card.Warnings, "there is nothing to compare with")
}

// Whoever did not hear of the server that they asked for hears of it when they ask again; who did, is told that the name is taken.
func TestACreateThatIsAskedForAgain(t *testing.T) {
	t.Parallel()
	t.Run("the answer was lost, and the server comes late", func(t *testing.T) {
		w := newWorld(t)
		w.loseWrites(losses["500 instead of the change"])
		lost := w.agree("servers.create", newServer)
		require.Equal(t, runner.Unknown, lost.Outcome)
		w.sim.Edit(func(world *simulator.World) { world.AddServer(simulator.Server{ID: 13000, Name: "web-3"}) })
		again := w.run("servers.create", newServer)
		require.Equal(t, runner.Done, again.Outcome, again.Message)
		require.Equal(t, lost.Record.ID, again.Record.ID)
		require.Contains(t, again.Message, "web-3 (id 13000)")
	})
	t.Run("it was agreed to elsewhere", func(t *testing.T) {
		w := newWorld(t)
		asked := w.run("servers.create", newServer)
		_, err := w.decide(asked.Record.ID, true, "")
		require.NoError(t, err)
		_, err = w.runner.RunApproved(t.Context(), call("", ""), asked.Record.ID)
		require.NoError(t, err)
		again := w.run("servers.create", newServer)
		require.Equal(t, runner.Done, again.Outcome, again.Message)
		require.Equal(t, asked.Record.ID, again.Record.ID)
		require.Equal(t, runner.Invalid, w.run("servers.create", newServer).Class, "it was told")
	})
	t.Run("it runs", func(t *testing.T) {
		w := newWorld(t)
		asked, made, goOn := w.run("servers.create", newServer), make(chan struct{}), make(chan struct{})
		w.loseWrites(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
			next.ServeHTTP(rw, r)
			close(made)
			<-goOn
		})
		first, second := make(chan runner.Reply), make(chan runner.Reply)
		go func() { first <- w.answer("servers.create", asked.Record.ID, "") }()
		<-made
		go func() { second <- w.run("servers.create", newServer) }()
		time.Sleep(20 * time.Millisecond)
		close(goOn)
		require.Equal(t, runner.Done, (<-first).Outcome)
		again := <-second
		require.Equal(t, runner.Done, again.Outcome, again.Message)
		require.Equal(t, asked.Record.ID, again.Record.ID)
	})
	t.Run("with a request id", func(t *testing.T) {
		w := newWorld(t)
		c := call("servers.create", newServer)
		c.RequestID = "mine"
		asked := w.runner.Run(t.Context(), c)
		require.Equal(t, runner.Done, w.answer("servers.create", asked.Record.ID, "").Outcome)
		require.Equal(t, runner.Done, w.runner.Run(t.Context(), c).Outcome)
		require.Len(t, w.sent(), 1)
	})
	t.Run("the name was taken while it waited", func(t *testing.T) {
		w := newWorld(t)
		asked := w.run("servers.create", newServer)
		w.sim.Edit(func(world *simulator.World) { world.AddServer(simulator.Server{Name: "web-3"}) })
		again := w.run("servers.create", newServer)
		require.Equal(t, runner.Stale, again.Outcome)
		require.Equal(t, asked.Record.ID, again.Record.ID)
		require.Contains(t, again.Message, "Nothing was sent: there is a server called “web-3” already")
	})
}

// A sorted list is read whole before it is cut: VPS.org's own first page, here by id, may have the oldest alone.
func TestListsOfCopiesAreNewestFirst(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, "vps_demo", simulator.Options{PageSize: 10})
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	w.sim.Edit(func(world *simulator.World) {
		for n := range 30 {
			image := simulator.Image{ID: 600 + n, ServerID: 12345, CreatedAt: at.AddDate(0, 0, -n)}
			world.AddBackup(simulator.Backup{Image: image})
			world.AddSnapshot(simulator.Snapshot{Image: image, Name: fmt.Sprintf("n-%d", n)})
		}
	})
	for operation, all := range map[string]string{"backups.list": "33", "snapshots.list": "31"} {
		table, _ := w.run(operation, `{"limit":2,"offset":1}`).Table()
		require.Equal(t, []string{"601", "602"}, []string{table.Rows[0][0], table.Rows[1][0]})
		require.Contains(t, table.Note, "of "+all)
	}
}

func TestACardSaysHowLongItCanBeAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked := w.run("servers.stop", `{"server":"web-server-01"}`)
	require.Contains(t, asked.Text(), "Can be answered for 5 minutes, until 12:05 UTC.")
	require.Contains(t, string(asked.JSON()), `"until":"2025-03-01T12:05:00Z"`)
	w.clock.Advance(200 * time.Second)
	require.Contains(t, w.run("servers.stop", `{"server":"web-server-01"}`).Text(), "Can be answered for 100 seconds, until 12:05 UTC.")
	w.clock.Advance(12*time.Hour - 205*time.Second)
	require.Contains(t, w.run("servers.stop", `{"server":"db-server-01"}`).Text(), "Can be answered for 5 minutes, until 2025-03-02 00:04 UTC.")
}

func TestTheCardOfACreateSaysWhatTheIDsMean(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	shown := w.run("servers.create", newServer).Text()
	require.Contains(t, shown, "  plan       Starter VPS (1 vCPU, 2 GB memory, 40 GB disk; plan_id 1)\n  system     Ubuntu 22.04 LTS (os_id 5)\n")
	require.Equal(t, 1, strings.Count(shown, "plan_id"))
}
