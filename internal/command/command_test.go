package command_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/command"
	"github.com/vpsbot/vpsbot/tools"
)

func parse(t *testing.T, text string) command.Command {
	t.Helper()
	c, err := command.Parse(nil, text)
	require.NoError(t, err, text)
	return c
}

func mistaken(t *testing.T, text string) (m *command.ParseError, suggestion string) {
	t.Helper()
	c, err := command.Parse(nil, text)
	require.ErrorAs(t, err, &m, "%s is %s", text, c)
	if m.Suggestion != nil {
		suggestion = m.Suggestion.String()
	}
	return m, suggestion
}

// What is typed, and the same in the one fixed spelling.
func TestCommands(t *testing.T) {
	for _, c := range []struct{ typed, means string }{
		{"", ""},
		{"  \u00a0 ", ""},
		{"servers list", "servers list"},
		{"servers list status=active limit=5", "servers list status=active limit=5"},
		{"servers list --share --csv", "servers list --share --csv"},
		{"servers list --share=no csv=on", "servers list --csv"},
		{"servers get web-1", "servers get web-1"},
		{"servers get server=web-1", "servers get web-1"},
		{"servers get --server web-1", "servers get web-1"},
		{"servers get web-1 web-1", "servers get web-1"},
		{"servers get 12345", "servers get 12345"},
		{`servers get "-x"`, `servers get "-x"`},
		{`servers get "?"`, `servers get "?"`},
		{`servers get "a=b"`, `servers get "a=b"`},
		{`servers get "My Server"`, `servers get "My Server"`},
		{"servers stop web-1 --wait", "servers stop web-1 --wait"},
		{"servers stop --wait=false web-1", "servers stop web-1 wait=false"},
		{"servers stop web-1 --dry-run", "servers stop web-1 --dry-run"},
		{"servers stop web-1 dry_run=true", "servers stop web-1 --dry-run"},
		{"servers create name=a --plan-id 1 --plan_id=1 os-id=5", "servers create name=a plan_id=1 os_id=5"},
		{"servers update web-1 --backups-enabled=No", "servers update web-1 backups_enabled=false"},
		{"servers update web-1 backups_enabled=maybe", "servers update web-1 backups_enabled=maybe"},
		{`backups create web-1 --description "before the upgrade"`, `backups create web-1 description="before the upgrade"`},
		{`backups create web-1 --description a=b`, `backups create web-1 description="a=b"`},
		{`backups create web-1 description='it''s'`, `backups create web-1 description="it''s"`},
		{`backups create web-1 description="say \"hi\" C:\\"`, `backups create web-1 description="say \"hi\" C:\\"`},
		{`backups create web-1 description=""`, `backups create web-1 description=""`},
		{"backups delete 501", "backups delete 501"},
		{"snapshots restore 7001", "snapshots restore 7001"},

		{"ls", "servers list"},
		{"List", "servers list"},
		{"SERVERS", "servers list"},
		{"servers status=active", "servers list status=active"},
		{"servers --share", "servers list --share"},
		{"backups", "backups list"},
		{"backups server=web-1", "backups list web-1"},
		{"backup ls web-1", "backups list web-1"},
		{"account", "account get"},
		{"account list", "account get"},
		{"dns", "dns zones"},
		{"dns ls domain=example.com", "dns zones domain=example.com"},
		{"ls dns", "dns zones"},
		{"Reboot web-1", "servers reboot web-1"},
		{"reboot dns", "servers reboot dns"},
		{"show web-1", "servers get web-1"},
		{"rm web-1", "servers delete web-1"},
		{"backups rm 5", "backups delete 5"},
		{"restore web-1 backup_id=501", "servers restore web-1 backup_id=501"},
		{"servers.reboot web-1", "servers reboot web-1"},
		{"servers_reboot web-1", "servers reboot web-1"},
		{"backups.rm 5", "backups delete 5"},
		{"list backups", "backups list"},
		{"ls snapshots web-1", "snapshots list web-1"},
		{"create snapshot web-1 name=n", "snapshots create web-1 name=n"},
		{"delete backup 501", "backups delete 501"},
		{"reboot server web-1", "servers reboot web-1"},
		{`delete "backups"`, "servers delete backups"},
		{"/vps servers list", "servers list"},
		{"/vps", ""},

		{"help", "help"},
		{"?", "help"},
		{"-h", "help"},
		{"--help", "help"},
		{"—help", "help"},
		{"help help", "help"},
		{"help servers.delete", "help servers delete"},
		{"help servers delete", "help servers delete"},
		{"help rm web-1", "help servers delete"},
		{"help ls", "help servers list"},
		{"help backup", "help backups"},
		{"backups ?", "help backups"},
		{"help freeze", "help freeze"},
		{"servers delete web-1 --help", "help servers delete"},
		{"reboot ?", "help servers reboot"},
		{"reboot -h --nonsense", "help servers reboot"},
		{"freeze ?", "help freeze"},
		{"freeze —help", "help freeze"},
		{"why -h", "help why"},

		{"why servers.delete web-1", "why servers delete web-1"},
		{"why rm web-1", "why servers delete web-1"},
		{"why ls --share", "why servers list --share"},
		{"approvals", "approvals"},
		{"approvals  web-1", "approvals web-1"},
		{"audit servers.delete   web-1", "audit servers.delete web-1"},
		{"audit “web-1”", "audit web-1"},
		{"freeze", "freeze"},
		{"FREEZE  Don't touch: 19\" rack & <b>", `freeze Don't touch: 19" rack & <b>`},
		{`freeze "—help"`, `freeze "—help"`},
		{`freeze "moving house"`, "freeze moving house"},
		{"unfreeze", "unfreeze"},
	} {
		got := parse(t, c.typed)
		require.Equal(t, c.means, got.String(), "%q", c.typed)
		again := parse(t, got.String())
		require.Equal(t, got, again, "%q", c.typed)
	}
}

func TestMissingFields(t *testing.T) {
	var names []string
	for _, field := range parse(t, "create name=a location=us-west").Missing() {
		names = append(names, field.Name)
	}
	require.Equal(t, []string{"plan_id", "os_id"}, names)
	require.Empty(t, parse(t, "reboot web-1").Missing())
	require.Len(t, parse(t, "reboot").Missing(), 1)
	require.Empty(t, parse(t, "help reboot").Input)
}

// Every mistake says what to do, and suggests no more than a word put right.
func TestMistakes(t *testing.T) {
	for _, c := range []struct {
		typed, says, suggests string
		reads                 bool
	}{
		{"servrs list", "no operation is called “servrs”; /vps help lists them", "servers list", true},
		{"servers lst", "servers has no action “lst”; it has create, delete, get, list,", "servers list", true},
		{"servrs lst", "no operation is called “servrs”", "servers list", true},
		{"srevers.list", "no operation is called “srevers.list”", "servers list", true},
		{"srevers_list", "no operation is called “srevers_list”", "servers list", true},
		{"rebot web-01x", "no operation is called “rebot”", "servers reboot web-01x", false},
		{"delte Web-1", "no operation is called “delte”", "servers delete Web-1", false},
		{"restart web-1", "no operation is called “restart”", "servers reboot web-1", false},
		{"servers info web-1", "servers has no action “info”", "servers get web-1", true},
		{"zones", "no operation is called “zones”", "dns zones", true},
		{"servers web-1", "servers has no action “web-1”", "servers get web-1", true},
		{"servers.Web_1", "servers has no action “Web_1”", "servers get Web_1", true}, // as typed: only so is a secret redacted
		{"backups web-1", "backups has no action “web-1”; it has create, delete or list", "backups list web-1", true},
		{"backups get 5", "backups has no action “get”", "", false},
		{"backups get", "backups has no action “get”", "", false},
		{"plans create", "plans has no action “create”; it has list", "", false},
		{"plans us-west", "plans has no action “us-west”; it has list", "", false},
		{`servers "list"`, "servers has no action “list”", "servers list", true},
		{"hello", "no operation is called “hello”; /vps help lists them", "help", true},
		{"web-server", "no operation is called “web-server”", "", false},
		{"x", "no operation is called “x”", "", false},
		{"servers.", "no operation is called “servers.”", "", false},
		{"web-1.example.com", "no operation is called", "", false},
		{"--share", "the command begins with “--share”; the operation comes first: /vps servers list", "", false},
		{"name=x", "the command begins with “name=x”; the operation comes first", "", false},
		{strings.Repeat("k", 41), "no operation is called a text of 41 characters", "", false},
		{"frezee now", "no operation is called “frezee”", "freeze now", false},
		{"audti web-1", "no operation is called “audti”", "audit web-1", true},
		{"hlep rebot", "no operation is called “hlep”", "help servers reboot", true},
		{"why", "why needs an operation: /vps why servers delete web-1", "", false},
		{"why delte web-1", "no operation is called “delte”", "why servers delete web-1", true},
		{"help delte", "no operation is called “delte”", "help servers delete", true},
		{"why ls --csv", "--csv is for commands that answer a list", "why servers list", true},

		{"delete backups", "“backups” may be a server's name or all backups; write server=backups for the server, or the resource first", "backups delete", false},
		{"get server", "“server” may be a server's name", "servers get", true},
		{"servers delete web-1 web-2", "“web-2” is one word too many; servers.delete takes one server, which is “web-1” already: put a name of several words in quotes", "", false},
		{"backups delete 1 2", "takes one backup_id, which is “1” already", "", false},
		{"snapshots create web-1 nightly", "“nightly” stands alone; say which field it is, as in name=nightly", "snapshots create web-1 name=nightly", false},
		{`snapshots create web-1 "a b"`, `as in name="a b"`, `snapshots create web-1 name="a b"`, false},
		{"restore web-1 501", "as in backup_id=501", "servers restore web-1 backup_id=501", false},
		{"restore web-1 501 backup_id=502", "“501” is one word too many", "", false},
		{"servers list active", "“active” stands alone; write field=value. servers.list takes status, location, limit, offset", "", false},
		{"account get me", "account.get takes no names and no fields; leave “me” out", "account get", true},
		{"get a server=b", "server is given twice, as “a” and as “b”; leave one out", "", false},
		{"ls status=a status=b", "status is given twice", "", false},

		{"get servr=web-1", "servers.get has no field “servr”; it takes server", "servers get web-1", true},
		{"ls --stauts active", "servers.list has no flag “--stauts”; it takes --status, --location, --limit, --offset", "servers list status=active", true},
		{"ls --shaer", "has no flag “--shaer”", "servers list --share", true},
		{"create plan=1", "servers.create has no field “plan”", "servers create plan_id=1", false},
		{"account get nonsense=1", "account.get has no field “nonsense”; it takes none", "", false},
		{"stop web-1 -wait", "“-wait” is no flag; flags begin with two hyphens", "servers stop web-1 --wait", false},
		{"ls -status=active", "“-status=active” is no flag", "servers list status=active", true},
		{"get -x", "“-x” is no flag; flags begin with two hyphens, and a name that begins with one is written field=name", "", false},
		{"servers update web-1 --backups-enabled false", "--backups-enabled stands alone or has its value behind =, as in --backups-enabled=false", "servers update web-1 backups_enabled=false", false},
		{"ls --share true", "--share stands alone", "servers list --share", true},
		{"ls --share=maybe", "--share stands alone; it takes no value but true or false", "", false},
		{"ls --status", "--status has no value; write --status=value", "", false},
		{"ls --status --share", "--status has no value", "", false},
		{"ls --status location=x", "--status has no value", "", false},
		{"ls status= active", `status= has no value; write status=value without a space, or status="" for an empty one`, "", false},
		{"ls --status= active", "status= has no value", "", false},
		{"ls --wait=", "servers.list has no flag “--wait”", "", false},
		{"ls " + strings.Repeat("k", 500) + "=", "servers.list has no field a text of 500 characters", "", false},
		{"snapshots create web-1 " + strings.Repeat("k", 41), `a text of 41 characters stands alone; say which field it is, as in name="…"`, "snapshots create web-1 name=" + strings.Repeat("k", 41), false},
		{"ls status = active", "“status” stands alone", "", false},
		{"ls = active", "a field and its value are written together: field=value", "", false},
		{"ls --=x", "a field and its value are written together", "", false},
		{"get web-1 --csv", "--csv is for commands that answer a list; this one makes no file", "servers get web-1", true},
		{"rm web-1 csv=yes", "--csv is for commands that answer a list", "servers delete web-1", false},
		{"audit web-1 --share", "audit takes words to look for and no flags such as “--share”", "audit web-1", true},

		{`get "web-1`, "the quote before “web-1” is never closed; add the closing quote", "", false},
		{"get ‘web-1", "the quote before “web-1” is never closed", "", false},
		{`backups create description="say "web-1" now"`, `a quote closes in the middle of a word, after “say ”; a quote inside quotes is written \"`, "", false},
		{"get web\u00ad1", "an invisible character (U+00AD)", "servers get web-1", true},
		{"stop web\u00ad1", "an invisible character (U+00AD)", "servers stop web-1", false},
		{"get web\u202e1", "an invisible character (U+202E)", "", false},
		{"get web\x001", "an invisible character (U+0000)", "", false},
		{"get \xff", "the command is not valid text", "", false},
		{strings.Repeat("a", 4001), "the command is longer than 4000 characters", "", false},
		{strings.Repeat("a ", 101), "the command has more than 100 words", "", false},
	} {
		m, suggestion := mistaken(t, c.typed)
		require.Contains(t, m.Error(), c.says, "%q", c.typed)
		require.Equal(t, c.suggests, suggestion, "%q: %s", c.typed, m)
		require.Equal(t, c.reads, suggestion != "" && m.Suggestion.IsRead(), "%q", c.typed)
	}
}

// At most three words are corrected, and no suggestion is longer than what can be typed.
func TestSuggestionsEnd(t *testing.T) {
	for typed, want := range map[string]string{
		"craete naem=a paln_id=1":                                      "servers create name=a plan_id=1",
		"craete naem=a paln_id=1 oss_id=3":                             "",
		"backup craete web-1 description=" + strings.Repeat(`\`, 3950): "",
	} {
		_, suggestion := mistaken(t, typed)
		require.Equal(t, want, suggestion)
	}
}

func TestLongReasonsFreeze(t *testing.T) {
	reason := strings.TrimSpace(strings.Repeat("why ", 150))
	require.Equal(t, reason, parse(t, "freeze "+reason).Rest)
}

// No operation may have a field that the bot would take for its own flag, and no resource or
// action a name that is a command of its own.
func TestOwnWordsAreFree(t *testing.T) {
	for _, op := range tools.Default.Operations() {
		for _, field := range op.Fields {
			require.NotContains(t, []string{"share", "csv"}, field.Name, op.Name)
		}
		for part := range strings.SplitSeq(op.Name, ".") {
			require.NotContains(t, []string{"help", "why", "approvals", "audit", "freeze", "unfreeze", "ls", "rm", "show"}, part)
		}
	}
}
