package blocks

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/tools"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares what is shown with its file, and checks it as Slack would.
func golden(t *testing.T, name string, shown any) {
	t.Helper()
	check(t, name, shown)
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	require.NoError(t, enc.Encode(shown))
	path := filepath.Join("testdata", name+".json")
	if *update {
		require.NoError(t, os.WriteFile(path, b.Bytes(), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), b.String(), "%s differs: if that is meant, go test ./slackbot/blocks -update", path)
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	servers := run(t, "vps_demo", "servers.list", `{"limit":2}`)
	golden(t, "servers_list", Answer(servers, AnswerView{Now: noon, Next: "next", CSV: "all"}))
	golden(t, "servers_list_shared", Answer(run(t, "vps_demo", "servers.list", `{}`), AnswerView{SharedBy: "U1"}))
	for _, operation := range []string{"backups.list", "snapshots.list", "plans.list", "domains.list", "dns.zones", "account.get"} {
		golden(t, operation, Answer(run(t, "vps_demo", operation, `{}`), AnswerView{}))
	}
	golden(t, "servers_list_empty", Answer(run(t, "vps_demo", "servers.list", `{"location":"nowhere"}`), AnswerView{}))
	golden(t, "servers_get", Answer(run(t, "vps_demo", "servers.get", `{"server":"web-server-01"}`), AnswerView{}))
	golden(t, "unknown_server", Answer(run(t, "vps_demo", "servers.get", `{"server":"<!channel>"}`), AnswerView{}))
	golden(t, "dry_run", Answer(run(t, "vps_demo", "servers.delete", `{"server":"web-server-01","dry_run":true}`), AnswerView{}))
	op, _ := tools.Default.Lookup("servers.stop")
	rec := reboot(t)
	golden(t, "change_done", Answer(runner.Reply{Op: op, Outcome: runner.Done, Record: &rec, Message: "web-server-01 is stopped already: there was nothing to do."}, AnswerView{}))
	golden(t, "change_refused", Answer(runner.Reply{Op: op, Class: runner.Refuse, Outcome: runner.Refused, Message: "servers.stop is refused: the policy's rule “readers” lets slack:U1 read only."}, AnswerView{}))
}

func TestCards(t *testing.T) {
	t.Parallel()
	golden(t, "ask_reboot", Ask(reboot(t), AskView{Role: Own, Asker: "U1"}))
	golden(t, "ask_create", Ask(creation(t), AskView{Role: Own, Asker: "U1"}))
	golden(t, "ask_delete_own", Ask(deletion(t), AskView{Role: Own, Call: []string{"U1"}}))
	golden(t, "ask_delete_second", Ask(deletion(t), AskView{Role: Second, Answers: []approval.Consent{yes}}))
	denied := with(deletion(t), func(rec *approval.Record) { rec.State = approval.Denied })
	golden(t, "answered_denied", Answered(denied, LiveView{Now: noon, Answers: []approval.Consent{no}}))
	golden(t, "answered_expired", Answered(reboot(t), LiveView{Now: noon.Add(2 * time.Hour)}))
	stale := with(deletion(t), func(rec *approval.Record) {
		rec.State, rec.Message = approval.Stale, "Nothing was sent: the target has changed since it was shown: name was “web-server-01” and is now “web-server-02”."
	})
	golden(t, "answered_stale", Answered(stale, LiveView{Now: noon}))
}

func TestLiveMessages(t *testing.T) {
	t.Parallel()
	at := func(s approval.State, message string) approval.Record {
		return with(reboot(t), func(rec *approval.Record) { rec.State, rec.Message = s, message })
	}
	golden(t, "live_waiting", Live(deletion(t), LiveView{Now: noon}))
	golden(t, "live_agreed", Live(with(deletion(t), func(rec *approval.Record) { rec.State = approval.Approved }), LiveView{Now: noon, Answers: []approval.Consent{yes}}))
	golden(t, "live_agreed_http", Live(with(deletion(t), func(rec *approval.Record) {
		rec.State, rec.Surface = approval.Approved, approval.Origin{Surface: "mcp", Remote: true}.String()
	}), LiveView{Now: noon, Answers: []approval.Consent{yes}}))
	golden(t, "live_running", Live(at(approval.Executing, ""), LiveView{Now: noon, Waited: 40 * time.Second, Mention: "U1"}))
	done := at(approval.Done, "VPS.org has accepted it: reboot web-server-01. VPS.org says: “Server reboot initiated”.")
	golden(t, "live_settling", Live(done, LiveView{Now: noon, Going: true, Progress: "rebooting", Waited: 40 * time.Second, Mention: "U1", Undo: "/vps servers start web-server-01"}))
	golden(t, "live_done", Live(done, LiveView{Now: noon, Settled: "active", Waited: 95 * time.Second, Mention: "U1"}))
	golden(t, "live_ended_badly", Live(done, LiveView{Now: noon, Settled: "error", Waited: 95 * time.Second, Mention: "U1"}))
	golden(t, "live_unknown", Live(at(approval.Unknown, "Reboot web-server-01: it is not known whether it happened, because VPS.org's answer was lost (no answer in time)."), LiveView{Now: noon, Mention: "U1"}))
	golden(t, "live_needs_human", Live(at(approval.NeedsHuman, ""), LiveView{Now: noon, Mention: "U1"}))
	created := with(creation(t), func(rec *approval.Record) {
		rec.State, rec.Message = approval.Done, "VPS.org has accepted it: web-server-09 (id 12350) is provisioning."
		rec.Result = []byte(`{"id":12350,"name":"web-server-09","status":"provisioning","ip_address":"203.0.113.9","plan":{"id":1,"name":"Starter"}}`)
	})
	golden(t, "live_created", Live(created, LiveView{Now: noon, Settled: "active", Waited: 2 * time.Minute, Mention: "U1", Undo: "/vps servers delete web-server-09"}))
}

func TestModals(t *testing.T) {
	t.Parallel()
	golden(t, "modal_name", NameModal(deletion(t), "meta"))
	golden(t, "modal_deny", DenyModal(deletion(t), "meta"))
	golden(t, "modal_loading", Loading("Create a server", "meta"))
	golden(t, "modal_done", modal("Create a server", "", Plain("It was asked for: look at the channel.").Blocks))
	create, _ := tools.Default.Lookup("servers.create")
	golden(t, "form_create", Form(create, map[string]string{"name": "web-server-09", "plan_id": "7", "backups_enabled": "true"}, Choices{
		"plan_id":  {{"1", "Starter · 1 vCPU · 5.00 a month"}, {"2", "Standard · 2 vCPU · 10.00 a month"}},
		"location": {{"us-west", ""}},
	}, "meta"))
	replace, _ := tools.Default.Lookup("servers.replace")
	golden(t, "form_replace", Form(replace, map[string]string{"server": "web-server-01"}, nil, "meta"))
}

func TestHelpAndLists(t *testing.T) {
	t.Parallel()
	why := map[string]string{"servers.delete": "the token lacks servers:delete.", "servers.create": "the policy's rule “readers” says no."}
	var ops []*tools.Op
	for _, op := range tools.Default.Operations() {
		if why[op.Name] == "" {
			ops = append(ops, op)
		}
	}
	golden(t, "help", Help(ops, why, nil))
	golden(t, "help_nothing", Help(nil, why, nil))
	create, _ := tools.Default.Lookup("servers.create")
	golden(t, "help_create", Help(ops, why, create))
	golden(t, "suggest_read", Suggest("There is no operation “severs list”.", "servers list", "token"))
	golden(t, "suggest_change", Suggest("There is no operation “rebot”.", "reboot web-server-01", ""))
	golden(t, "approvals", Approvals([]approval.Record{reboot(t)}, []approval.Record{deletion(t)}, noon))
	golden(t, "approvals_none", Approvals(nil, nil, noon))
	golden(t, "audit", Audit(auditRows(), noon))
	golden(t, "mirror", Mirror(auditRows()[0]))
	golden(t, "expiry", Expiry("The token “ci” expires in 3 days. Make a new one at VPS.org."))
}

func TestHomeTab(t *testing.T) {
	t.Parallel()
	running := with(reboot(t), func(rec *approval.Record) { rec.State = approval.Executing })
	golden(t, "home", Home(HomeView{
		Now: noon, Notice: "All changes are frozen by slack:U2.", Fleet: run(t, "vps_demo", "servers.list", `{}`), Filter: "web", Next: "n", Prev: "p",
		Running: []approval.Record{running}, Mine: []approval.Record{reboot(t)}, Waiting: []approval.Record{deletion(t)},
		May: tools.Default.Operations(), Audit: auditRows(),
	}))
	golden(t, "home_empty", Home(HomeView{Fleet: runner.Reply{Class: runner.Failed, Message: "VPS.org does not answer."}}))
}
