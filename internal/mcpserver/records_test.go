package mcpserver

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/permissions"
)

// callAs calls a tool as one caller of many.
func (w *world) callAs(actor permissions.Actor, tool, arguments string) (o outcome) {
	w.Helper()
	e := envelope{Version: "2.0", ID: []byte("1"), Method: "tools/call", Params: []byte(call(tool, arguments))}
	var m message
	require.NoError(w, json.Unmarshal(w.server.answerOne(w.Context(), client{actor: actor, memory: &memory{}}, e), &m))
	require.Nil(w, m.Error)
	require.NoError(w, json.Unmarshal(m.Result, &o))
	require.NoError(w, o.validate(tool), string(o.StructuredContent))
	o.sound(w)
	return o
}

// logged writes rows of the account's log, a minute after each other, the first a week ago.
func (w *world) logged(rows ...audit.Row) {
	w.Helper()
	scope, err := w.server.Runner.Scope(w.Context())
	require.NoError(w, err)
	for i, row := range rows {
		row.At = w.clock.Now().Add(-7*24*time.Hour + time.Duration(i)*time.Minute)
		if row.Account == "" {
			row.Account = scope.Account
		}
		require.NoError(w, w.store.Note(w.Context(), row))
	}
}

func row(actor permissions.Actor, surface, operation, target string, decision audit.Decision, outcome audit.Outcome) audit.Row {
	return audit.Row{Actor: string(actor), Surface: surface, Operation: operation, Target: target, Decision: decision, Outcome: outcome}
}

func teamLog(w *world) {
	deleted := row(alice, "terminal", "servers.delete", "server:7 (staging-1)", audit.Allowed, audit.Done)
	deleted.Approver, deleted.Approval = "bob", "a1"
	began := deleted
	began.Outcome, began.Reason = "", "agreed in: slack"
	refused := row(bob, "mcp:http", "servers.delete", "prod-1", audit.Refused, "")
	refused.Reason, refused.Arguments = `no rule of the policy allows it to key:bob from mcp; see servers.list`, json.RawMessage(`{"server":"secret-argument"}`)
	elsewhere := row(alice, "terminal", "servers.delete", "server:8 (staging-2)", audit.Allowed, audit.Done)
	elsewhere.Account = "other@example.com"
	w.logged(began, deleted, refused, elsewhere,
		row(alice, "mcp", "servers.reboot", "server:9 (web-1)", audit.Allowed, audit.Failed),
		row(alice, "terminal", "keys.create", "ci", audit.Allowed, ""))
}

func lines(o outcome) []string { return strings.Split(o.text(), "\n") }

func TestTheAuditLogAnswersWhoDidWhat(t *testing.T) {
	w := newWorld(t)
	policy := reader()
	w.server.Runner.Policy = func() permissions.Policy { return policy }
	teamLog(w)
	all := []string{
		"2025-02-22 12:05 UTC alice created the access key ci",
		"2025-02-22 12:04 UTC alice's assistant failed to reboot web-1",
		"2025-02-22 12:02 UTC bob's assistant's request to delete prod-1 was refused: no rule of the policy allows it to key:bob from mcp; see servers_list",
		"2025-02-22 12:01 UTC alice deleted staging-1, agreed by bob in Slack",
	}
	deletions := all[2:]
	for arguments, want := range map[string][]string{
		`{}`:                               all,
		`{"server":"staging"}`:             all[3:],
		`{"server":"server:7"}`:            all[3:],
		`{"server":"STAGING-1"}`:           all[3:],
		`{"operation":"*_delete"}`:         deletions,
		`{"operation":"servers_delete"}`:   deletions,
		`{"operation":"servers.delete"}`:   deletions,
		`{"operation":"delete"}`:           deletions,
		`{"operation":"keys_create"}`:      all[:1],
		`{"person":"alice"}`:               {all[0], all[1], all[3]},
		`{"person":"local:alice"}`:         {all[0], all[1], all[3]},
		`{"person":"bob"}`:                 all[2:3],
		`{"person":"erin"}`:                {"No row matches."},
		`{"since":"2025-02-22T12:04:00Z"}`: all[:2],
		`{"until":"2025-02-22T12:02:00Z"}`: all[3:],
		`{"since":"24h"}`:                  {"No row matches."},
		`{"limit":1}`:                      {all[0], "Only the newest 1; a higher limit shows more."},
	} {
		require.Equal(t, want, lines(w.callAs(alice, "audit_list", arguments)), arguments)
	}
	o := w.callAs(alice, "audit_list", `{"operation":"delete"}`)
	require.JSONEq(t, `{"count":2,"results":[
		{"at":"2025-02-22T12:02:00Z","who":"bob","tool":"servers_delete","target":"prod-1","outcome":"refused","why":"no rule of the policy allows it to key:bob from mcp; see servers_list","where":"mcp"},
		{"at":"2025-02-22T12:01:00Z","who":"alice","tool":"servers_delete","target":"staging-1","outcome":"done","answered_by":"bob","where":"terminal"}]}`, string(o.StructuredContent))
	for _, r := range w.sim.Requests() {
		require.Equal(t, "GET /api/v1/account/me/", r.Method+" "+r.Path, "nothing but the token is asked")
	}
}

// Everybody's rows are for those who may run something destructive, as in Slack; the others read their own.
func TestTheAuditLogOfOthers(t *testing.T) {
	w := newWorld(t)
	policy := reader()
	w.server.Runner.Policy = func() permissions.Policy { return policy }
	teamLog(w)
	for arguments, want := range map[string]int{`{}`: 1, `{"person":"bob"}`: 1, `{"person":"alice"}`: 0, `{"person":"local:alice"}`: 0} {
		o := w.callAs(bob, "audit_list", arguments)
		require.NotContains(t, o.text(), "staging", arguments)
		require.Contains(t, o.text(), "You may read your own rows alone.")
		require.EqualValues(t, want, decoded(t, o.StructuredContent)["count"], arguments)
	}
	require.Equal(t, "No row matches. You may read your own rows alone.", w.callAs(dave, "audit_list", `{}`).text())
	for _, tool := range recordNames {
		o := w.callAs(carol, tool, `{}`)
		require.True(t, o.IsError)
		require.Contains(t, o.text(), "records are refused: you may do nothing here")
	}
	require.Empty(t, valuesOf(t, w.as(carol, "tools/list", `{}`), "tools", "name"))
	require.NotContains(t, string(w.callAs(alice, "audit_list", `{"limit":500}`).StructuredContent), "secret-argument")
}

// Who may destroy some servers reads everybody's rows, but for rows of others about servers that the policy hides.
func TestTheAuditLogKeepsServersHidden(t *testing.T) {
	w := newWorld(t)
	policy := reader()
	policy.Book.Rules = append(policy.Book.Rules, permissions.Rule{
		Name: "staging", Effect: permissions.Allow, Who: []permissions.Principal{"dave"}, Operations: []permissions.Glob{"*"}, Servers: []permissions.ServerPattern{"staging-*"},
	})
	w.server.Runner.Policy = func() permissions.Policy { return policy }
	teamLog(w)
	w.logged(
		row(alice, "terminal", "backups.delete", "server:10 (backup 501 of prod-2)", audit.Allowed, audit.Done),
		row(alice, "terminal", "backups.delete", "server:7 (backup 502 of staging-1)", audit.Allowed, audit.Done),
		row(alice, "terminal", "servers.create", "name:prod-3 (prod-3)", audit.Allowed, audit.Done),
		row(dave, "mcp", "servers.delete", "prod-1", audit.Refused, ""))
	shown := w.callAs(dave, "audit_list", `{}`).text()
	for _, hidden := range []string{"bob's assistant", "prod-2", "prod-3"} {
		require.NotContains(t, shown, hidden)
	}
	for _, seen := range []string{"alice deleted staging-1", "backup 502 of staging-1", "reboot web-1", "dave's assistant's request to delete prod-1", "access key ci"} {
		require.Contains(t, shown, seen)
	}
	require.Contains(t, w.callAs(alice, "audit_list", `{}`).text(), "prod-2")
}

func TestInputsOfRecords(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ tool, arguments, says string }{
		{"audit_list", `{"sever":"web-1"}`, "unknown field “sever”; did you mean server? audit_list takes server, operation, person, since, until, limit"},
		{"audit_list", `{"limit":0}`, "limit must be a whole number"},
		{"audit_list", `{"since":"yesterday"}`, "since is no time: write 2026-01-31"},
		{"audit_list", `{"operation":"servers.delet"}`, "no operation or act is called “servers.delet”; did you mean servers_delete"},
		{"audit_list", `{"operation":"[a-"}`, "operation is no glob"},
		{"audit_list", `[]`, "the input is not a JSON object"},
		{"approvals_list", `{"state":"pending"}`, "state must be open or ended, not “pending”"},
		{"approvals_list", `{"id":"a"}`, "approvals_list takes server, state, limit"},
	} {
		o := w.callAs(alice, c.tool, c.arguments)
		require.True(t, o.IsError, c.arguments)
		require.Contains(t, o.text(), c.says)
	}
	require.False(t, w.callAs(alice, "audit_list", `"{\"limit\":\"2\",\"sessionId\":\"x\"}"`).IsError, "as other tools read what clients send")
}

// "What waits for me" and "how did my request end" are one call each.
func TestApprovalsAsATool(t *testing.T) {
	w := newWorld(t)
	policy := reader()
	w.server.Runner.Policy = func() permissions.Policy { return policy }
	w.legacy(noForms).call(call("servers_delete", web))
	deletion := w.records()[0]
	waits := w.callAs(bob, "approvals_list", `{"state":"open"}`)
	require.Contains(t, waits.text(), deletion.ID+": servers_delete of “web-server-01” is pending, asked by local:alice at ")
	require.Contains(t, waits.text(), "It waits for your person's answer until ")
	require.Contains(t, waits.text(), "An assistant never does.")
	require.True(t, decoded(t, waits.StructuredContent)["results"].([]any)[0].(map[string]any)["waits_for_you"].(bool))
	_, err := w.server.Runner.Cancel(t.Context(), alice, deletion.ID)
	require.NoError(t, err)
	bothEras(t, w, func(t *testing.T, k *talk) {
		ended := k.call(call("approvals_list", `{"server":"web-server-01","state":"ended","limit":1}`))
		require.NoError(t, ended.validate("approvals_list"))
		require.Contains(t, ended.text(), "is cancelled")
		require.Contains(t, ended.text(), "cancelled by local:alice")
		require.Contains(t, k.call(call("approvals_list", `{"server":"db-server-01"}`)).text(), "No approval matches")
	})
	require.Contains(t, w.callAs(bob, "approvals_list", `{}`).text(), "No approval matches", "it is no longer his")
	require.Equal(t, approval.Cancelled, w.state())
}

// The schemas are those of the types, and each result of the other tests is valid by them.
func TestSchemasOfRecords(t *testing.T) {
	rows := map[string]reflect.Type{"approvals_list": reflect.TypeFor[approvalDocument](), "audit_list": reflect.TypeFor[auditDocument]()}
	for _, tool := range recordTools() {
		var schema struct {
			Properties struct {
				Results struct {
					Items struct {
						Properties map[string]struct{ Type string }
						Required   []string
					}
				}
			}
		}
		require.NoError(t, json.Unmarshal([]byte(tool.output), &schema))
		want, err := jsonschema.ForType(rows[tool.Name], &jsonschema.ForOptions{})
		require.NoError(t, err)
		delete(want.Properties, "card") // of an approval that is read alone
		items := schema.Properties.Results.Items
		require.ElementsMatch(t, slices.Collect(maps.Keys(want.Properties)), slices.Collect(maps.Keys(items.Properties)), tool.Name)
		require.ElementsMatch(t, want.Required, items.Required, tool.Name)
		for name, p := range want.Properties {
			if p.Type != "" {
				require.Equal(t, p.Type, items.Properties[name].Type, name)
			}
		}
	}
	w := newWorld(t)
	for _, tool := range w.legacy(forms).list() {
		if !slices.Contains(recordNames, tool.Name) {
			continue
		}
		require.Equal(t, map[string]any{"readOnlyHint": true, "destructiveHint": false, "idempotentHint": true, "openWorldHint": false}, tool.Annotations)
		require.JSONEq(t, mustRecordTool(t, tool.Name).output, string(tool.OutputSchema))
	}
}

func mustRecordTool(t *testing.T, name string) recordTool {
	tool, ok := recordToolNamed(name)
	require.True(t, ok)
	return tool
}

// A long log is read as far as the limit, however many of its rows are left out.
func TestRowsThatBeganAreNotShown(t *testing.T) {
	w := newWorld(t)
	var rows []audit.Row
	for i := range 30 {
		began := row(alice, "terminal", "servers.reboot", "server:9 (web-"+strconv.Itoa(i)+")", audit.Allowed, "")
		began.Approval = "a" + strconv.Itoa(i)
		done := began
		done.Outcome = audit.Done
		rows = append(rows, began, done)
	}
	w.logged(rows...)
	o := w.callAs(alice, "audit_list", `{}`)
	require.EqualValues(t, rowsShown, decoded(t, o.StructuredContent)["count"])
	require.Len(t, lines(o), rowsShown+1)
	require.NotContains(t, o.text(), "began")
}

func TestRecordsRefuseWhatEveryToolRefuses(t *testing.T) {
	w := newWorld(t)
	for _, tool := range recordNames {
		for name, arguments := range wrong {
			isText := slices.Contains([]string{"server path", "server format", "server huge", "server minus", "server float"}, name)
			require.True(t, w.callAs(alice, tool, arguments).IsError || isText, "%s: %s", tool, name)
		}
	}
	w.server.Runner.Store = func(context.Context) (approval.Store, error) { return nil, errors.New("open /home/alice/vps_demo") }
	for _, tool := range recordNames {
		require.Regexp(t, `^an internal error \(id [A-Z2-7]{8}\); it is logged$`, w.callAs(alice, tool, `{}`).text())
	}
	w.server.Runner.Store = func(context.Context) (approval.Store, error) { panic("store of vps_demo broke") }
	require.Regexp(t, `^an internal error \(id `, w.callAs(alice, "audit_list", `{}`).text())
}

func TestRecordsOverHTTP(t *testing.T) {
	s := newSite(t, nil)
	s.logged(row(aliceOf, "mcp:http", "servers.reboot", "server:9 (web-1)", audit.Allowed, audit.Done))
	c := s.client(aliceKey).initialize(older, `{}`)
	require.Equal(t, "2025-02-22 12:00 UTC key alice's assistant rebooted web-1", c.tool("audit_list", `{}`).next().text(t))
	require.Equal(t, "2025-02-22 12:00 UTC key alice's assistant rebooted web-1", c.modernCall("audit_list", `{"server":"web-1"}`, "").next().text(t))
	require.Contains(t, s.client(bobKey).initialize(older, `{}`).tool("approvals_list", `{}`).next().text(t), "No approval matches")
}

func (m message) text(t *testing.T) string {
	t.Helper()
	require.Nil(t, m.Error)
	var o outcome
	require.NoError(t, json.Unmarshal(m.Result, &o))
	return o.text()
}
