package mcpserver

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/permissions"
)

const (
	ofServer   = `"ref":{"type":"ref/resource","uri":"vps://servers/{server}"},"argument":{"name":"server","value":"%s"}`
	ofCopies   = `"ref":{"type":"ref/resource","uri":"vps://servers/{server}/copies"},"argument":{"name":"server","value":"%s"}`
	ofApproval = `"ref":{"type":"ref/resource","uri":"vps://approvals/{id}"},"argument":{"name":"id","value":"%s"}`
	ofRestore  = `"ref":{"type":"ref/prompt","name":"restore"},"argument":{"name":"server","value":"%s"}`
	ofCopy     = `"ref":{"type":"ref/prompt","name":"restore"},"argument":{"name":"copy","value":"%s"},"context":{"arguments":{"server":"web-server-01"}}`
)

// completions are requests for all that can be completed.
var completions = []string{with(ofServer, ""), with(ofCopies, ""), with(ofApproval, ""), with(ofRestore, ""), with(ofCopy, "")}

func with(request, value string) string { return fmt.Sprintf(request, value) }

// completion returns the completion as JSON; for an error its code and text.
func completion(k *talk, request string) string {
	k.Helper()
	return completed(k, k.request("completion/complete", "{"+request+"}"))
}

func completionAs(w *world, actor permissions.Actor, request string) string {
	w.Helper()
	return completed(w, w.as(actor, "completion/complete", "{"+request+"}"))
}

func completed(t testing.TB, m message) string {
	t.Helper()
	if m.Error != nil {
		return fmt.Sprint(m.Error.Code, " ", m.Error.Message)
	}
	var result struct{ Completion json.RawMessage }
	require.NoError(t, json.Unmarshal(m.Result, &result))
	return string(result.Completion)
}

func TestCompletions(t *testing.T) {
	bothEras(t, newWorld(t), func(t *testing.T, k *talk) {
		for request, want := range map[string]string{
			with(ofServer, ""):        `{"values":["db-server-01","web-server-01"],"total":2}`,
			with(ofServer, "DB"):      `{"values":["db-server-01"],"total":1}`,
			with(ofServer, "server-"): `{"values":["db-server-01","web-server-01"],"total":2}`,
			with(ofServer, "zzz"):     `{"values":[]}`,
			with(ofCopies, "web"):     `{"values":["web-server-01"],"total":1}`,
			with(ofRestore, "web"):    `{"values":["web-server-01"],"total":1}`,
			with(ofCopy, ""):          `{"values":["7001","501","495","499"],"total":4}`,
			with(ofCopy, "1"):         `{"values":["7001","501"],"total":2}`,
			with(ofApproval, ""):      `{"values":[]}`,
			`"ref":{"type":"ref/prompt","name":"restore"},"argument":{"name":"copy","value":""}`:                        `{"values":[]}`,
			`"ref":{"type":"ref/prompt","name":"restore"},"argument":{"name":"disk","value":""}`:                        `-32602 no prompt “restore” has the argument “disk”; prompts/list has them`,
			`"ref":{"type":"ref/prompt","name":"fleet_review"},"argument":{"name":"server","value":""}`:                 `-32602 no prompt “fleet_review” has the argument “server”; prompts/list has them`,
			`"ref":{"type":"ref/resource","uri":"vps://servers/{server}"},"argument":{"name":"id","value":""}`:          `-32602 no resource template “vps://servers/{server}” has the variable “id”; resources/templates/list has them`,
			`"ref":{"type":"ref/resource","uri":"vps://servers"},"argument":{"name":"server","value":""}`:               `-32602 no resource template “vps://servers” has the variable “server”; resources/templates/list has them`,
			`"ref":{"type":"ref/resource","uri":"vps://elsewhere/{server}"},"argument":{"name":"server","value":"web"}`: `-32602 no resource template “vps://elsewhere/{server}” has the variable “server”; resources/templates/list has them`,
		} {
			require.Equal(t, want, completion(k, request), request)
		}
	})
}

func TestCompletionOfApprovals(t *testing.T) {
	w := newWorld(t)
	policy := reader()
	w.server.Runner.Policy = func() permissions.Policy { return policy }
	k := w.legacy(noForms)
	require.Equal(t, "approval_required", k.call(call("servers_reboot", web)).is())
	id := w.records()[0].ID
	want := `{"values":["` + id + `"],"total":1}`
	require.Equal(t, want, completion(k, with(ofApproval, "")))
	require.Equal(t, want, completion(k, with(ofApproval, id[5:9])))
	require.Equal(t, `{"values":[]}`, completionAs(w, bob, with(ofApproval, "")), "another's")
}

// What begins with the value comes first, and of many a hundred.
func TestCompletionOfManyServers(t *testing.T) {
	w := newWorldWith(t, "vps_demo", simulator.Options{Servers: 150})
	w.sim.Edit(func(world *simulator.World) {
		names := []string{"zz-01", "has-zz", "two", "two", "4711", "bad\u202ename"}
		for i, id := range slices.Sorted(maps.Keys(world.Servers))[2:][:len(names)] {
			world.Servers[id].Name = names[i]
		}
	})
	k := w.legacy(forms)
	var all struct {
		Values  []string
		Total   int
		HasMore bool
	}
	require.NoError(t, json.Unmarshal([]byte(completion(k, with(ofServer, ""))), &all))
	require.Len(t, all.Values, 100)
	require.Equal(t, 150, all.Total)
	require.True(t, all.HasMore)
	require.Equal(t, `{"values":["zz-01","has-zz"],"total":2}`, completion(k, with(ofServer, "zz")))
	for _, name := range []string{"two", "4711", "bad"} {
		require.Equal(t, `{"values":[]}`, completion(k, with(ofServer, name)), "%s does not identify a server: its id does", name)
	}
}

// The names that a caller is completed are those that they may read at this moment.
func TestCompletionsAreEachCallersOwn(t *testing.T) {
	w := newWorld(t)
	policy := reader()
	w.server.Runner.Policy = func() permissions.Policy { return policy }
	both, web := `{"values":["db-server-01","web-server-01"],"total":2}`, `{"values":["web-server-01"],"total":1}`
	require.Equal(t, both, completionAs(w, alice, with(ofServer, "")))
	require.Equal(t, web, completionAs(w, bob, with(ofServer, "")))
	require.Equal(t, `{"values":[]}`, completionAs(w, carol, with(ofServer, "")))
	policy = reader()
	policy.Book.Rules = policy.Book.Rules[:1]
	require.Equal(t, `{"values":[]}`, completionAs(w, bob, with(ofServer, "")), "a new policy counts at once")

	require.Equal(t, both, completionAs(w, alice, with(ofServer, "")))
	other := simulator.Token{Value: "vps_other", Name: "other", Permissions: []string{"snapshots:list"}}
	w.sim.Edit(func(world *simulator.World) { world.Tokens[other.Value] = &other })
	w.token = other.Value
	require.Equal(t, `{"values":[]}`, completionAs(w, alice, with(ofServer, "")), "a new token counts at once")
}

// One list answers all completions for ten seconds, and one read is under way.
func TestCompletionsShareOneRead(t *testing.T) {
	w := newWorld(t)
	reads := func() (n int) {
		for _, r := range w.sim.Requests() {
			if strings.HasSuffix(r.Path, "/servers/") {
				n++
			}
		}
		return n
	}
	failing := false
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.HasSuffix(r.URL.Path, "/servers/") {
			time.Sleep(20 * time.Millisecond)
			if failing {
				rw.WriteHeader(http.StatusTeapot)
				return
			}
		}
		next.ServeHTTP(rw, r)
	})
	k := w.legacy(forms)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { completion(k, with(ofServer, "web")) })
	}
	all.Wait()
	require.Equal(t, 1, reads())
	w.clock.Advance(9 * time.Second)
	completion(k, with(ofServer, "db"))
	require.Equal(t, 1, reads())
	w.clock.Advance(2 * time.Second)
	failing = true
	for range 5 {
		require.Equal(t, `{"values":[]}`, completion(k, with(ofServer, "db")), "an old list is not used")
	}
	require.Equal(t, 2, reads(), "what fails is not read again with each key")
	failing = false
	w.clock.Advance(3 * time.Second)
	require.Equal(t, `{"values":["db-server-01"],"total":1}`, completion(k, with(ofServer, "db")))
}
