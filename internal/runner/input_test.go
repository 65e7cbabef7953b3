package runner_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// examples returns an operation's first example as an object.
func example(t *testing.T, op *tools.Op) map[string]any {
	t.Helper()
	return decoded(t, op.Examples[len(op.Examples)-1])
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return string(raw)
}

var hostile = []string{
	"", " ", strings.Repeat("x", 1<<20), "a\x00b", "a\nb", "\x1b[2Jx", "a\u202eb", "../../account/me/", "%s%n%x", "'; DROP TABLE approvals; --",
	"\u200b", "\U000E0041", "<!channel>", "{{.}}", "\ufffd", "１２３", "-1", "007", "1e3", "99999999999999999999999999", "12345/../12346",
}

// No wrong input, however odd, reaches the API, and each error says something.
func TestWrongInputsSendNothing(t *testing.T) {
	t.Parallel()
	for _, op := range tools.Default.Operations() {
		t.Run(op.Name, func(t *testing.T) {
			w := newWorld(t)
			inputs := []string{`[]`, `"x"`, `5`, `{`, `{"a":1,"a":2}`, `null`, "{\"a\":\"\xff\"}", `{"no_such_field":1}`, strings.Repeat("[", 1<<17)}
			required := false
			for _, f := range op.Fields {
				required = required || f.Required
				for _, v := range []any{map[string]any{"a": 1}, []any{1}, 1.5, -3, true, "text\nof two lines"} {
					if f.Kind == tools.Boolean && v == true || f.Kind == tools.Integer && v == -3 && f.Min <= -3 {
						continue
					}
					in := example(t, op)
					in[f.Name] = v
					inputs = append(inputs, marshal(t, in))
				}
			}
			if required {
				inputs = append(inputs, `{}`, ``)
			}
			for _, in := range inputs {
				reply := w.run(op.Name, in)
				require.Equal(t, runner.Invalid, reply.Class, "%.200s: %s", in, reply.Message)
				require.NotEmpty(t, reply.Message)
				require.Less(t, len(reply.Message), 600, "an error must not repeat what is huge")
			}
			require.Empty(t, w.sim.Requests(), "nothing at all was sent")
		})
	}
}

func TestHostileTextsNeverBecomeAWrite(t *testing.T) {
	t.Parallel()
	for _, op := range tools.Default.Operations() {
		w := newWorld(t)
		for _, f := range op.Fields {
			if f.Kind == tools.Boolean || f.Kind == tools.Integer {
				continue
			}
			for _, text := range hostile {
				in := example(t, op)
				in[f.Name] = text
				if op.Risk == permissions.Change {
					in["dry_run"] = true
				}
				w.run(op.Name, marshal(t, in))
			}
		}
		require.Empty(t, w.sent(), op.Name)
	}
}

func TestInputErrorsNameTheFix(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct{ operation, input, says string }{
		{"servers.get", `{}`, "server is missing: Server id or exact name"},
		{"servers.get", `{"id":1}`, "unknown field “id”; servers.get takes server"},
		{"servers.get", `{"server":true}`, "server must be a string, not true"},
		{"servers.get", `{"server":"007"}`, "server is not an id"},
		{"servers.get", `{"server":"web-server-1"}`, "no server is called “web-server-1”; did you mean “web-server-01”"},
		{"servers.get", `{"server":"99"}`, "no server has the id 99"},
		{"servers.list", `{"limit":501}`, "limit must be a whole number from 1 to 500, not 501"},
		{"servers.list", `{"limit":"five"}`, "limit must be a whole number from 1 to 500, not the text “five”"},
		{"servers.list", `{"limit":1.5}`, "limit must be a whole number from 1 to 500, not 1.5"},
		{"servers.list", `{"limit":"1.5"}`, "limit must be a whole number from 1 to 500, not the text “1.5”"},
		{"servers.list", `{"limit":"01"}`, "limit must be a whole number from 1 to 500"},
		{"servers.list", `{"limit":1e300}`, "limit must be a whole number from 1 to 500"},
		{"servers.list", `{"limit":""}`, "limit must be a whole number from 1 to 500"},
		{"servers.list", `{"limit":true}`, "limit must be a whole number from 1 to 500, not true"},
		{"servers.list", `{"status":""}`, "status is empty; it must be one word: active, stopped or suspended"},
		{"servers.list", `{"status":"a b"}`, "status has characters that are not allowed; it must be one word: active, stopped or suspended"},
		{"servers.list", `{"location":""}`, "location is empty; it must be one word: such as us-west"},
		{"backups.list", `{"backup_type":""}`, "backup_type is empty; it must be one word: manual or automatic"},
		{"domains.list", `{"status":""}`, "status is empty; it must be one word: active, pending, expired or locked"},
		{"servers.create", `{"name":"a","plan_id":"1","os_id":"5","location":""}`, "location is empty; it must be one word: such as us-west"},
		{"servers.start", `{"server":"1","dryRun":true}`, "unknown field “dryRun”; did you mean dry_run? servers.start takes server, dry_run, wait"},
		{"servers.start", `{"server":"1","Wait":true}`, "unknown field “Wait”; did you mean wait?"},
		{"servers.create", `{"planId":"1"}`, "unknown field “planId”; did you mean plan_id?"},
		{"servers.create", `{"hostnme":"1"}`, "unknown field “hostnme”; did you mean hostname?"},
		{"account.get", `{"a":1}`, "unknown field “a”; account.get takes no fields"},
		{"servers.update", `{"server":"12345"}`, "nothing to change: give a new name, a new hostname or backups_enabled"},
		{"servers.create", `{"name":"a b","plan_id":"1","os_id":"5","location":"us-west"}`, "name has characters that are not allowed; it must be letters, digits and hyphens"},
		{"servers.create", `{"name":"a","plan_id":"","os_id":"5","location":"us-west"}`, "plan_id is not an id"},
		{"servers.restore", `{"server":"db-server-01","backup_id":"501"}`, "backup 501 is not a backup of server 12346"},
		{"backups.delete", `{"backup_id":"1"}`, "no backup has the id 1; backups.list shows them"},
		{"servers.delete", `{"server":12345.5}`, "server is not an id"},
		{"servers.reboot", `{"server":"web-server-01","wait":1}`, "wait must be true or false, not 1"},
		{"servers.reboot", `{"server":"web-server-01","wait":"True"}`, "wait must be true or false, not the text “True”"},
		{"servers.reboot", `{"server":"web-server-01","wait":"yes"}`, "wait must be true or false, not the text “yes”"},
		{"servers.bootre", `{}`, "no operation is called “servers.bootre”"},
		{"server.list", `{}`, "did you mean servers.list?"},
		{"servers." + strings.Repeat("secret", 10), `{}`, "no operation has a name as long as that; vpsbot operations lists them"},
		{"servers.reboot", `{"server":"vps_demo"}`, "the input contains the API token"},
		{"servers.reboot", `{"server":"vps\u005fdemo"}`, "the input contains the API token"},
	} {
		reply := w.run(c.operation, c.input)
		require.Equal(t, runner.Invalid, reply.Class, "%s %s: %s", c.operation, c.input, reply.Message)
		require.Contains(t, reply.Message, c.says, "%s %s", c.operation, c.input)
	}
	require.Empty(t, w.sent())
}

// What a client means is taken in each spelling that the schema's type leaves no doubt about.
func TestNumbersAndBooleansInEveryForm(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, "vps_demo", simulator.Options{Servers: 12})
	for _, limit := range []string{`10`, `10.0`, `1e1`, `"10"`, `"10.0"`} {
		reply := w.run("servers.list", `{"limit":`+limit+`}`)
		require.Equal(t, runner.OK, reply.Class, "%s: %s", limit, reply.Message)
		require.Len(t, decoded(t, reply.JSON())["results"], 10, limit)
	}
	for _, op := range tools.Default.Operations() {
		for _, f := range op.Fields {
			for _, yes := range []string{"true", "false"} {
				if f.Kind != tools.Boolean {
					continue
				}
				in := example(t, op)
				in["dry_run"], in[f.Name] = true, yes
				if f.Name == "dry_run" {
					in[f.Name] = "true"
				}
				reply := w.run(op.Name, marshal(t, in))
				require.NotEqual(t, runner.Invalid, reply.Class, "%s %s: %s (the ids of an example must be in simulator/sample.go)", op.Name, f.Name, reply.Message)
			}
		}
	}
	require.Empty(t, w.sent(), "a dry run as a text is a dry run")
}

func TestIdsAreTakenAsNumbersAndAsStrings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, in := range []string{`{"server":12345}`, `{"server":12345.0}`, `{"server":12345.000}`, `{"server":"12345"}`, `{"server":"web-server-01"}`, `{"server":"web01.example.com"}`} {
		reply := w.run("servers.get", in)
		require.Equal(t, runner.OK, reply.Class, reply.Message)
		require.Equal(t, "12345", decoded(t, reply.JSON())["id"])
	}
}

func TestAmbiguousNameIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sim.Edit(func(world *simulator.World) {
		world.AddServer(simulator.Server{Name: "web-server-01", Status: "active", Location: "us-east"})
		world.AddServer(simulator.Server{Name: "12346", Status: "active", Location: "us-east"})
	})
	reply := w.run("servers.delete", `{"server":"web-server-01"}`)
	require.Equal(t, runner.Invalid, reply.Class)
	require.Contains(t, reply.Message, "12345 (us-west, active)")
	require.Contains(t, reply.Message, "give the id of one")

	byNumber := w.run("servers.get", `{"server":"12346"}`)
	require.Equal(t, "db-server-01", decoded(t, byNumber.JSON())["name"], "a number is an id, whatever servers are called")
}

func TestListsArePaged(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, "vps_demo", simulator.Options{Servers: 120, PageSize: 20})
	for _, c := range []struct {
		in            string
		shown         int
		first, footer string
	}{
		{`{}`, 50, "12345", "1 to 50 of 120 servers; more with offset 50."},
		{`{"limit":10,"offset":115}`, 5, "", "116 to 120 of 120 servers."},
		{`{"limit":500}`, 120, "12345", "120 servers."},
		{`{"offset":500}`, 0, "", "No servers from offset 500; there are 120 in all."},
	} {
		reply := w.run("servers.list", c.in)
		out := decoded(t, reply.JSON())
		require.EqualValues(t, 120, out["count"])
		require.Len(t, out["results"], c.shown, c.in)
		require.True(t, strings.HasSuffix(reply.Text(), c.footer), reply.Text())
	}
}
