package runner_test

import (
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

// asked counts the requests of a path that a call makes.
func (w *world) asked(path string, call func()) (n int) {
	w.Helper()
	before := len(w.sim.Requests())
	call()
	for _, r := range w.sim.Requests()[before:] {
		if r.Path == "/api/v1"+path {
			n++
		}
	}
	return n
}

// read reads a server by its name, and returns how often all servers were read for it.
func (w *world) read(name string) int {
	w.Helper()
	return w.asked("/servers/", func() {
		require.Equal(w, runner.OK, w.run("servers.get", `{"server":"`+name+`"}`).Class)
	})
}

func TestNameIsRememberedForThirtySeconds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range []string{"web-server-01", "web01.example.com"} {
		require.Equal(t, 1, w.read(name))
		w.clock.Advance(30*time.Second - 1)
		require.Zero(t, w.read(name))
		w.clock.Advance(1)
		require.Equal(t, 1, w.read(name), "a use makes it no younger")
	}
	require.Equal(t, 1, w.read("web"))
	require.Equal(t, 1, w.read("web"), "what is a part of a name now may be that of two servers in a moment")
}

// What happens to a server after its name was read, and what the name means then.
var changesOfName = map[string]struct {
	edit func(*simulator.World)
	id   string // of the server that has the name then; "" if none has
}{
	"renamed":       {func(world *simulator.World) { world.Servers[12345].Name = "mail" }, ""},
	"deleted":       {func(world *simulator.World) { world.DeleteServer(12345) }, ""},
	"created again": {func(world *simulator.World) { world.DeleteServer(12345); add(world, 7, "web-server-01") }, "7"},
	"given away":    {func(world *simulator.World) { world.Servers[12345].Name = "mail"; add(world, 7, "web-server-01") }, "7"},
	"exchanged": {func(world *simulator.World) {
		world.Servers[12345].Name, world.Servers[12346].Name = "db-server-01", "web-server-01"
	}, "12346"},
	"untouched": {func(*simulator.World) {}, "12345"},
}

func add(world *simulator.World, id int, name string) {
	world.AddServer(simulator.Server{ID: id, Name: name, Status: simulator.Active})
}

// A change by a name reaches the server that has it, and its card shows that one, whatever the name meant a moment ago.
func TestRememberedNameReachesTheServerThatHasIt(t *testing.T) {
	t.Parallel()
	for happened, c := range changesOfName {
		t.Run(happened, func(t *testing.T) {
			t.Parallel()
			for operation, sent := range map[string]string{
				"servers.stop": "POST /servers/ID/stop/", "servers.reboot": "POST /servers/ID/reboot/",
				"servers.delete": "DELETE /servers/ID/", "backups.create": "POST /backups/",
			} {
				w := newWorld(t)
				w.read("web-server-01")
				w.sim.Edit(c.edit)
				input := `{"server":"web-server-01"}`
				if operation == "backups.create" { // nobody is asked
					input = `{"server":"web-server-01","description":"before"}`
				}
				reply := w.run(operation, input)
				if c.id == "" {
					require.Equal(t, runner.Invalid, reply.Class, "%s: %s", operation, reply.Message)
					require.Contains(t, reply.Message, "no server is called “web-server-01”")
					require.Empty(t, w.sent())
					continue
				}
				if operation == "backups.create" {
					require.Contains(t, w.sim.Writes()[0].Body, c.id, reply.Message)
					continue
				}
				require.Equal(t, runner.ApprovalRequired, reply.Outcome, "%s: %s", operation, reply.Message)
				require.Contains(t, reply.Card.Text(), "id         "+c.id)
				require.Equal(t, "server:"+c.id, reply.Record.Target)
				require.Equal(t, runner.Done, w.answer(operation, reply.Record.ID, reply.Card.Confirm).Outcome)
				require.Equal(t, []string{strings.Replace(sent, "ID", c.id, 1)}, w.sent())
			}
		})
	}
}

// What becomes of the name while the card waits makes the answer void.
func TestRememberedNameThatChangesUnderTheCard(t *testing.T) {
	t.Parallel()
	for happened, c := range changesOfName {
		w := newWorld(t)
		w.read("web-server-01")
		card := w.run("servers.stop", `{"server":"web-server-01"}`)
		require.Equal(t, runner.ApprovalRequired, card.Outcome)
		w.sim.Edit(c.edit)
		done := w.answer("servers.stop", card.Record.ID, card.Card.Confirm)
		if happened == "untouched" {
			require.Equal(t, runner.Done, done.Outcome)
			continue
		}
		require.Equal(t, runner.Stale, done.Outcome, "%s: %s", happened, done.Message)
		require.Empty(t, w.sent(), happened)
	}
}

// A second server with the same name: what a person confirms by a card with an id reaches that id. What destroys data,
// and what nobody confirms, is refused as ambiguous, remembered or not.
func TestRememberedNameThatTwoServersHave(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.read("web-server-01")
	w.sim.Edit(func(world *simulator.World) { add(world, 7, "web-server-01") })
	for operation, input := range map[string]string{
		"servers.delete": `{"server":"web-server-01"}`, "servers.start": `{"server":"web-server-01"}`,
		"servers.update": `{"server":"web-server-01","name":"mail"}`, "snapshots.create": `{"server":"web-server-01","name":"now"}`,
	} {
		w.clock.Advance(30 * time.Second) // the refusal before has made the Runner forget the name
		w.sim.Edit(func(world *simulator.World) { world.Servers[7].Name = "other" })
		w.read("web-server-01")
		w.sim.Edit(func(world *simulator.World) { world.Servers[7].Name = "web-server-01" })
		reply := w.run(operation, input)
		require.Contains(t, reply.Message, "2 servers are called “web-server-01”; give the id of one", operation)
		require.Empty(t, w.sent())
	}
	w.sim.Edit(func(world *simulator.World) { world.Servers[7].Name = "other" })
	w.read("web-server-01")
	w.sim.Edit(func(world *simulator.World) { world.Servers[7].Name = "web-server-01" })
	card := w.run("servers.stop", `{"server":"web-server-01"}`)
	require.Contains(t, card.Card.Text(), "id         12345")
	require.Equal(t, runner.Done, w.answer("servers.stop", card.Record.ID, card.Card.Confirm).Outcome)
	require.Equal(t, []string{"POST /servers/12345/stop/"}, w.sent())
}

// A server that an answer is not about is not taken for the remembered one, and one that cannot be read is looked for
// in the list.
func TestRememberedNameThatCannotBeConfirmed(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"another server": func(rw http.ResponseWriter, _ *http.Request) {
			_, _ = rw.Write([]byte(`{"id":12346,"name":"web-server-01","status":"active"}`))
		},
		"an error": func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusForbidden) },
	} {
		w := newWorld(t)
		w.read("web-server-01")
		w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
			if strings.HasSuffix(r.URL.Path, "/servers/12345/") {
				answer(rw, r)
				return
			}
			next.ServeHTTP(rw, r)
		})
		listed := w.asked("/servers/", func() { w.run("backups.list", `{"server":"web-server-01"}`) })
		require.Equal(t, 1, listed, name)
	}
}

// A name that somebody remembers tells nobody else of the server, and not them either once a policy hides it.
func TestRememberedNameOfAHiddenServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rules := []permissions.Rule{{Name: "all", Effect: permissions.Allow, Who: []permissions.Principal{"*"}}}
	hidden := permissions.Rule{Name: "no web", Effect: permissions.Deny, Who: []permissions.Principal{"local:bob"}, Servers: []permissions.ServerPattern{"web-*"}}
	w.policy = permissions.Policy{Book: &permissions.Rulebook{Rules: append(rules, hidden)}}
	w.read("web-server-01")
	bob := func(operation string) (says string, gets int) {
		c := call(operation, `{"server":"web-server-01"}`)
		c.Actor = "local:bob"
		gets = w.asked("/servers/12345/", func() { says = w.runner.Run(t.Context(), c).Message })
		return says, gets
	}
	for _, operation := range []string{"servers.get", "servers.stop"} {
		says, gets := bob(operation)
		require.Equal(t, "no server is called “web-server-01”; did you mean “db-server-01”?", says)
		require.Zero(t, gets, "how long it takes does not show that somebody else remembers the name")
	}
	w.policy.Book = &permissions.Rulebook{Rules: rules}
	_, gets := bob("servers.get")
	require.Positive(t, gets)
	w.policy.Book = &permissions.Rulebook{Rules: append(rules, hidden)}
	for _, operation := range []string{"servers.get", "servers.stop"} {
		says, _ := bob(operation)
		require.Equal(t, "no server is called “web-server-01”; did you mean “db-server-01”?", says, "as before it was remembered")
	}
}

// Finding a server by its name needs servers:list, remembered or not, and another token remembers nothing of the first's.
func TestRememberedNameNeedsThePermission(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sim.Edit(func(world *simulator.World) {
		world.Tokens["vps_other"] = &simulator.Token{Value: "vps_other", Name: "Other", Permissions: []string{"servers:list", "backups:list"}}
	})
	token := "vps_demo"
	w.runner.Token = func() (string, error) { return token, nil }
	w.read("web-server-01")
	token = "vps_other"
	require.Equal(t, 1, w.asked("/servers/", func() { w.run("backups.list", `{"server":"web-server-01"}`) }))
	require.Zero(t, w.asked("/servers/", func() { w.run("backups.list", `{"server":"web-server-01"}`) }))
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.HasSuffix(r.URL.Path, "/servers/12345/") {
			r.Header.Set("Authorization", "Bearer vps_demo") // as an API that does not check it
		}
		next.ServeHTTP(rw, r)
	})
	w.sim.Edit(func(world *simulator.World) { world.Tokens["vps_other"].Permissions = []string{"backups:list"} })
	w.runner.ObserveCall(apiclient.Call{Kind: apiclient.KindForbidden})
	reply := w.run("backups.list", `{"server":"web-server-01"}`)
	require.Equal(t, runner.Refuse, reply.Class, reply.Message)
	require.Contains(t, reply.Message, "finding a server by its name needs the permission servers:list")
}

// One decision reads a list once, and the check after the answer reads it anew.
func TestOneDecisionReadsAListOnce(t *testing.T) {
	t.Parallel()
	for operation, input := range map[string]string{
		"servers.update": `{"server":"web-server-01","name":"mail"}`,
		"servers.create": `{"name":"mail","plan_id":1,"os_id":5,"location":"us-west"}`,
	} {
		w := newWorld(t)
		var reply runner.Reply
		require.Equal(t, 1, w.asked("/servers/", func() { reply = w.run(operation, strings.Replace(input, "}", `,"dry_run":true}`, 1)) }), operation)
		require.Equal(t, runner.DryRun, reply.Outcome, reply.Message)
	}
	w := newWorld(t)
	reply := w.run("servers.create", `{"name":"mail","plan_id":1,"os_id":5,"location":"us-west"}`)
	w.sim.Edit(func(world *simulator.World) { add(world, 7, "mail") })
	require.Equal(t, runner.Stale, w.answer("servers.create", reply.Record.ID, reply.Card.Confirm).Outcome)
	require.Empty(t, w.sent())
}

// A page of a list is read alone where it is all that is shown.
func TestPageOfAListIsReadAlone(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, "vps_demo", simulator.Options{Servers: 250, PageSize: 100})
	for _, c := range []struct {
		input string
		pages int
		says  string
	}{
		{`{"limit":1}`, 1, "1 to 1 of 250 servers; more with offset 1."},
		{``, 1, "1 to 50 of 250 servers; more with offset 50."},
		{`{"offset":50}`, 1, "51 to 100 of 250 servers; more with offset 100."},
		{`{"offset":51}`, 3, "52 to 101 of 250 servers; more with offset 101."},
		{`{"limit":1,"status":"stopped"}`, 1, "1 to 1 of 62 servers; more with offset 1."}, // one page has all
		{`{"limit":1,"status":"active"}`, 2, "1 to 1 of 188 servers; more with offset 1."},
	} {
		var reply runner.Reply
		require.Equal(t, c.pages, w.asked("/servers/", func() { reply = w.run("servers.list", c.input) }), c.input)
		require.Contains(t, reply.Text(), c.says)
	}
	c := call("servers.list", `{"offset":1}`)
	c.Limit = math.MaxInt // as --json at a terminal
	require.Contains(t, w.runner.Run(t.Context(), c).Text(), "2 to 250 of 250 servers")
	w.policy = permissions.Policy{Book: &permissions.Rulebook{Rules: []permissions.Rule{
		{Name: "some", Effect: permissions.Allow, Who: []permissions.Principal{"*"}, Servers: []permissions.ServerPattern{"web-*"}},
	}}}
	var reply runner.Reply
	require.Equal(t, 3, w.asked("/servers/", func() { reply = w.run("servers.list", `{"limit":1}`) }))
	require.Contains(t, reply.Text(), "1 to 1 of 51 servers", "what a policy hides is not counted")
}
