package mcpserver

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

// as sends a request of one caller of many, and returns the answer.
func (w *world) as(actor permissions.Actor, method, params string) message {
	w.Helper()
	raw := `{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":` + params + `}`
	answer, err := json.Marshal(handleMessage(withClient(w.Context(), client{actor: actor, memory: &memory{}}), w.server.mcp(), json.RawMessage(raw)))
	require.NoError(w, err)
	var m message
	require.NoError(w, json.Unmarshal(answer, &m))
	return m
}

// readAs reads a resource; the error is as "-32602 text".
func (w *world) readAs(actor permissions.Actor, uri string) (text string) {
	w.Helper()
	return readText(w, w.as(actor, "resources/read", `{"uri":"`+uri+`"}`))
}

func (k *talk) read(uri string) (text string) {
	k.Helper()
	return readText(k, k.request("resources/read", `{"uri":"`+uri+`"}`))
}

func readText(t testing.TB, m message) string {
	t.Helper()
	if m.Error != nil {
		code, _ := json.Marshal(m.Error.Code)
		return string(code) + " " + m.Error.Message
	}
	var read struct {
		Contents []struct{ URI, MIMEType, Text string } `json:"contents"`
	}
	require.NoError(t, json.Unmarshal(m.Result, &read))
	require.Len(t, read.Contents, 1)
	require.Equal(t, "application/json", read.Contents[0].MIMEType)
	return read.Contents[0].Text
}

// listed returns the values of a member of all entries of a list, sorted.
func valuesOf(t testing.TB, m message, list, member string) []string {
	t.Helper()
	require.Nil(t, m.Error)
	entries, values := decoded(t, m.Result)[list].([]any), []string{}
	for _, e := range entries {
		values = append(values, e.(map[string]any)[member].(string))
	}
	slices.Sort(values)
	return values
}

func TestListsOfResources(t *testing.T) {
	w := newWorld(t)
	bothEras(t, w, func(t *testing.T, k *talk) {
		require.Equal(t, []string{"vps://approvals", "vps://me", "vps://servers"}, valuesOf(t, k.request("resources/list", `{}`), "resources", "uri"))
		require.Equal(t, []string{"vps://approvals/{id}", "vps://servers/{server}", "vps://servers/{server}/copies"},
			valuesOf(t, k.request("resources/templates/list", `{}`), "resourceTemplates", "uriTemplate"))
	})
	w.sim.Edit(func(world *simulator.World) { world.Tokens[w.token].Permissions = []string{"snapshots:list"} })
	w.clock.Advance(time.Minute)
	k := w.legacy(forms)
	require.Equal(t, []string{"vps://approvals", "vps://me"}, valuesOf(t, k.request("resources/list", `{}`), "resources", "uri"), "what can be read")
	require.Equal(t, []string{"vps://approvals/{id}", "vps://servers/{server}/copies"}, valuesOf(t, k.request("resources/templates/list", `{}`), "resourceTemplates", "uriTemplate"))
	for _, capabilities := range []any{
		decoded(t, w.speak(w.server).request("initialize", `{"protocolVersion":"2025-11-25","clientInfo":{"name":"t","version":"1"},"capabilities":{}}`).Result)["capabilities"],
		decoded(t, w.modern(forms).request("server/discover", `{}`).Result)["capabilities"],
	} {
		require.Equal(t, map[string]any{"tools": map[string]any{}, "resources": map[string]any{}, "prompts": map[string]any{}, "completions": map[string]any{}},
			capabilities, "no list changes, and nothing can be subscribed to")
	}
}

// What is read is what the tool answers.
func TestResourcesAreTheReadsOfTools(t *testing.T) {
	bothEras(t, newWorld(t), func(t *testing.T, k *talk) {
		all := k.call(call("servers_list", `{"limit":500}`))
		require.JSONEq(t, string(all.StructuredContent), k.read("vps://servers"))
		one := k.call(call("servers_get", web))
		for _, which := range []string{"web-server-01", "12345", "web%2Dserver%2D01"} {
			require.JSONEq(t, string(one.StructuredContent), k.read("vps://servers/"+which))
		}
		var copies map[string]json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(k.read("vps://servers/web-server-01/copies")), &copies))
		require.JSONEq(t, string(k.call(call("backups_list", web)).StructuredContent), string(copies["backups"]))
		require.JSONEq(t, string(k.call(call("snapshots_list", web)).StructuredContent), string(copies["snapshots"]))
		me := decoded(t, []byte(k.read("vps://me")))
		require.Equal(t, string(alice), me["actor"])
		require.Empty(t, me["may_not"])
		require.Equal(t, []any{"servers_reboot", "servers_stop"}, me["may"].(map[string]any)["disruptive"])
		require.Contains(t, string(k.call(call("account_get", `{}`)).StructuredContent), me["account"].(map[string]any)["token"].(map[string]any)["name"])
	})
}

func TestErrorsOfResources(t *testing.T) {
	w := newWorld(t)
	failing := false
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if failing && !strings.HasSuffix(r.URL.Path, "/me/") {
			rw.WriteHeader(http.StatusTeapot)
			return
		}
		next.ServeHTTP(rw, r)
	})
	bothEras(t, w, func(t *testing.T, k *talk) {
		missing := "-32002"
		if k.meta != "" {
			missing = "-32602"
		}
		for uri, says := range map[string]string{
			"vps://servers/web-server-1":        missing + " no server is called “web-server-1”; did you mean “web-server-01”",
			"vps://servers/777":                 missing + " no server has the id 777",
			"vps://servers/nothing/copies":      missing + " no server is called “nothing”; servers_list shows them all",
			"vps://servers/a%20name":            missing + " no server is called “a name”",
			"vps://servers/a%E2%80%AEname":      missing + " server has characters that are not allowed",
			"vps://servers/" + w.token:          missing + " the input contains the API token",
			"vps://servers/web-server-01/disks": missing + " no resource has that address; resources/list and resources/templates/list have them",
			"vps://approvals/abc":               missing + " no approval of yours has the id “abc”; vps://approvals lists them",
			"vps://approvals/%00%FF":            missing + " no approval of yours has the id",
			"vps://servers/%00%FF":              missing + " ",
			"vps://elsewhere":                   missing + " no resource has that address",
			"file:///etc/passwd":                missing + " no resource has that address",
		} {
			require.Contains(t, k.read(uri), says, uri)
		}
		failing = true
		require.Contains(t, k.read("vps://servers"), "-32603 ")
		require.NotContains(t, k.read("vps://servers"), "internal error", "what the API says is for the client")
		failing = false
	})
}

// What cannot be read is said in the protocol's words.
func TestParametersThatCannotBeRead(t *testing.T) {
	bothEras(t, newWorld(t), func(t *testing.T, k *talk) {
		for _, c := range []struct{ method, params, says string }{
			{"prompts/get", `{"name":"restore","arguments":{"copy":501}}`, ": params.arguments has the wrong type"},
			{"prompts/get", `{"name":5}`, ": params.name has the wrong type"},
			{"resources/read", `{"uri":5}`, ": params.uri has the wrong type"},
			{"completion/complete", `{"ref":{"type":"ref/tool"},"argument":{"name":"a","value":""}}`, ""},
			{"completion/complete", `{"a":1}`, ""},
		} {
			failed := k.request(c.method, c.params).Error
			require.Equal(t, -32602, failed.Code, c.params)
			require.Equal(t, "the parameters of "+c.method+" cannot be read"+c.says, failed.Message)
		}
	})
}

func TestPanicBesideTools(t *testing.T) {
	w := newWorld(t)
	w.server.Runner.Store = func(context.Context) (approval.Store, error) { panic("store of vps_demo broke") }
	bothEras(t, w, func(t *testing.T, k *talk) {
		says := k.read("vps://approvals")
		require.Regexp(t, `^-32603 an internal error \(id [A-Z2-7]{8}\); it is logged$`, says)
		require.Contains(t, w.log.String(), "id="+says[len("-32603 an internal error (id "):][:8])
		require.Contains(t, w.log.String(), "store of [redacted] broke")
		require.Equal(t, `{"values":[]}`, completion(k, `"ref":{"type":"ref/resource","uri":"vps://approvals/{id}"},"argument":{"name":"id","value":""}`))
	})
}

// Where one of the two kinds of copies is refused, the other is read, and it is said why.
func TestCopiesOfWhichSomeAreRefused(t *testing.T) {
	token := simulator.Token{Value: "vps_some", Name: "some", Permissions: []string{"servers:list", "backups:list"}}
	w := newWorldWith(t, token.Value, simulator.Options{Tokens: []simulator.Token{token}})
	bothEras(t, w, func(t *testing.T, k *talk) {
		copies := decoded(t, []byte(k.read("vps://servers/web-server-01/copies")))
		require.Equal(t, 3.0, copies["backups"].(map[string]any)["count"])
		require.NotContains(t, copies, "snapshots")
		require.Contains(t, copies["missing"].(map[string]any)["snapshots"], "snapshots_list is refused: it needs the permission snapshots:list")
		me := decoded(t, []byte(k.read("vps://me")))
		require.Equal(t, []any{"account_get", "backups_list", "servers_get", "servers_list", "approvals_list", "audit_list"}, me["may"].(map[string]any)["read"])
		for _, why := range me["may_not"].(map[string]any) {
			require.Contains(t, why, "it needs the permission ")
		}
	})
}

// The text of an error that is not for clients is in the log alone.
func TestGoErrorBesideTools(t *testing.T) {
	w := newWorld(t)
	w.server.Runner.Store = func(context.Context) (approval.Store, error) { return nil, errors.New("open /home/alice/vps_demo") }
	require.Regexp(t, `^-32603 an internal error \(id [A-Z2-7]{8}\); it is logged$`, w.readAs(alice, "vps://approvals"))
	require.Contains(t, w.log.String(), "open /home/alice/[redacted]")
	require.Contains(t, w.readAs(alice, "vps://me"), "The store cannot be read, so that no change can be made.")
}

// reader is a policy in which bob and dave may read web servers, and carol may do nothing. Bob and carol must agree to
// what alice deletes.
func reader() permissions.Policy {
	return permissions.Policy{Book: &permissions.Rulebook{
		People: []permissions.Person{
			{ID: "alice", Identities: []permissions.Actor{alice}}, {ID: "bob", Identities: []permissions.Actor{bob}}, {ID: "carol", Identities: []permissions.Actor{carol}},
			{ID: "dave", Identities: []permissions.Actor{dave}},
		},
		Rules: []permissions.Rule{
			{Name: "alice", Effect: permissions.Allow, Who: []permissions.Principal{"alice"}, Operations: []permissions.Glob{"*"}, Servers: []permissions.ServerPattern{"*"}},
			{Name: "readers", Effect: permissions.Allow, Who: []permissions.Principal{"bob", "dave"}, Risks: []permissions.Risk{permissions.Read}, Servers: []permissions.ServerPattern{"web-*"}},
			{
				Name: "two", Effect: permissions.Allow, Who: []permissions.Principal{"alice"}, Operations: []permissions.Glob{"servers.delete"}, Servers: []permissions.ServerPattern{"web-*"},
				Approvers: &permissions.Approvers{Count: 2, Who: []permissions.Principal{"bob", "carol"}},
			},
		},
	}}
}

const (
	bob   = permissions.Actor("key:bob")
	carol = permissions.Actor("key:carol")
	dave  = permissions.Actor("key:dave")
)

// Whoever the policy refuses all reads is shown no server, no approval, and no name; and nothing is sent for them but
// the question what the token may do.
func TestRefusedCallerSeesNothing(t *testing.T) {
	w := newWorld(t)
	policy := reader()
	w.server.Runner.Policy = func() permissions.Policy { return policy }
	w.as(alice, "ping", `{}`)
	require.Equal(t, []string{"vps://me"}, valuesOf(t, w.as(carol, "resources/list", `{}`), "resources", "uri"))
	require.Empty(t, valuesOf(t, w.as(carol, "resources/templates/list", `{}`), "resourceTemplates", "uriTemplate"))
	require.Empty(t, valuesOf(t, w.as(carol, "prompts/list", `{}`), "prompts", "name"))
	for _, uri := range []string{"vps://servers", "vps://servers/web-server-01", "vps://servers/12345", "vps://servers/web-server-01/copies", "vps://approvals", "vps://approvals/abc"} {
		require.Regexp(t, `^-32602 .* (is|are) refused: `, w.readAs(carol, uri), uri)
	}
	for _, p := range prompts {
		arguments, _ := json.Marshal(map[string]string{"server": "web-server-01", "copy": "501"})
		got := w.as(carol, "prompts/get", `{"name":"`+p.name+`","arguments":`+string(arguments)+`}`)
		require.Regexp(t, `^the prompt `+p.name+` needs [a-z]+_[a-z]+, which is refused: `, got.Error.Message)
		require.Equal(t, -32602, got.Error.Code)
	}
	for _, asked := range completions {
		require.Equal(t, `{"values":[]}`, completionAs(w, carol, asked), asked)
	}
	me := decoded(t, []byte(w.readAs(carol, "vps://me")))
	require.Equal(t, "key:carol", me["actor"])
	require.Equal(t, "carol", me["person"])
	require.Empty(t, me["may"])
	require.NotContains(t, me, "account")
	require.Len(t, me["may_not"], len(allNames()))
	require.Contains(t, me["may_not"].(map[string]any)["servers_list"], "policy")
	for _, r := range w.sim.Requests() {
		require.Equal(t, "GET /api/v1/account/me/", r.Method+" "+r.Path)
	}
}

// Reads of resources are rows of the log as those of tools are, and so are refusals.
func TestResourcesAreAudited(t *testing.T) {
	w := newWorld(t)
	policy := reader()
	w.server.Runner.Policy = func() permissions.Policy { return policy }
	w.server.Runner.AuditReads = true
	w.readAs(bob, "vps://servers/web-server-01")
	require.Contains(t, w.readAs(bob, "vps://servers/db-server-01"), "no server is called")
	w.readAs(carol, "vps://servers")
	var rows []string
	for row, err := range w.store.Rows(t.Context(), audit.Filter{}) {
		require.NoError(t, err)
		rows = append(rows, row.Actor+" "+row.Operation+" "+string(row.Decision))
	}
	require.Equal(t, []string{"key:bob servers.get allowed", "key:carol servers.list refused"}, rows)
}

func TestApprovalsOfOthers(t *testing.T) {
	w := newWorld(t)
	policy := reader()
	w.server.Runner.Policy = func() permissions.Policy { return policy }
	k := w.modern(forms)
	nonce := k.call(call("servers_delete", web)).RequestState
	require.NotEmpty(t, nonce)
	w.clock.Advance(time.Second)
	k.call(call("servers_reboot", `{"server":"db-server-01"}`))
	deletion, reboot := w.records()[1], w.records()[0]
	require.Equal(t, "servers.delete", deletion.Operation)

	list := func(actor permissions.Actor) (all []approvalDocument) {
		var document struct{ Results []approvalDocument }
		require.NoError(t, json.Unmarshal([]byte(w.readAs(actor, "vps://approvals")), &document))
		return document.Results
	}
	own := list(alice)
	require.Equal(t, []string{reboot.ID, deletion.ID}, []string{own[0].ID, own[1].ID}, "the newest first")
	require.True(t, own[1].AskedByYou && own[1].WaitsForYou)
	require.Nil(t, own[1].Card)
	theirs := list(bob)
	require.Len(t, theirs, 1, "what waits for bob, and no other")
	require.Equal(t, deletion.ID, theirs[0].ID)
	require.True(t, theirs[0].WaitsForYou && !theirs[0].AskedByYou)
	require.Equal(t, "A person answers at a terminal: vpsbot approvals approve "+deletion.ID+", or deny. An assistant never does.", theirs[0].Answer)
	w.server.Runner.Slack = func(context.Context) bool { return true }
	policy.Book.Confirm = map[permissions.Risk][]permissions.Surface{permissions.Destructive: {permissions.Slack}}
	require.Equal(t, "A person answers in Slack. An assistant never does.", list(bob)[0].Answer)
	policy.Book.Confirm = nil

	require.Empty(t, list(dave), "who may not agree is not asked")
	require.Contains(t, w.readAs(dave, "vps://approvals/"+deletion.ID), "no approval of yours has the id")

	read := w.readAs(bob, "vps://approvals/"+deletion.ID)
	for _, never := range []string{nonce, w.token, deletion.ArgsHash, deletion.Fingerprint} {
		require.NotContains(t, read, never)
	}
	require.Contains(t, read, `"operation":"servers_delete"`)
	require.Contains(t, w.readAs(bob, "vps://approvals/"+strings.ToUpper(deletion.ID)), deletion.ID)
	hidden := w.readAs(bob, "vps://approvals/"+reboot.ID)
	require.Equal(t, strings.ReplaceAll(hidden, reboot.ID, "x"), w.readAs(bob, "vps://approvals/x"), "what one may not see does not exist")

	elsewhere := &world{TB: t, server: w.process("process-2", w.sim.Transport())}
	elsewhere.server.Runner.API, elsewhere.server.Runner.Policy = "https://elsewhere/api/v1", w.server.Runner.Policy
	require.Equal(t, `{"count":0,"results":[]}`, elsewhere.readAs(alice, "vps://approvals"), "of another API")
	require.Contains(t, elsewhere.readAs(alice, "vps://approvals/"+deletion.ID), "no approval of yours")

	_, err := w.server.Runner.Decide(t.Context(), bob, runner.Answer{Approval: deletion.ID, Channel: permissions.Terminal, Yes: true, Text: "web-server-01"}, "")
	require.NoError(t, err)
	require.Empty(t, list(bob), "it waits for carol, and no more for bob")
	w.clock.Advance(2 * time.Hour)
	require.Equal(t, approval.Expired, list(alice)[1].State)
	require.Nil(t, list(alice)[1].ExpiresAt)
	w.clock.Advance(7 * 24 * time.Hour)
	w.server.Runner.AsOfNow(t.Context(), deletion)
	w.server.Runner.AsOfNow(t.Context(), reboot)
	require.Len(t, list(alice), 2, "what has just ended")
	w.clock.Advance(8 * 24 * time.Hour)
	require.Empty(t, list(alice))
}

// Over HTTP one server has many callers. Without a policy file they read, and are shown nothing of each other.
func TestBesideToolsOverHTTP(t *testing.T) {
	s := newSite(t, nil)
	read := func(key, uri string) string {
		return readText(t, s.client(key).initialize("2025-06-18", noForms).send(`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"`+uri+`"}}`).next())
	}
	require.Equal(t, "approval_required", s.client(aliceKey).tool("servers_reboot", web).outcome().is())
	id := newestRecord(s.world)
	require.Contains(t, read(aliceKey, "vps://approvals/"+id), `"asked_by":"key:alice","asked_by_you":true`)
	require.Contains(t, read(bobKey, "vps://approvals/"+id), "-32002 no approval of yours has the id")
	require.Equal(t, `{"count":0,"results":[]}`, read(bobKey, "vps://approvals"))

	s.server.Runner.Policy = func() permissions.Policy { return permissions.Policy{} }
	require.Contains(t, read(bobKey, "vps://servers"), "web-server-01")
	me := decoded(t, []byte(read(bobKey, "vps://me")))
	require.Equal(t, "key:bob", me["actor"])
	require.Equal(t, []string{"read"}, slices.Collect(maps.Keys(me["may"].(map[string]any))))
	listed := s.client(bobKey).send(`{"jsonrpc":"2.0","id":1,"method":"prompts/list"}`).next()
	require.Equal(t, []string{"fleet_review", "what_happened"}, promptNames(t, listed))
}

// A freeze is a reason why nothing can be changed.
func TestFreezeIsSaid(t *testing.T) {
	w := newWorld(t)
	require.NotContains(t, w.readAs(alice, "vps://me"), "frozen")
	require.NoError(t, w.server.Runner.Freeze(t.Context(), alice, permissions.Terminal, "a drill"))
	require.Contains(t, w.readAs(alice, "vps://me"), "All changes are frozen by local:alice")
}

// What cannot be asked is said, and is no permission.
func TestCallerWhoseTokenCannotBeAsked(t *testing.T) {
	w := newWorld(t)
	w.sim.Intercept(func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) { rw.WriteHeader(http.StatusTeapot) })
	me := decoded(t, []byte(w.readAs(alice, "vps://me")))
	require.NotContains(t, me, "account")
	require.Contains(t, me["notice"], "The token cannot be asked, so that this is what the policy allows: ")
	require.Contains(t, w.readAs(alice, "vps://approvals"), "-32603 the token's permissions cannot be read")
}

// The newer era says how long an answer may be kept. The icon is in what the server says of itself, and in no other
// result.
func TestCacheHintsAndIcon(t *testing.T) {
	w := newWorld(t)
	k := w.modern(forms)
	for method, kept := range map[string]float64{"tools/list": 60_000, "resources/list": 60_000, "resources/templates/list": 60_000, "prompts/list": 60_000} {
		m := k.request(method, `{}`)
		require.Equal(t, kept, decoded(t, m.Result)["ttlMs"], method)
		require.Equal(t, "private", decoded(t, m.Result)["cacheScope"], method)
		require.NotContains(t, string(m.Result), "icons", method)
	}
	read := decoded(t, k.request("resources/read", `{"uri":"vps://me"}`).Result)
	require.Equal(t, map[string]any{"ttlMs": 0.0, "cacheScope": "private"}, map[string]any{"ttlMs": read["ttlMs"], "cacheScope": read["cacheScope"]})

	discovered := decoded(t, k.request("server/discover", `{}`).Result)["_meta"].(map[string]any)["io.modelcontextprotocol/serverInfo"].(map[string]any)
	greeted := decoded(t, w.speak(w.server).request("initialize", `{"protocolVersion":"2025-11-25","clientInfo":{"name":"t","version":"1"},"capabilities":{}}`).Result)["serverInfo"].(map[string]any)
	require.Equal(t, greeted, discovered)
	require.Equal(t, []string{"icons", "name", "title", "version"}, slices.Sorted(maps.Keys(greeted)))
	src := greeted["icons"].([]any)[0].(map[string]any)["src"].(string)
	svg, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(src, "data:image/svg+xml;base64,"))
	require.NoError(t, err)
	require.LessOrEqual(t, len(svg), 1024)
	require.Contains(t, string(svg), `<svg xmlns="http://www.w3.org/2000/svg"`)
	require.NotRegexp(t, `(?i)script|href|on[a-z]+=`, string(svg))
}
