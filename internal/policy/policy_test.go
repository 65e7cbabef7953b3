package policy_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/policy"
	"github.com/vpsbot/vpsbot/permissions"
)

var operations = []policy.Operation{
	{Name: "account.get", Risk: "read"},
	{Name: "backups.create", Risk: "change", OnServer: true},
	{Name: "backups.delete", Risk: "destructive", OnServer: true},
	{Name: "plans.list", Risk: "read"},
	{Name: "servers.create", Risk: "billable", OnServer: true},
	{Name: "servers.delete", Risk: "destructive", OnServer: true},
	{Name: "servers.list", Risk: "read", OnServer: true},
	{Name: "servers.start", Risk: "change", OnServer: true},
	{Name: "servers.stop", Risk: "disruptive", OnServer: true},
	{Name: "servers.update", Risk: "change", OnServer: true, Renames: true},
}

const whole = `version: 1
people:
  - {id: lead, slack: [U024BE7LH], keys: [lead-laptop], local: [lead]}
  - {id: second, slack: [U0G9QF9C6]}
groups:
  oncall: {people: [lead, second], slack_groups: [S0614TZR7]}
rules:
  - {name: everyone reads, effect: allow, who: ["*"], risks: [read]}
  - {name: on-call runs web, effect: allow, who: [oncall], where: ["slack:C061EG9SL", mcp], operations: ["servers.*", "backups.create"], servers: ["web-*", 12345]}
  - {name: two delete, effect: allow, who: [oncall], operations: [servers.delete], servers: ["staging-*"], approvers: {count: 1, who: [oncall]}}
  - {name: never from chat, effect: deny, who: ["*"], where: [slack], operations: [servers.create]}
protected: {servers: ["db-*"]}
budgets: {deletions: 5/20m}
confirm: {destructive: [slack, terminal], billable: [terminal, script]}
slack: {approvals_channel: C061EG9SL, audit_channel: C0AUDIT}
tests:
  - {who: lead, where: "slack:C061EG9SL", operation: servers.delete, server: staging-1, want: approval}
  - {who: second, where: mcp, operation: servers.create, server: web-9, want: allow}
  - {who: lead, where: slack, operation: servers.create, server: web-9, want: deny}
  - {who: "*", where: slack, operation: plans.list, want: allow}
  - {who: slack-external, where: slack, operation: plans.list, want: deny}
  - {who: "slack-group:S0614TZR7", where: "slack:C061EG9SL", operation: servers.stop, server: web-1, want: allow}
  - {who: "key:ci", where: mcp, operation: servers.stop, server: 12345, want: deny}
  - {who: lead, where: mcp, operation: servers.stop, server: 12345, want: approval}
`

func TestLoadWholeFile(t *testing.T) {
	d, err := policy.Load([]byte(whole), operations)
	require.NoError(t, err)
	require.Len(t, d.Warnings, 1)
	require.Contains(t, d.Warnings[0].Text, "guests of the Slack workspace")
	require.Empty(t, d.RunTests())
	require.Len(t, d.Tests, 8)
	b := d.Book
	require.Equal(t, []permissions.Person{
		{ID: "lead", Identities: []permissions.Actor{"slack:U024BE7LH", "key:lead-laptop", "local:lead"}},
		{ID: "second", Identities: []permissions.Actor{"slack:U0G9QF9C6"}},
	}, b.People)
	require.Equal(t, []permissions.Group{{Name: "oncall", People: []string{"lead", "second"}, SlackGroups: []string{"S0614TZR7"}}}, b.Groups)
	require.Len(t, b.Rules, 4)
	require.Equal(t, permissions.Rule{
		Name: "on-call runs web", Effect: "allow", Who: []permissions.Principal{"oncall"}, Where: []permissions.Place{"slack:C061EG9SL", "mcp"},
		Operations: []permissions.Glob{"servers.*", "backups.create"}, Servers: []permissions.ServerPattern{"web-*", "12345"},
	}, b.Rules[1])
	require.Equal(t, &permissions.Approvers{Count: 1, Who: []permissions.Principal{"oncall"}}, b.Rules[2].Approvers)
	require.Nil(t, b.Rules[0].Where, "left out is any")
	require.Equal(t, []permissions.ServerPattern{"db-*"}, b.Protected)
	require.Equal(t, map[string]permissions.Rate{"deletions": {Most: 5, Within: 20 * time.Minute}}, b.Budgets)
	require.Equal(t, map[permissions.Risk][]permissions.Surface{"destructive": {"slack", "terminal"}, "billable": {"terminal", "script"}}, b.Confirm)
	require.Equal(t, permissions.SlackChannels{Approvals: "C061EG9SL", Audit: "C0AUDIT"}, b.Slack)
}

// Where a section stands makes no difference: rules may name groups that come later.
func TestSectionsInAnyOrder(t *testing.T) {
	d, err := policy.Load([]byte("rules:\n- {name: a, effect: allow, who: [g, p]}\ngroups: {g: {people: [p]}}\npeople: [{local: [x], id: p}]\nversion: 1\n"), operations)
	require.NoError(t, err)
	require.Empty(t, d.Warnings)
}

func TestEmptyListIsNotMissing(t *testing.T) {
	d, err := policy.Load([]byte("version: 1\nrules:\n- {name: a, effect: deny, who: [], where: [], operations: [], risks: [], servers: []}\n"), operations)
	require.NoError(t, err)
	require.Equal(t, permissions.Rule{
		Name: "a", Effect: "deny", Who: []permissions.Principal{}, Where: []permissions.Place{}, Operations: []permissions.Glob{},
		Risks: []permissions.Risk{}, Servers: []permissions.ServerPattern{},
	}, d.Book.Rules[0])
}

// rule is a file with one rule, on line 5, that has this in it.
func rule(inside string) string {
	return "version: 1\npeople: [{id: lead, local: [lead]}]\ngroups: {oncall: {people: [lead]}}\nrules:\n- {name: r, " + inside + "}\n"
}

// Every message names the line and what to write.
func TestMistakes(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"nothing", "", "line 1: the file is empty; begin with version: 1"},
		{"a comment alone", "# x\n", "line 1: the file is empty; begin with version: 1"},
		{"not UTF-8", "version: \xff", "line 1: the file is not UTF-8; save it as UTF-8"},
		{"too long", strings.Repeat("#", 4<<20+1), "line 1: the file has over 4194304 bytes; a policy is shorter than that"},
		{"a list", "- a", "line 1: keys with values must stand here; the keys are version, people, groups, rules, protected, budgets, confirm, slack, tests"},
		{"two documents", "version: 1\n---\nversion: 1\n", "line 3: a second document begins here; a policy is one, without --- inside"},
		{"no version", "people: []\n", "line 1: the policy has no version; add the line version: 1"},
		{"another version", "version: 2\n", "line 1: version 2 is not known; this vpsbot reads version: 1"},
		{"unknown key", "version: 1\nrulez: []\n", `line 2: there is no key "rulez" here (did you mean rules?); the keys are version, people, groups, rules, protected, budgets, confirm, slack, tests`},
		{"unknown key in a rule", rule("effect: allow, who: [lead], server: [x]"), `line 5: there is no key "server" here (did you mean servers?); the keys are name, effect, who, where, operations, risks, servers, approvers`},
		{"a key twice", "version: 1\nrules: []\nrules: []\n", `line 3: this is not YAML (mapping key "rules" already defined at [2:1]); write each key once`},
		{"a key twice, in quotes", "version: 1\nrules: []\n'rules': []\n", ""},
		{"a merge", "version: 1\n<<: {rules: []}\n", `line 2: there is no key "<<" here; the keys are version, people, groups, rules, protected, budgets, confirm, slack, tests`},
		{"a bare star", rule("effect: allow, who: [*]"), "line 5: an unquoted * or & stands here, which YAML takes for an alias or an anchor; write it in quotes"},
		{"an alias", rule("effect: allow, who: [*lead]"), "line 5: an unquoted * or & stands here, which YAML takes for an alias or an anchor; write it in quotes"},
		{"an anchor", rule("effect: allow, who: [&a lead]"), "line 5: an unquoted * or & stands here, which YAML takes for an alias or an anchor; write it in quotes"},
		{"a tag", rule("effect: !!str allow, who: [lead]"), `line 5: "!!str" is a tag or a directive of YAML, which no policy needs; take it out, or write it in quotes`},
		{"a tag of a list", rule("effect: allow, who: !!seq lead"), `line 5: "!!seq" is a tag or a directive of YAML, which no policy needs; take it out, or write it in quotes`},
		{"a boolean", rule("effect: allow, who: [true]"), `line 5: "true" is not a plain word; write it on one line, in quotes if YAML takes it for something else`},
		{"no value", rule("effect: allow, who: [lead], where: "), "line 5: where has no value, or an entry without one; write it ([] for nobody or nothing), or leave it out"},
		{"a control character", rule(`effect: allow, who: ["a\u001bb"]`), `line 5: "a\x1bb" is empty, or has a space at an end, or a control or invisible character in it; write it plainly`},
		{"an invisible character", rule(`effect: allow, who: ["a\u3164b"]`), `line 5: "a\u3164b" is empty, or has a space at an end, or a control or invisible character in it; write it plainly`},
		{"an entry without a value", rule("effect: allow, who: [lead, null]"), `line 5: who has no value, or an entry without one; write it ([] for nobody or nothing), or leave it out`},
		{"two unknown keys", "version: 1\nrulez: []\npersons: []\n", "line 2: there is no key \"rulez\" here (did you mean rules?); the keys are version, people, groups, rules, protected, budgets, confirm, slack, tests\nline 3: there is no key \"persons\" here; the keys are version, people, groups, rules, protected, budgets, confirm, slack, tests"},
		{"an empty word", rule(`effect: allow, who: [""]`), `line 5: "" is empty, or has a space at an end, or a control or invisible character in it; write it plainly`},
		{"not a list", rule("effect: allow, who: lead"), `line 5: "lead" stands in the place of a list; write [ ] around it`},
		{"no who", rule("effect: allow"), "line 5: a rule has no who; add it"},
		{"no effect", rule("who: [lead]"), "line 5: a rule has no effect; add it"},
		{"another effect", rule("effect: permit, who: [lead]"), `line 5: "permit" is not an effect; write allow or deny`},
		{"unknown person", rule("effect: allow, who: [laed]"), `line 5: "laed" is no person and no group of this file (did you mean lead?); add it, or write *, slack:U…, slack-group:S…, key:NAME, local:USER or slack-external`},
		{"a bare Slack id", rule("effect: allow, who: [U024BE7LH]"), `line 5: "U024BE7LH" is no person and no group of this file; add it, or write *, slack:U…, slack-group:S…, key:NAME, local:USER or slack-external`},
		{"a Slack name for who", rule(`effect: allow, who: ["slack:@lead"]`), `line 5: "@lead" is not the id of a Slack user; write the id, such as slack:U024BE7LH, never the name: names can be changed`},
		{"a Slack group's name", rule(`effect: allow, who: ["slack-group:oncall"]`), `line 5: "oncall" is not the id of a Slack user group; write the id, such as slack-group:S0614TZR7, never the name: names can be changed`},
		{"an identity of no kind", rule(`effect: allow, who: ["mail:a"]`), `line 5: "mail:a" is nobody; write *, a person, a group, slack:U…, slack-group:S…, key:NAME, local:USER or slack-external`},
		{"a key without a name", rule(`effect: allow, who: ["key:"]`), `line 5: "key:" is nobody; write *, a person, a group, slack:U…, slack-group:S…, key:NAME, local:USER or slack-external`},
		{"a channel's name", rule(`effect: allow, who: [lead], where: ["slack:#ops"]`), `line 5: "#ops" is not the id of a Slack channel; write the id, such as slack:C061EG9SL, never the name: names can be changed`},
		{"a user for a channel", rule(`effect: allow, who: [lead], where: ["slack:U024BE7LH"]`), `line 5: "U024BE7LH" is not the id of a Slack channel; write the id, such as slack:C061EG9SL, never the name: names can be changed`},
		{"an unknown place", rule("effect: allow, who: [lead], where: [terminl]"), `line 5: "terminl" is not a place (did you mean terminal?); write slack, slack:C…, mcp or terminal`},
		{"an unknown operation", rule("effect: allow, who: [lead], operations: [servers.destroy]"), `line 5: there is no operation "servers.destroy"; vpsbot operations lists them, and servers.* means all of one kind`},
		{"a class in a glob", rule(`effect: allow, who: [lead], operations: ["servers.[ab]*"]`), `line 5: "servers.[ab]*" has one of [ ] { } \ ! in it; only * (any text) and ? (one character) are special: write several patterns instead`},
		{"a class for servers", rule(`effect: deny, who: [lead], servers: ["!web-*"]`), `line 5: "!web-*" has one of [ ] { } \ ! in it; only * (any text) and ? (one character) are special: write several patterns instead`},
		{"an unknown risk", rule("effect: allow, who: [lead], risks: [destructiv]"), `line 5: "destructiv" is not a risk (did you mean destructive?); the risks are read, change, disruptive, billable, destructive`},
		{"approvers of a deny", rule("effect: deny, who: [lead], approvers: {count: 1}"), `line 5: the rule "r" denies, so nobody can approve; take approvers out, or make it an allow`},
		{"no count", rule("effect: allow, who: [lead], approvers: {who: [lead]}"), "line 5: approvers has no count; add it"},
		{"count of none", rule("effect: allow, who: [lead], approvers: {count: 0}"), `line 5: "0" is not a number of approvers; write 1 to 20, or leave approvers out if nobody else must agree`},
		{"count of too many", rule("effect: allow, who: [lead], approvers: {count: 21}"), `line 5: "21" is not a number of approvers; write 1 to 20, or leave approvers out if nobody else must agree`},
		{"strangers approve", rule("effect: allow, who: [lead], approvers: {count: 1, who: [slack-external]}"), "line 5: strangers cannot approve; take slack-external out"},
		{"a rule twice", "version: 1\nrules:\n- {name: a, effect: deny, who: [\"*\"]}\n- {name: a, effect: deny, who: [\"*\"]}\n", `line 4: the name "a" is taken; give the rule one of its own`},
		{"a rule called protected", "version: 1\nrules:\n- {name: protected, effect: deny, who: [\"*\"]}\n", `line 3: the name "protected" is taken; give the rule one of its own`},
		{"a person twice", "version: 1\npeople:\n- {id: a, local: [a]}\n- {id: a, local: [b]}\n", `line 4: there are two of "a"; people and groups all need names of their own`},
		{"a group like a person", "version: 1\npeople: [{id: a, local: [a]}]\ngroups:\n  a: {people: [a]}\n", `line 4: there are two of "a"; people and groups all need names of their own`},
		{"a person of two", "version: 1\npeople:\n- {id: a, keys: [k]}\n- {id: b, keys: [k]}\n", "line 4: key:k belongs to a already; an identity is one person's, once"},
		{"a person without an id", "version: 1\npeople:\n- {keys: [k]}\n", "line 3: a person has no id; add it"},
		{"a reserved id", "version: 1\npeople:\n- {id: slack-external}\n", `line 3: the id of a person is "slack-external"; use letters, digits, dots, hyphens and underscores, and no word that means something else`},
		{"an id like an identity", "version: 1\npeople:\n- {id: \"local:a\"}\n", `line 3: the id of a person is "local:a"; use letters, digits, dots, hyphens and underscores, and no word that means something else`},
		{"a person's Slack name", "version: 1\npeople:\n- {id: a, slack: [lead]}\n", `line 3: "lead" is not the id of a Slack user; write the id, such as U024BE7LH, never the name: names can be changed`},
		{"groups as a list", "version: 1\ngroups: [a]\n", "line 2: groups must be names with members; write such as oncall: {people: [lead]}"},
		{"an unknown member", "version: 1\ngroups:\n  g: {people: [lead]}\n", `line 3: "lead" is no person of this file; add it under people`},
		{"a Slack group's name inside", "version: 1\ngroups:\n  g: {slack_groups: [oncall]}\n", `line 3: "oncall" is not the id of a Slack user group; write the id, such as S0614TZR7, never the name: names can be changed`},
		{"protected without servers", "version: 1\nprotected: {}\n", "line 2: protected has no servers; add it"},
		{"a budget of nothing", "version: 1\nbudgets: {deletions: 3}\n", `line 2: "3" is not a budget; write how many and within what time, such as 3/10m or 10/1h`},
		{"a budget in no time", "version: 1\nbudgets: {destructive: 3/0s}\n", `line 2: "3/0s" is not a budget; write how many and within what time, such as 3/10m or 10/1h`},
		{"a budget of longer than approvals are kept", "version: 1\nbudgets: {deletions: 3/2161h}\n", `line 2: "3/2161h" counts more than 90 days back, and approvals are kept for 90 days: write 2160h or less`},
		{"a negative budget", "version: 1\nbudgets: {destructive: -3/1h}\n", `line 2: "-3/1h" is not a budget; write how many and within what time, such as 3/10m or 10/1h`},
		{"confirm of a read", "version: 1\nconfirm: {read: [mcp]}\n", `line 2: there is no key "read" here; the keys are disruptive, billable, destructive`},
		{"confirm in a channel", "version: 1\nconfirm: {billable: [\"slack:C1\"]}\n", `line 2: "slack:C1" is not a place; write mcp, slack, terminal or script`},
		{"script is no place", "version: 1\nrules: [{name: r, effect: allow, who: [\"*\"], where: [script]}]\n", `line 2: script is a word of confirm alone; a script asks from a terminal: write terminal`},
		{"a channel's name for cards", "version: 1\nslack: {approvals_channel: ops}\n", `line 2: "ops" is not the id of a Slack channel; write the id, such as C061EG9SL, never the name: names can be changed`},
		{"a test of a group", rule("effect: deny, who: [lead]") + "tests:\n- {who: oncall, where: mcp, operation: servers.stop, want: deny}\n", "line 7: oncall is a group; a test asks for one person: write one of its people"},
		{"a test of a glob", rule("effect: deny, who: [lead]") + "tests:\n- {who: lead, where: mcp, operation: servers.*, want: deny}\n", `line 7: "servers.*" is a glob; a test asks for one operation: write its name`},
		{"a test of all servers", rule("effect: deny, who: [lead]") + "tests:\n- {who: lead, where: mcp, operation: servers.stop, server: web-*, want: deny}\n", `line 7: "web-*" is a glob; a test asks for one server: write its name or its id`},
		{"a test that wants maybe", rule("effect: deny, who: [lead]") + "tests:\n- {who: lead, where: mcp, operation: servers.stop, want: maybe}\n", `line 7: "maybe" cannot be wanted; write allow, deny or approval`},
		{"a test without want", rule("effect: deny, who: [lead]") + "tests:\n- {who: lead, where: mcp, operation: servers.stop}\n", "line 7: a test has no want; add it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := policy.Load([]byte(c.file), operations)
			require.Error(t, err)
			require.Nil(t, d.Book, "nothing of a broken file is in force")
			if c.want != "" {
				require.Equal(t, c.want, err.Error())
			}
		})
	}
}

// All mistakes in what a file says are reported at once, by line.
func TestAllMistakesAreReported(t *testing.T) {
	_, err := policy.Load([]byte("version: 1\nrules:\n- {name: a, effect: no, who: [\"*\"]}\npeople: [{id: \"*\"}]\nbudgets: {deletions: 1}\n"), operations)
	problems, ok := errors.AsType[policy.Problems](err)
	require.True(t, ok)
	require.Len(t, problems, 3)
	require.Equal(t, []int{3, 4, 5}, []int{problems[0].Line, problems[1].Line, problems[2].Line})
}

func TestWarnings(t *testing.T) {
	const two = "version: 1\npeople: [{id: a, local: [a]}, {id: b, slack: [U111]}]\ngroups: {both: {people: [a, b]}, one: {people: [a]}, slack: {slack_groups: [S111]}}\n"
	patterned := func(servers ...string) string {
		return two + "rules:\n- {name: r, effect: allow, who: [a], servers: [\"" + strings.Join(servers, `", "`) + "\"]}\n"
	}
	for _, c := range []struct{ name, file, want string }{
		{"no rules", "version: 1\n", "line 1: there are no rules, so everything is refused"},
		{"who is empty", two + "rules:\n- {name: r, effect: allow, who: []}\n", `line 5: the rule "r" can never match: who is empty, so it means nobody`},
		{"an empty list", two + "rules:\n- {name: r, effect: allow, who: [a], servers: []}\n", `line 5: the rule "r" can never match: it has an empty list, which means nothing; leave the key out for any`},
		{"not there", two + "rules:\n- {name: r, effect: deny, who: [a, \"key:x\"], where: [slack]}\n", `line 5: the rule "r" can never match: nobody named by who can ask from the places of where: Slack users ask in Slack, keys and local users at a terminal or over MCP`},
		{"strangers elsewhere", two + "rules:\n- {name: r, effect: allow, who: [slack-external, slack, \"slack-group:S1A\", \"slack:U111\", b], where: [mcp, terminal]}\n", `line 5: the rule "r" can never match: nobody named by who can ask from the places of where: Slack users ask in Slack, keys and local users at a terminal or over MCP`},
		{"a Slack group in Slack", two + "rules:\n- {name: r, effect: allow, who: [slack], where: [slack]}\n", ""},
		{"a group elsewhere", two + "rules:\n- {name: r, effect: allow, who: [both], where: [terminal]}\n", ""},
		{"no such operation", two + "rules:\n- {name: r, effect: allow, who: [a], operations: [\"server.*\", \"servers.*\"]}\n", `line 5: "server.*" matches no operation; vpsbot operations lists them`},
		{"no operation of that risk", two + "rules:\n- {name: r, effect: allow, who: [a], operations: [servers.delete], risks: [read]}\n", `line 5: the rule "r" can never match: no operation has one of its names and one of its risks`},
		{"an id with a zero in front", patterned("007"), `line 5: "007" matches no server: it is read as an id, and an id has at most 19 digits and no zero in front`},
		{"an id that is too long", patterned("12345678901234567890"), `line 5: "12345678901234567890" matches no server: it is read as an id, and an id has at most 19 digits and no zero in front`},
		{"a part of an id", patterned("8c5f1e0a-9d6b-*"), `line 5: "8c5f1e0a-9d6b-*" matches no server: it is a part of an id, and ids are only matched whole`},
		{"a hostname", patterned("*.example.com"), `line 5: "*.example.com" matches no server: a name has letters, digits and hyphens alone`},
		{"a name with a space", patterned("web 1"), `line 5: "web 1" matches no server: a name has letters, digits and hyphens alone`},
		{"a long name", patterned(strings.Repeat("?", 63) + "a*"), `line 5: "` + strings.Repeat("?", 63) + `a*" matches no server: a name has at most 63 characters`},
		{"names and ids that are", patterned("web-?1*", "0", "12345", "1*", "8C5F1E0A-9D6B-4A51-B4F4-0123456789AB", "*"), ""},
		{"protected names", two + "rules:\n- {name: r, effect: allow, who: [a]}\nprotected: {servers: [\"db_*\"]}\n", `line 6: "db_*" matches no server: a name has letters, digits and hyphens alone`},
		{"a key that cannot be", two + "rules:\n- {name: r, effect: allow, who: [\"key:lead laptop\"]}\n", `line 5: "key:lead laptop" is nobody: an access key is named with 1 to 64 letters, digits, hyphens, underscores and dots`},
		{"a rename can be disruptive", two + "rules:\n- {name: r, effect: deny, who: [a], operations: [servers.update], risks: [disruptive]}\n", ""},
		{"servers of nothing", two + "rules:\n- {name: r, effect: allow, who: [a], operations: [plans.list], servers: [\"web-*\"]}\n", `line 5: the rule "r" can never match: it names servers, and its operations are about none; leave servers out`},
		{"any server of nothing", two + "rules:\n- {name: r, effect: allow, who: [a], operations: [plans.list], servers: [\"*\"]}\n", ""},
		{"approves itself", two + "rules:\n- {name: r, effect: allow, who: [both], approvers: {count: 1, who: [one]}}\n", `line 5: the rule "r" has too few approvers for a request of a; nobody approves their own request`},
		{"two of two", two + "rules:\n- {name: r, effect: allow, who: [\"*\"], approvers: {count: 2}}\n", guests("r") + "\n" + `line 5: the rule "r" has too few approvers for a request of a, b; nobody approves their own request`},
		{"guests", two + "rules:\n- {name: r, effect: allow, who: [\"*\"], risks: [read]}\n", guests("r")},
		{"guests in one channel", two + "rules:\n- {name: r, effect: allow, who: [b, \"*\"], where: [\"slack:C111\", mcp]}\n", guests("r")},
		{"guests elsewhere", two + "rules:\n- {name: r, effect: allow, who: [\"*\"], where: [mcp, terminal]}\n", ""},
		{"guests are denied", two + "rules:\n- {name: r, effect: deny, who: [\"*\"]}\n", ""},
		{"a file without Slack", "version: 1\nrules: [{name: r, effect: allow, who: [\"*\"]}]\n", ""},
		{"enough others", two + "rules:\n- {name: r, effect: allow, who: [both], approvers: {count: 1}}\n", ""},
		{"by an identity", two + "rules:\n- {name: r, effect: allow, who: [\"local:a\"], approvers: {count: 1, who: [\"slack:U111\"]}}\n", ""},
		{"Slack knows more", two + "rules:\n- {name: r, effect: allow, who: [a], approvers: {count: 1, who: [slack]}}\n", ""},
		{"approvers of reads", two + "rules:\n- {name: r, effect: allow, who: [both], risks: [read], approvers: {count: 1}}\n", `line 5: the rule "r" names approvers, and is about reads alone, which need no approval`},
		{"nobody listed can ask", two + "rules:\n- {name: r, effect: allow, who: [\"key:ci\"], approvers: {count: 1}}\n", `line 5: the rule "r" needs approvers, and nobody named by its who is listed under people: only people listed there can ask for what needs approvers`},
		{"protection of one", "version: 1\nrules: [{name: r, effect: allow, who: [\"*\"]}]\nprotected: {servers: [\"db-*\"]}\n", "line 3: protected servers need a second person, and the file has fewer than two people"},
		{"protection of nothing", "version: 1\nrules: [{name: r, effect: allow, who: [\"*\"]}]\nprotected: {servers: []}\n", "line 3: protected names no server, so none is protected"},
		{"a rename that wins a right", two + "rules:\n- {name: r, effect: allow, who: [a], operations: [servers.update]}\n- {name: t, effect: allow, who: [b], servers: [\"test-*\"]}\n", "a rename from any other name to test-*, which a may ask for, lets somebody do more than before; it needs the yes of a person who may already do that"},
		{"a rename that wins none", two + "rules:\n- {name: r, effect: allow, who: [a], operations: [servers.update]}\n- {name: t, effect: allow, who: [b]}\n", ""},
		{"users of one machine", "version: 1\npeople:\n- {id: a, local: [a], keys: [a]}\n- {id: b, local: [b]}\nrules:\n- {name: r, effect: allow, who: [a, b], approvers: {count: 1}}\n", "line 4: b is known as a user of a machine alone, and users of one machine (a, b) never agree for each other: add an access key or a Slack user"},
		{"users of one machine with keys", "version: 1\npeople:\n- {id: a, local: [a], keys: [a]}\n- {id: b, local: [b], keys: [b]}\nrules:\n- {name: r, effect: allow, who: [a, b], approvers: {count: 1}}\n", ""},
		{"no identity", "version: 1\npeople: [{id: a}]\nrules: [{name: r, effect: allow, who: [\"*\"]}]\n", "line 2: a has no identity, so nobody can act as a; add slack, keys or local"},
		{"an empty group", "version: 1\ngroups: {g: {people: []}}\nrules: [{name: r, effect: allow, who: [\"*\", g]}]\n", "line 2: the group g has nobody in it"},
		{"an act with a risk", "version: 1\nrules: [{name: r, effect: allow, who: [\"key:ci\"], operations: [freeze.lift], risks: [destructive]}]\n", `line 2: the rule "r" gives freeze.lift to nobody: it has neither a risk nor a server, so leave risks and servers out`},
		{"nobody answers", "version: 1\nconfirm: {billable: []}\nrules: [{name: r, effect: allow, who: [\"*\"]}]\n", "line 2: nobody can answer for what is billable: the list is empty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := policy.Load([]byte(c.file), operations)
			require.NoError(t, err)
			var said []string
			for _, w := range d.Warnings {
				said = append(said, w.String())
			}
			require.Equal(t, c.want, strings.Join(said, "\n"))
		})
	}
}

func guests(rule string) string {
	return fmt.Sprintf("line 5: the rule %q also allows it to guests of the Slack workspace, since * includes them: name people or a group if that is not meant", rule)
}

func TestFailedTestsHaveReasons(t *testing.T) {
	file := strings.Replace(whole, "staging-1, want: approval", "db-1, want: approval", 1)
	file = strings.Replace(file, "web-1, want: allow", "web-1, want: deny", 1)
	d, err := policy.Load([]byte(file), operations)
	require.NoError(t, err)
	failures := d.RunTests()
	require.Len(t, failures, 2)
	require.Equal(t, "line 17: servers.delete on db-1 by lead from slack:C061EG9SL: wanted approval, got deny: no rule of the policy allows it to slack:U024BE7LH from slack:C061EG9SL", failures[0].String())
	require.Equal(t, `line 22: servers.stop on web-1 by slack-group:S0614TZR7 from slack:C061EG9SL: wanted deny, got allow by the rule "on-call runs web"`, failures[1].String())
}

// A person with two identities at a place must fare alike with both.
func TestRunTestsForEachIdentity(t *testing.T) {
	d, err := policy.Load([]byte(`version: 1
people: [{id: a, keys: [good, bad]}]
rules: [{name: r, effect: allow, who: ["key:good"]}]
tests: [{who: a, where: mcp, operation: servers.stop, server: x, want: allow}]
`), operations)
	require.NoError(t, err)
	require.Len(t, d.RunTests(), 1)
}

func TestAsksRefusesInvalidQueries(t *testing.T) {
	d, err := policy.Load([]byte(whole), operations)
	require.NoError(t, err)
	for want, q := range map[string]policy.Query{
		`"nobody" is no person`:               {Who: "nobody", Where: "mcp", Operation: "servers.stop"},
		`"fax" is not a place`:                {Who: "lead", Where: "fax", Operation: "servers.stop"},
		`there is no operation "servers.fly"`: {Who: "lead", Where: "mcp", Operation: "servers.fly"},
		"oncall is a group":                   {Who: "oncall", Where: "mcp", Operation: "servers.stop"},
	} {
		_, err := d.Asks(q)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "line")
	}
	asks, err := d.Asks(policy.Query{Who: "second", Where: "terminal", Operation: "servers.stop"})
	require.NoError(t, err)
	require.Equal(t, []permissions.Ask{{Actor: "second", Surface: "terminal", Operation: "servers.stop", Risk: "disruptive"}}, asks, "no identity there, no server said")
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte(rule("effect: allow, who: [*]")))
	f.Add([]byte("version: 1\nrules: [{name: &a x, <<: *a}]\n? {a: b}\n: - c\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := policy.Load(raw, operations)
		if err != nil {
			problems, ok := errors.AsType[policy.Problems](err)
			require.True(t, ok)
			for _, p := range problems {
				require.Positive(t, p.Line)
				require.NotEmpty(t, p.Text)
			}
			require.Nil(t, d.Book)
			return
		}
		d.RunTests()
		for _, r := range d.Book.Rules {
			require.NotEmpty(t, r.Name)
			require.NotNil(t, r.Who)
			require.Contains(t, []permissions.Effect{"allow", "deny"}, r.Effect)
			require.True(t, r.Approvers == nil || r.Approvers.Count > 0 && r.Effect == "allow")
		}
	})
}
