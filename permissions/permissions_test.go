package permissions_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/permissions"
)

func TestGrantsCover(t *testing.T) {
	for _, c := range []struct {
		grants permissions.Grants
		p      permissions.Permission
		want   bool
	}{
		{nil, "servers:list", false},
		{permissions.Grants{"servers:list"}, "servers:list", true},
		{permissions.Grants{"servers:list"}, "servers:delete", false},
		{permissions.Grants{"servers:*"}, "servers:delete", true},
		{permissions.Grants{"servers:*"}, "backups:list", false},
		{permissions.Grants{"*:*"}, "backups:delete", true},
		{permissions.Grants{"*"}, "backups:delete", false},
		{permissions.Grants{"*:list"}, "backups:list", false},
		{permissions.Grants{"server:*"}, "servers:list", false},
		{permissions.Grants{"SERVERS:LIST"}, "servers:list", false},
		{permissions.Grants{""}, "", true},
		{permissions.Grants{"dns:list", "plans:list"}, "plans:list", true},
	} {
		require.Equal(t, c.want, c.grants.Covers(c.p), "%v %s", c.grants, c.p)
	}
}

func TestNeedsAreMetByAny(t *testing.T) {
	needs := permissions.AnyOf("servers:backup", "backups:create")
	require.True(t, needs.MetBy(permissions.Grants{"backups:create"}))
	require.True(t, needs.MetBy(permissions.Grants{"servers:*"}))
	require.False(t, needs.MetBy(permissions.Grants{"backups:list"}))
	require.True(t, permissions.Needs(nil).MetBy(nil), "no need is always met")
}

func TestRisksAsk(t *testing.T) {
	for risk, want := range map[permissions.Risk][2]bool{
		permissions.Read: {false, false}, permissions.Change: {false, false}, permissions.Disruptive: {true, false},
		permissions.Billable: {true, false}, permissions.Destructive: {true, true}, "": {true, true}, "new": {true, true},
	} {
		require.Equal(t, want, [2]bool{risk.NeedsConsent(), risk.NeedsTypedName()}, "%q", risk)
	}
}

func TestPolicyDecides(t *testing.T) {
	everything := permissions.Policy{}
	readOnly := permissions.Policy{ReadOnly: true}
	some := permissions.Policy{Operations: []string{"servers.*", "backups.list"}}
	ask := func(surface permissions.Surface, operation string, risk permissions.Risk) permissions.Ask {
		return permissions.Ask{Actor: permissions.Local("alice"), Surface: surface, Operation: operation, Risk: risk}
	}
	remote := func(operation string, risk permissions.Risk) permissions.Ask {
		return permissions.Ask{Actor: "key:ci", Surface: permissions.MCP, Remote: true, Operation: operation, Risk: risk}
	}
	for _, c := range []struct {
		name   string
		policy permissions.Policy
		ask    permissions.Ask
		want   bool
	}{
		{"a terminal may", everything, ask(permissions.Terminal, "servers.delete", permissions.Destructive), true},
		{"an editor may", everything, ask(permissions.MCP, "servers.delete", permissions.Destructive), true},
		{"Slack may read", everything, ask(permissions.Slack, "servers.list", permissions.Read), true},
		{"Slack may not change", everything, ask(permissions.Slack, "servers.start", permissions.Change), false},
		{"HTTP may read", everything, remote("servers.list", permissions.Read), true},
		{"HTTP may not change", everything, remote("servers.start", permissions.Change), false},
		{"read-only reads", readOnly, ask(permissions.MCP, "servers.list", permissions.Read), true},
		{"read-only changes nothing", readOnly, ask(permissions.MCP, "servers.start", permissions.Change), false},
		{"listed by a glob", some, ask(permissions.MCP, "servers.delete", permissions.Destructive), true},
		{"listed by name", some, ask(permissions.MCP, "backups.list", permissions.Read), true},
		{"not listed", some, ask(permissions.MCP, "backups.delete", permissions.Destructive), false},
	} {
		d := c.policy.Decide(c.ask)
		require.Equal(t, c.want, d.Allowed, c.name)
		require.Equal(t, c.want, d.Reason == "", "%s: a refusal has a reason", c.name)
	}
	require.Equal(t, "without a policy file nobody may change anything over HTTP; whoever runs vpsbot sets VPSBOT_POLICY_FILE",
		everything.Decide(remote("servers.start", permissions.Change)).Reason)
	require.NoError(t, some.Check())
	require.ErrorContains(t, permissions.Policy{Operations: []string{"servers.["}}.Check(), "servers.[")
}

func TestTokenAllows(t *testing.T) {
	now := time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)
	needs := permissions.AnyOf("servers:delete")
	for _, c := range []struct {
		name  string
		token permissions.Token
		want  bool
	}{
		{"held", permissions.Token{Grants: permissions.Grants{"servers:delete"}}, true},
		{"not held", permissions.Token{Grants: permissions.Grants{"servers:list"}}, false},
		{"expired, says the API", permissions.Token{Grants: permissions.Grants{"*:*"}, IsExpired: true}, false},
		{"expired, says the time", permissions.Token{Grants: permissions.Grants{"*:*"}, ExpiresAt: now}, false},
		{"a second left", permissions.Token{Grants: permissions.Grants{"*:*"}, ExpiresAt: now.Add(time.Second)}, true},
	} {
		require.Equal(t, c.want, c.token.Allows(needs, now).Allowed, c.name)
	}
	require.Contains(t, permissions.Token{Name: "CI"}.Allows(needs, now).Reason, `servers:delete, which the token "CI" does not hold`)
}

func TestTokenExpiresSoon(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		left time.Duration
		want string
	}{
		{7 * day, ""}, {7*day - time.Second, "7 days"}, {5 * day, "5 days"}, {5*day - time.Second, "5 days"}, {day + time.Second, "2 days"}, {day, "1 day"},
		{time.Minute, "less than a day"}, {-time.Hour, "less than a day"},
	} {
		token := permissions.Token{ExpiresAt: now.Add(c.left)}
		require.Equal(t, c.want, token.ExpiresSoon(now), c.left)
		require.Equal(t, c.want != "", strings.Contains(token.ExpiryNotice(now), " expires in "+c.want+": make a new one"))
	}
	require.Empty(t, permissions.Token{}.ExpiresSoon(now), "a token without an end never ends")
}

// What is named to a person can be given to a token: VPS.org has no words for some of what its
// own permissions cover.
func TestNeedsAreNamedInWordsThatVPSOrgHas(t *testing.T) {
	for want, needs := range map[string]permissions.Needs{
		"servers:backup or backups:*":     permissions.AnyOf("servers:backup", "backups:create"),
		"backups:*":                       permissions.AnyOf("backups:delete"),
		"servers:snapshot or snapshots:*": permissions.AnyOf("servers:snapshot", "snapshots:create", "snapshots:restore"),
		"snapshots:delete":                permissions.AnyOf("snapshots:delete"),
		"servers:list":                    permissions.AnyOf("servers:list"),
		"dns:*":                           permissions.AnyOf("dns:*"),
		"new-resource:read":               permissions.AnyOf("new-resource:read"),
	} {
		require.Equal(t, want, needs.String())
		for _, p := range needs.Grantable() {
			require.True(t, needs.MetBy(permissions.Grants{p}), "%s is enough", p)
		}
	}
}
