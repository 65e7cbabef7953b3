package permissions_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/permissions"
)

// An act is given to an access key by its own word alone.
func TestMayAct(t *testing.T) {
	rule := func(effect permissions.Effect, who permissions.Principal, operations ...permissions.Glob) permissions.Rule {
		return permissions.Rule{Name: "r", Effect: effect, Who: []permissions.Principal{who}, Operations: operations}
	}
	for _, act := range permissions.Acts {
		word := permissions.Glob(act)
		ofRisk := rule("allow", "key:ci", word)
		ofRisk.Risks = []permissions.Risk{"destructive"}
		fromChat := rule("allow", "key:ci", word)
		fromChat.Where = []permissions.Place{"slack", "mcp"}
		for _, c := range []struct {
			name  string
			rules []permissions.Rule
			actor permissions.Actor
			want  bool
		}{
			{"named", []permissions.Rule{rule("allow", "key:ci", word)}, "key:ci", true},
			{"among others", []permissions.Rule{rule("allow", "*", "servers.*", word)}, "key:ci", true},
			{"another key", []permissions.Rule{rule("allow", "key:ci", word)}, "key:other", false},
			{"no key", []permissions.Rule{rule("allow", "*", word)}, "local:ada", false},
			{"everything", []permissions.Rule{rule("allow", "key:ci")}, "key:ci", false},
			{"a star", []permissions.Rule{rule("allow", "key:ci", "*", "*.*", "approvals.*", "audit.*", "freeze.*", "keys.*", "operations.*")}, "key:ci", false},
			{"a risk", []permissions.Rule{ofRisk}, "key:ci", false},
			{"elsewhere", []permissions.Rule{fromChat}, "key:ci", false},
			{"denied", []permissions.Rule{rule("allow", "key:ci", word), rule("deny", "*", word)}, "key:ci", false},
			{"a star denies nothing", []permissions.Rule{rule("allow", "key:ci", word), rule("deny", "*", "*")}, "key:ci", true},
		} {
			d := permissions.Policy{Book: &permissions.Rulebook{Rules: c.rules}}.MayAct(c.actor, act)
			require.Equal(t, c.want, d.Allowed, "%s: %s", act, c.name)
			require.Equal(t, c.want, d.Reason == "", "%s: %s", act, c.name)
		}
		require.False(t, permissions.Policy{}.MayAct("key:ci", act).Allowed, "without a policy nobody is given anything")
	}
}

// A script answers only where the policy says so.
func TestScriptMustBeNamed(t *testing.T) {
	require.False(t, permissions.Decision{}.Accepts(permissions.Script))
	for _, other := range []permissions.Surface{permissions.MCP, permissions.Slack, permissions.Terminal} {
		require.True(t, permissions.Decision{}.Accepts(other))
		require.False(t, permissions.Decision{Channels: []permissions.Surface{permissions.Script}}.Accepts(other))
	}
	require.True(t, permissions.Decision{Channels: []permissions.Surface{permissions.Script}}.Accepts(permissions.Script))
	ask := permissions.Ask{Actor: "key:ci", Surface: permissions.Script, Operation: "servers.stop", Risk: permissions.Disruptive}
	require.False(t, permissions.Policy{}.Decide(ask).Allowed, "nobody asks from there")
}

// A deny that names an act holds where it says, for whom it says.
func TestForbids(t *testing.T) {
	everywhere := permissions.Rule{Name: "r", Effect: permissions.Deny, Who: []permissions.Principal{"slack-group:S1"}, Operations: []permissions.Glob{"freeze.lift"}}
	inChat := everywhere
	inChat.Where = []permissions.Place{"slack:C1"}
	for _, c := range []struct {
		rule permissions.Rule
		ask  permissions.Ask
		want bool
	}{
		{everywhere, permissions.Ask{Actor: "slack:U1", Groups: []string{"S1"}, Surface: permissions.Slack}, true},
		{everywhere, permissions.Ask{Actor: "slack:U1", Groups: []string{"S2"}, Surface: permissions.Slack}, false},
		{everywhere, permissions.Ask{Actor: "slack:U1", Groups: []string{permissions.UnknownMembership("S1")}, Surface: permissions.Slack}, true},
		{inChat, permissions.Ask{Actor: "slack:U1", Groups: []string{"S1"}, Surface: permissions.Slack, Channel: "C1"}, true},
		{inChat, permissions.Ask{Actor: "slack:U1", Groups: []string{"S1"}, Surface: permissions.Terminal}, false},
	} {
		_, forbidden := permissions.Policy{Book: &permissions.Rulebook{Rules: []permissions.Rule{c.rule}}}.Forbids(c.ask, permissions.LiftFreeze)
		require.Equal(t, c.want, forbidden, "%+v %+v", c.rule, c.ask)
	}
}
