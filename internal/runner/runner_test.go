package runner_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/runner"
)

func TestServersListIsATable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reply := w.run("servers.list", "")
	require.Equal(t, runner.OK, reply.Class, reply.Message)
	t.Log("\n" + reply.Text())
	t.Log(string(reply.JSON()))
	t.Log(string(reply.Structured()))
	t.Log(w.run("servers.get", `{"server":"web-server-01"}`).Text())
	t.Log(w.run("account.get", ``).Text())
	t.Log(w.run("plans.list", ``).Text())
	t.Log(w.run("backups.list", ``).Text())
	t.Log(w.run("servers.delete", `{"server":"web-server-01","dry_run":true}`).Text())
	r := w.run("servers.delete", `{"server":"web-server-01"}`)
	t.Log(r.Text())
	r = w.answer("servers.delete", r.Record.ID, "web-server-01")
	t.Log(r.Text())
	t.Log(string(r.JSON()))
	t.Log(w.sent())
	r = w.agree("servers.create", `{"name":"x","plan_id":1,"os_id":"5","location":"us-west"}`)
	t.Log(r.Text())
	t.Log(string(r.JSON()))
	t.Log(w.run("backups.create", `{"server":"db-server-01"}`).Text())
}
