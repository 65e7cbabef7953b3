package runner_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/runner"
)

// A read finds a server as alerts, pages and phones name it. A change takes the name or the id as it
// is, and suggests the name that a read would have found.
func TestServerFoundByNamesOfAlerts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sim.Edit(func(world *simulator.World) {
		world.AddServer(simulator.Server{ID: 7, Name: "mail", Hostname: "mx.example.com", IPAddress: "198.51.100.7"})
	})
	for typed, name := range map[string]string{
		"web-server-01": "web-server-01", "WEB-Server-01": "web-server-01", " web-server-01 ": "web-server-01", "203.0.113.10": "web-server-01",
		"web": "web-server-01", "db": "db-server-01", "WEB01.example.com": "web-server-01", "MX.EXAMPLE.COM": "mail", "198.51.100.7": "mail", "mai": "mail",
		"web\u2010server\u201001": "web-server-01", "web\u2011server\u201101": "web-server-01", "web\u2012server\u201201": "web-server-01",
		"web\u2013server\u201301": "web-server-01", "web\u2014server\u201401": "web-server-01", "web\u2015server\u201501": "web-server-01",
		"web\u2212server\u221201": "web-server-01",
	} {
		input, err := json.Marshal(map[string]string{"server": typed})
		require.NoError(t, err)
		read := w.run("servers.get", string(input))
		require.Equal(t, runner.OK, read.Class, "%q: %s", typed, read.Message)
		require.Contains(t, string(read.JSON()), `"name":"`+name+`"`, typed)
		if typed == name || strings.TrimSpace(typed) == name && typed != name {
			continue
		}
		change := w.run("servers.start", string(input))
		require.Equal(t, runner.Invalid, change.Class, "%q: %s", typed, change.Message)
		if !strings.Contains(typed, "example.com") || typed != strings.ToLower(typed) {
			require.Contains(t, change.Message, "did you mean “"+name+"”", typed)
		}
	}
	require.Empty(t, w.sent())
	for typed, says := range map[string]string{
		"server":      "2 servers have “server” in their name or address: “web-server-01”, “db-server-01”",
		"example.com": "3 servers have “example.com”",
		"w":           "no server is called “w”",
		"nothing":     "no server is called “nothing”",
	} {
		read := w.run("servers.get", `{"server":"`+typed+`"}`)
		require.Equal(t, runner.Invalid, read.Class)
		require.Contains(t, read.Message, says)
	}
}
