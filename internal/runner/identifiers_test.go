package runner_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// However a UUID is written, it is one server, one request and one rule.
func TestUUIDInAnyCaseIsOneServer(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, "vps_demo", simulator.Options{Speed: 60, UUIDs: true})
	lower := simulator.UUID(12345)
	upper := strings.ToUpper(lower)
	require.NotEqual(t, lower, upper, "the ids of the test have letters")

	asked := w.run("servers.delete", `{"server":"`+upper+`"}`)
	require.Equal(t, runner.ApprovalRequired, asked.Outcome, asked.Message)
	for _, other := range []string{lower, "web-server-01"} {
		require.Equal(t, asked.Record.ID, w.run("servers.delete", `{"server":"`+other+`"}`).Record.ID, other)
	}
	for _, other := range []string{lower, upper, "web-server-01"} {
		_, _, err := w.runner.AnswerMatches(t.Context(), call("servers.delete", `{"server":"`+other+`"}`), asked.Record.ID)
		require.NoError(t, err, other)
	}
	require.Equal(t, "server:"+lower, asked.Record.Target)
	require.NotContains(t, string(asked.Record.Facts)+string(asked.Record.Input), upper)

	// Of request ids too.
	db := simulator.UUID(12346)
	first := call("backups.create", `{"server":"`+strings.ToUpper(db)+`"}`)
	first.RequestID = "8C5F1E0A-9D6B-4A51-B4F4-0123456789AB"
	done := w.runner.Run(t.Context(), first)
	require.Equal(t, runner.Done, done.Outcome, done.Message)
	again := call("backups.create", `{"server":"`+db+`"}`)
	again.RequestID = strings.ToLower(first.RequestID)
	require.Equal(t, done.Record.ID, w.runner.Run(t.Context(), again).Record.ID)
	require.Equal(t, runner.OK, w.run("servers.get", `{"server":"`+upper+`"}`).Class)
	require.Equal(t, runner.Done, w.answer("servers.delete", asked.Record.ID, "web-server-01").Outcome)
	require.Equal(t, []string{"POST /backups/", "DELETE /servers/" + lower + "/"}, w.sent())
}

func TestPolicyMatchesAUUIDInEitherCase(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{simulator.UUID(12345), strings.ToUpper(simulator.UUID(12345))} {
		for _, server := range []string{simulator.UUID(12345), strings.ToUpper(simulator.UUID(12345)), "web-server-01"} {
			w := newWorldWith(t, "vps_demo", simulator.Options{Speed: 60, UUIDs: true})
			w.policy = permissions.Policy{Book: &permissions.Rulebook{Rules: []permissions.Rule{
				{Name: "all", Effect: permissions.Allow, Who: []permissions.Principal{"*"}},
				{Name: "not this", Effect: permissions.Deny, Who: []permissions.Principal{"*"}, Servers: []permissions.ServerPattern{permissions.ServerPattern(pattern)}},
			}}}
			for _, op := range []string{"servers.get", "servers.start", "servers.delete"} {
				require.NotContains(t, []runner.Class{runner.OK, runner.Waiting}, w.run(op, `{"server":"`+server+`"}`).Class, "%s %s", op, server)
			}
		}
	}
}

// Who may not read a server hears again what they asked for, and never its name, whatever they ask
// for and wherever.
func TestRefusalNamesTheRequestedTarget(t *testing.T) {
	t.Parallel()
	for _, op := range tools.Default.Operations() {
		input, asked := "", "12346"
		switch field := op.Positional(); {
		case field == "" || op.IsList() || !op.Resource.OnServer(): // no rule about servers refuses it
			continue
		case field == "server":
			input = `{"server":"12346"`
		}
		for _, surface := range []permissions.Surface{permissions.MCP, permissions.Slack, permissions.Terminal} {
			w := newWorld(t)
			w.sim.Edit(func(world *simulator.World) {
				world.Servers[12346].Name, world.Servers[12346].Hostname = "secret-payroll", "secret.example.com"
				b := world.AddBackup(simulator.Backup{Image: simulator.Image{ServerID: 12346}})
				s := world.AddSnapshot(simulator.Snapshot{Image: simulator.Image{ServerID: 12346}, Name: "nightly"})
				if op.Positional() == "backup_id" {
					asked = strconv.Itoa(b.ID)
					input = `{"backup_id":"` + asked + `"`
				}
				if op.Positional() == "snapshot_id" {
					asked = strconv.Itoa(s.ID)
					input = `{"snapshot_id":"` + asked + `"`
				}
			})
			w.policy = permissions.Policy{Book: &permissions.Rulebook{Rules: []permissions.Rule{
				{Name: "web", Effect: permissions.Allow, Who: []permissions.Principal{"*"}, Servers: []permissions.ServerPattern{"web-*"}},
			}}}
			more := map[string]string{
				"servers.restore": `,"backup_id":"1"`, "servers.update": `,"hostname":"a.example.com"`, "snapshots.create": `,"name":"x"`,
				"servers.replace": `,"name":"web-2","hostname":"a.example.com","backups_enabled":true`,
			}[op.Name]
			c := call(op.Name, input+more+"}")
			c.Surface = surface
			reply := w.runner.Run(t.Context(), c)
			require.NotEqual(t, runner.OK, reply.Class, "%s: %s", op.Name, reply.Message)
			require.Contains(t, reply.Message, asked, op.Name)
			require.NotContains(t, reply.Text()+string(reply.JSON()), "secret", op.Name)
			open, err := w.store.Find(t.Context(), approval.Query{})
			require.NoError(t, err)
			require.Empty(t, open)
		}
	}
}
