package runner_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

func TestAnotherTokenHasItsOwnPermissions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := "vps_demo"
	w.runner.Token = func() (string, error) { return token, nil }
	require.Equal(t, runner.ApprovalRequired, w.run("servers.stop", `{"server":"web-server-01"}`).Outcome)
	before := len(w.sim.Requests())
	token = "vps_readonly"
	w.run("plans.list", "")
	require.Equal(t, "/api/v1/account/me/", w.sim.Requests()[before].Path, "what the old token could says nothing of the new one")
}

func TestRestoreRefusesABackupOfAnotherServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		r.URL.RawQuery = url.Values{}.Encode() // as an API that ignores the filter
		next.ServeHTTP(rw, r)
	})
	reply := w.run("servers.restore", `{"server":"db-server-01","backup_id":"501"}`)
	require.Equal(t, runner.Invalid, reply.Class, reply.Message)
}

func TestSwitchingBackupsOffNeedsConsent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		operation, input string
		asks             bool
	}{
		{"servers.update", `{"server":"web-server-01","backups_enabled":false}`, true},
		{"servers.update", `{"server":"web-server-01","backups_enabled":true}`, false},
		{"servers.replace", `{"server":"web-server-01","name":"a","hostname":"a.example.com","backups_enabled":false}`, true},
		{"servers.update", `{"server":"web-server-01","name":"a"}`, false},
	} {
		w := newWorld(t)
		w.sim.Edit(func(world *simulator.World) { world.Servers[12345].BackupsEnabled = true })
		reply := w.run(c.operation, c.input)
		require.Equal(t, c.asks, reply.Outcome == runner.ApprovalRequired, "%s: %s", c.input, reply.Message)
		require.Equal(t, c.asks, len(w.sent()) == 0)
	}
}

func TestStartIsNotSettledByItsFirstStatus(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, "vps_demo", simulator.Options{Now: time.Now, Speed: 60})
	w.sim.Edit(func(world *simulator.World) { world.Servers[12345].Status = "stopped" })
	late := 0
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if late > 0 && r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/12345/") {
			if late++; late == 2 { // the first look still shows the old word
				_, _ = rw.Write([]byte(`{"id":12345,"name":"web-server-01","status":"stopped"}`))
				return
			}
		}
		if r.Method == http.MethodPost {
			late = 1
		}
		next.ServeHTTP(rw, r)
	})
	c := call("servers.start", `{"server":"web-server-01","wait":true}`)
	c.Surface, c.WaitLimit = permissions.Terminal, 20*time.Second
	reply := w.runner.Run(t.Context(), c)
	require.Equal(t, runner.OK, reply.Class, reply.Message)
	require.Contains(t, reply.Message, "; active after ")
}

func TestWorkThatFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/backups/") && strings.Contains(r.URL.RawQuery, "server_id") {
			_, _ = rw.Write([]byte(`[{"id":502,"server":{"id":12346},"status":"failed"}]`))
			return
		}
		next.ServeHTTP(rw, r)
	})
	c := call("backups.create", `{"server":"db-server-01","wait":true}`)
	c.WaitLimit, c.Surface = 20*time.Second, permissions.Terminal
	reply := w.runner.Run(t.Context(), c)
	require.Equal(t, runner.Failed, reply.Class)
	require.Contains(t, reply.Message, "VPS.org accepted it, but it did not come out as it should: backup 502 of db-server-01 is failed after ")
}
