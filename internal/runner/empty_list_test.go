package runner_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

// A filter that matches nothing does not say that there is nothing.
func TestEmptyFilterResultListsExistingValues(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct{ operation, input, says string }{
		{"servers.list", `{"status":"running"}`, "no server has status running; there are: active 2"},
		{"servers.list", `{"status":"Active"}`, "no server has status Active; there are: active 2"},
		{"servers.list", `{"location":"eu"}`, "no server has location eu; there are: us-east 1, us-west 1"},
		{"servers.list", `{"status":"running","location":"us-west"}`, "no server has status running and location us-west; there are: active 2; us-east 1, us-west 1"},
		{"backups.list", `{"backup_type":"auto"}`, "no backup has backup_type auto; there are: "},
		{"backups.list", `{"backup_type":"auto","server":"web-server-01"}`, "no backup has backup_type auto; there are: "},
		{"plans.list", `{"location":"mars"}`, "no plan has location mars; there are: us-"},
		{"domains.list", `{"status":"gone"}`, "no domain has status gone; there are: "},
		{"domains.list", `{"search":"zzz zzz"}`, "no domain has search “zzz zzz”; there"},
		{"dns.zones", `{"domain":"nothing.example"}`, "no zone has domain nothing.example; there are: "},
	} {
		reply := w.run(c.operation, c.input)
		require.Equal(t, runner.OK, reply.Class, reply.Message)
		require.Contains(t, reply.Text(), c.says, c.operation+c.input)
		require.NotContains(t, reply.Text(), "No ")
		require.Contains(t, decoded(t, reply.Structured())["notice"], c.says)
		require.EqualValues(t, 0, decoded(t, reply.Structured())["count"])
		table, ok := reply.Table()
		require.True(t, ok)
		require.Contains(t, table.Note, c.says, "a terminal and Slack say the same")
		valid(t, reply)
	}
	require.Empty(t, w.sent())
}

func TestEmptyList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sim.Edit(func(world *simulator.World) { clear(world.Servers); clear(world.Backups) })
	for _, c := range []struct{ operation, input, says string }{
		{"servers.list", `{}`, "No servers."}, {"servers.list", `{"status":"active"}`, "No servers."}, {"backups.list", `{"backup_type":"manual"}`, "No backups."},
	} {
		reply := w.run(c.operation, c.input)
		require.Equal(t, c.says, reply.Text())
		require.NotContains(t, decoded(t, reply.Structured()), "notice")
	}
}

// Words of servers that the actor may not read are not among those that exist.
func TestExistingValuesAreReadableOnly(t *testing.T) {
	t.Parallel()
	w := newTeam(t)
	w.policy.Book.Rules = []permissions.Rule{{
		Name: "web", Effect: permissions.Allow, Who: []permissions.Principal{"*"}, Operations: []permissions.Glob{"*"}, Servers: []permissions.ServerPattern{"web-*"},
	}}
	require.Contains(t, w.run("servers.list", `{"location":"eu"}`).Text(), "there are: us-west 1")
	require.NotContains(t, w.run("servers.list", `{"location":"eu"}`).Text(), "us-east")
}

// What the text says beside a result, its JSON says too.
func TestNoticeIsInTheJSON(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, "vps_expiring", simulator.Options{})
	reply := w.run("account.get", `{}`)
	require.Contains(t, reply.Message, "expires in 5 days")
	require.Equal(t, reply.Message, decoded(t, reply.JSON())["notice"])
	require.Equal(t, reply.Message, decoded(t, reply.Structured())["notice"])
	require.NotContains(t, reply.Text(), "notice:", "the text says it once")
	valid(t, reply)
}

func TestModelsGetTheColumnsOfServers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reply := w.run("servers.list", `{}`)
	first := decoded(t, reply.Structured())["results"].([]any)[0].(map[string]any)
	require.Equal(t, "Ubuntu 22.04 LTS", first["os"])
	require.Equal(t, "web01.example.com", first["hostname"])
	require.NotContains(t, first, "backups_enabled", "VPS.org's lists do not say, which is not a no")
	require.Contains(t, reply.Text(), "Ubuntu 22.04 LTS", "the text can stand alone")
	table, _ := reply.Table()
	require.Equal(t, []string{"id", "name", "status", "ip_address", "location", "plan_name"}, table.Header, "what fits a screen")

	w.answering("/servers/", `{"count":1,"results":[{"id":1,"name":"a","status":"active","location":"x","backups_enabled":false}]}`)
	first = decoded(t, w.run("servers.list", `{}`).Structured())["results"].([]any)[0].(map[string]any)
	require.Equal(t, false, first["backups_enabled"], "where they do say, it is told")
}
