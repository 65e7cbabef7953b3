package permissions_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/permissions"
)

// team is a policy with most of what there is.
func team() permissions.Policy {
	return permissions.Policy{Book: &permissions.Rulebook{
		People: []permissions.Person{
			{ID: "lead", Identities: []permissions.Actor{"slack:U1", "key:lead-laptop", "local:lead"}},
			{ID: "second", Identities: []permissions.Actor{"slack:U2"}},
			{ID: "third", Identities: []permissions.Actor{"slack:U3", "key:third"}},
		},
		Groups: []permissions.Group{{Name: "oncall", People: []string{"lead", "second"}, SlackGroups: []string{"S1"}}},
		Rules: []permissions.Rule{
			{Name: "everyone reads", Effect: "allow", Who: []permissions.Principal{"*"}, Risks: []permissions.Risk{"read"}},
			{
				Name: "on-call runs web", Effect: "allow", Who: []permissions.Principal{"oncall"}, Where: []permissions.Place{"slack:C1", "mcp"},
				Operations: []permissions.Glob{"servers.*", "backups.create"}, Servers: []permissions.ServerPattern{"web-*", "77"},
			},
			{
				Name: "two delete", Effect: "allow", Who: []permissions.Principal{"oncall"}, Operations: []permissions.Glob{"servers.delete"},
				Servers: []permissions.ServerPattern{"staging-*"}, Approvers: &permissions.Approvers{Count: 1, Who: []permissions.Principal{"oncall"}},
			},
			{Name: "lead runs data", Effect: "allow", Who: []permissions.Principal{"lead", "third"}, Servers: []permissions.ServerPattern{"db-*", "cache-*"}},
			{Name: "guests", Effect: "allow", Who: []permissions.Principal{"slack-external", "key:ci"}, Operations: []permissions.Glob{"plans.list", "servers.start"}},
			{Name: "never from chat", Effect: "deny", Who: []permissions.Principal{"*"}, Where: []permissions.Place{"slack"}, Operations: []permissions.Glob{"servers.create", "plans.list"}},
		},
		Protected: []permissions.ServerPattern{"db-*"},
		Confirm:   map[permissions.Risk][]permissions.Surface{"destructive": {"slack", "terminal"}},
	}}
}

func on(name string) *permissions.TargetServer { return &permissions.TargetServer{ID: "1", Name: name} }

func TestRulebookDecides(t *testing.T) {
	type ask = permissions.Ask
	for _, c := range []struct {
		name    string
		ask     ask
		allowed bool
		rule    string
		others  int
		risk    permissions.Risk
	}{
		{"anybody reads", ask{Actor: "slack:U9", Surface: "slack", Operation: "servers.get", Risk: "read", Target: on("db-1")}, true, "everyone reads", 0, "read"},
		{"a stranger does not", ask{Actor: "slack:U9", External: true, Surface: "slack", Operation: "servers.get", Risk: "read", Target: on("db-1")}, false, "", 0, "read"},
		{"nor by a listed identity", ask{Actor: "slack:U1", External: true, Surface: "slack", Channel: "C1", Operation: "servers.start", Risk: "change", Target: on("web-1")}, true, "guests", 0, "change"},
		{"a stranger by slack-external", ask{Actor: "slack:U9", External: true, Surface: "slack", Operation: "servers.start", Risk: "change", Target: on("x")}, true, "guests", 0, "change"},
		{"a deny of * means strangers too", ask{Actor: "slack:U9", External: true, Surface: "slack", Operation: "plans.list", Risk: "read"}, false, "never from chat", 0, "read"},
		{"a person of the group", ask{Actor: "key:lead-laptop", Surface: "mcp", Operation: "servers.stop", Risk: "disruptive", Target: on("web-1")}, true, "on-call runs web", 0, "disruptive"},
		{"a member of its Slack group", ask{Actor: "slack:U9", Groups: []string{"S0", "S1"}, Surface: "slack", Channel: "C1", Operation: "servers.stop", Risk: "disruptive", Target: on("web-1")}, true, "on-call runs web", 0, "disruptive"},
		{"not in the group", ask{Actor: "slack:U9", Groups: []string{"S0"}, Surface: "slack", Channel: "C1", Operation: "servers.stop", Risk: "disruptive", Target: on("web-1")}, false, "", 0, "disruptive"},
		{"another channel", ask{Actor: "slack:U1", Surface: "slack", Channel: "C2", Operation: "servers.stop", Risk: "disruptive", Target: on("web-1")}, false, "", 0, "disruptive"},
		{"a channel's id means nothing elsewhere", ask{Actor: "local:lead", Surface: "terminal", Channel: "C1", Operation: "servers.stop", Risk: "disruptive", Target: on("web-1")}, false, "", 0, "disruptive"},
		{"another operation", ask{Actor: "key:lead-laptop", Surface: "mcp", Operation: "backups.delete", Risk: "destructive", Target: on("web-1")}, false, "", 0, "destructive"},
		{"another server", ask{Actor: "key:lead-laptop", Surface: "mcp", Operation: "servers.stop", Risk: "disruptive", Target: on("mail-1")}, false, "", 0, "disruptive"},
		{"by id", ask{Actor: "key:lead-laptop", Surface: "mcp", Operation: "servers.stop", Risk: "disruptive", Target: &permissions.TargetServer{ID: "77", Name: "mail"}}, true, "on-call runs web", 0, "disruptive"},
		{"an id is no name", ask{Actor: "key:lead-laptop", Surface: "mcp", Operation: "servers.stop", Risk: "disruptive", Target: &permissions.TargetServer{ID: "5", Name: "77"}}, false, "", 0, "disruptive"},
		{"a name that cannot be read is no allow", ask{Actor: "key:lead-laptop", Surface: "mcp", Operation: "servers.stop", Risk: "disruptive", Target: &permissions.TargetServer{ID: "5"}}, false, "", 0, "disruptive"},
		{"others must agree", ask{Actor: "slack:U2", Surface: "slack", Operation: "servers.delete", Risk: "destructive", Target: on("staging-1")}, true, "two delete", 1, "destructive"},
		{"who is nobody's cannot ask for that", ask{Actor: "slack:U9", Groups: []string{"S1"}, Surface: "slack", Operation: "servers.delete", Risk: "destructive", Target: on("staging-1")}, false, "two delete", 0, "destructive"},
		{"protected and disruptive", ask{Actor: "local:lead", Surface: "terminal", Operation: "servers.stop", Risk: "disruptive", Target: on("db-1")}, true, permissions.ByProtection, 1, "disruptive"},
		{"protected and destructive", ask{Actor: "local:lead", Surface: "terminal", Operation: "servers.delete", Risk: "destructive", Target: on("db-1")}, true, permissions.ByProtection, 1, "destructive"},
		{"protected and a change", ask{Actor: "local:lead", Surface: "terminal", Operation: "servers.start", Risk: "change", Target: on("db-1")}, true, "lead runs data", 0, "change"},
		{"protected is no permission", ask{Actor: "slack:U2", Surface: "slack", Operation: "servers.stop", Risk: "disruptive", Target: on("db-1")}, false, "", 0, "disruptive"},
		{"rename within", ask{Actor: "local:lead", Surface: "terminal", Operation: "servers.update", Risk: "change", Target: on("cache-1"), NewName: "cache-2"}, true, "lead runs data", 0, "change"},
		{"rename to itself", ask{Actor: "local:lead", Surface: "terminal", Operation: "servers.update", Risk: "change", Target: on("db-1"), NewName: "db-1"}, true, "lead runs data", 0, "change"},
		{"rename onto a protected name", ask{Actor: "local:lead", Surface: "terminal", Operation: "servers.update", Risk: "change", Target: on("cache-1"), NewName: "db-1"}, true, permissions.ByProtection, 1, "disruptive"},
		{"rename away from one", ask{Actor: "local:lead", Surface: "terminal", Operation: "servers.update", Risk: "change", Target: on("db-1"), NewName: "cache-1"}, true, permissions.ByProtection, 1, "disruptive"},
		{"rename to where it may not", ask{Actor: "local:lead", Surface: "terminal", Operation: "servers.update", Risk: "change", Target: on("cache-1"), NewName: "mail"}, false, "", 0, "disruptive"},
		{"rename from where it may not", ask{Actor: "local:lead", Surface: "terminal", Operation: "servers.update", Risk: "change", Target: on("mail"), NewName: "cache-1"}, false, "", 0, "disruptive"},
		{"rename across rules", ask{Actor: "key:lead-laptop", Surface: "mcp", Operation: "servers.update", Risk: "change", Target: on("web-1"), NewName: "cache-1"}, true, permissions.ByRename, 1, "disruptive"},
		{"create under an allowed name", ask{Actor: "key:lead-laptop", Surface: "mcp", Operation: "servers.create", Risk: "billable", Creates: true, NewName: "web-9"}, true, "on-call runs web", 0, "billable"},
		{"create under another", ask{Actor: "key:lead-laptop", Surface: "mcp", Operation: "servers.create", Risk: "billable", Creates: true, NewName: "mail"}, false, "", 0, "billable"},
		{"create of a protected name is no disruption", ask{Actor: "local:lead", Surface: "terminal", Operation: "servers.create", Risk: "billable", Creates: true, NewName: "db-9"}, true, "lead runs data", 0, "billable"},
		{"deny wins", ask{Actor: "slack:U1", Surface: "slack", Channel: "C1", Operation: "servers.create", Risk: "billable", Creates: true, NewName: "web-9"}, false, "never from chat", 0, "billable"},
		{"no rule", ask{Actor: "slack:U2", Surface: "slack", Operation: "domains.add", Risk: "change", Target: &permissions.TargetServer{}}, false, "", 0, "change"},
		{"no server is not every server", ask{Actor: "key:third", Surface: "mcp", Operation: "dns.change", Risk: "change", Target: &permissions.TargetServer{}}, false, "", 0, "change"},
		{"an identity by itself", ask{Actor: "key:ci", Surface: "mcp", Operation: "servers.start", Risk: "change", Target: on("x")}, true, "guests", 0, "change"},
		{"a person's id is a person", ask{Actor: "lead", Surface: "mcp", Operation: "servers.stop", Risk: "disruptive", Target: on("web-1")}, true, "on-call runs web", 0, "disruptive"},
		{"an unknown place", ask{Actor: "local:lead", Surface: "fax", Operation: "servers.get", Risk: "read"}, false, "", 0, "read"},
		{"nobody", ask{Surface: "mcp", Operation: "servers.get", Risk: "read"}, false, "", 0, "read"},
		{"a risk that is not known is not the least", ask{Actor: "local:lead", Surface: "terminal", Operation: "servers.melt", Risk: "new", Target: on("db-1")}, true, permissions.ByProtection, 1, "new"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := team().Decide(c.ask)
			require.Equal(t, c.allowed, d.Allowed, d.Reason)
			require.Equal(t, c.allowed, d.Reason == "")
			require.Equal(t, c.rule, d.Rule)
			require.Equal(t, c.others, d.Others)
			require.Equal(t, c.risk, d.Risk)
			require.Equal(t, c.allowed && c.risk.NeedsConsent(), d.Own)
		})
	}
}

// Without a target the answer is no only where it is no for every server.
func TestDecideAsFarAsItGoes(t *testing.T) {
	p := team()
	book := p.Book
	ask := permissions.Ask{Actor: "key:lead-laptop", Surface: "mcp", Operation: "servers.delete", Risk: "destructive"}
	d := p.Decide(ask)
	require.True(t, d.Allowed)
	require.Zero(t, d.Others, "others are wanted on some servers alone")
	book.Rules = append(book.Rules, permissions.Rule{Name: "not web", Effect: "deny", Who: []permissions.Principal{"*"}, Servers: []permissions.ServerPattern{"web-*", "77"}})
	require.True(t, p.Decide(ask).Allowed)
	book.Rules = append(book.Rules, permissions.Rule{Name: "not the rest", Effect: "deny", Who: []permissions.Principal{"*"}, Servers: []permissions.ServerPattern{"staging*", "db-*", "cache-*"}})
	d = p.Decide(ask)
	require.False(t, d.Allowed, "denies cover all that is allowed")
	require.NotEmpty(t, d.Reason)
	book.Rules = append(book.Rules, permissions.Rule{Name: "not at all", Effect: "deny", Who: []permissions.Principal{"*"}})
	require.Equal(t, "not at all", p.Decide(ask).Rule)

	everywhere := permissions.Policy{Book: &permissions.Rulebook{Rules: []permissions.Rule{{
		Name: "two", Effect: "allow", Who: []permissions.Principal{"*"}, Approvers: &permissions.Approvers{Count: 2},
	}}}}
	require.False(t, everywhere.Decide(ask).Allowed, "it holds on every server that others must agree, and nobody is listed")
	rename := permissions.Ask{Actor: "local:lead", Surface: "terminal", Operation: "servers.update", Risk: "change", NewName: "mail"}
	require.True(t, team().Decide(rename).Allowed, "which server it is now may still be an id that is allowed")
}

func TestStrictestDemandHolds(t *testing.T) {
	all := []permissions.Principal{"*"}
	book := &permissions.Rulebook{
		People: []permissions.Person{{ID: "a", Identities: []permissions.Actor{"local:a"}}},
		Rules: []permissions.Rule{
			{Name: "none", Effect: "allow", Who: all},
			{Name: "three", Effect: "allow", Who: all, Approvers: &permissions.Approvers{Count: 3, Who: []permissions.Principal{"a", "*"}}},
			{Name: "one", Effect: "allow", Who: all, Approvers: &permissions.Approvers{Count: 1}},
		},
		Protected: []permissions.ServerPattern{"*"},
	}
	ask := permissions.Ask{Actor: "local:a", Surface: "terminal", Operation: "servers.delete", Risk: "destructive", Target: on("x")}
	d := permissions.Policy{Book: book}.Decide(ask)
	require.Equal(t, 3, d.Others)
	require.Equal(t, "three", d.Rule)
	require.Equal(t, []string{"a", "*"}, d.Approvers)
	book.Rules[2].Approvers.Count = 3
	require.Equal(t, "three", permissions.Policy{Book: book}.Decide(ask).Rule, "the first of equals")
	book.Rules[2].Approvers.Who = []permissions.Principal{}
	require.Equal(t, []string{"a, *, and of those only nobody"}, permissions.Policy{Book: book}.Decide(ask).Approvers)
	book.Rules = book.Rules[2:]
	require.Equal(t, []string{"nobody"}, permissions.Policy{Book: book}.Decide(ask).Approvers)
	book.Rules[0].Approvers = nil
	d = permissions.Policy{Book: book}.Decide(ask)
	require.Equal(t, 1, d.Others)
	require.Nil(t, d.Approvers, "whoever may run it there")
}

// A missing key is any, an empty list is nobody or nothing.
func TestEmptyIsNotMissing(t *testing.T) {
	ask := permissions.Ask{Actor: "local:a", Surface: "terminal", Operation: "servers.start", Risk: "change", Target: on("x")}
	rule := permissions.Rule{Name: "r", Effect: "allow", Who: []permissions.Principal{"*"}}
	decide := func(change func(*permissions.Rule)) (bool, []permissions.RuleMismatch) {
		r := rule
		change(&r)
		p := permissions.Policy{Book: &permissions.Rulebook{Rules: []permissions.Rule{r}}}
		return p.Decide(ask).Allowed, p.Mismatches(ask)
	}
	allowed, misses := decide(func(*permissions.Rule) {})
	require.True(t, allowed)
	require.Empty(t, misses)
	for part, change := range map[string]func(*permissions.Rule){
		"who":        func(r *permissions.Rule) { r.Who = nil },
		"where":      func(r *permissions.Rule) { r.Where = []permissions.Place{} },
		"operations": func(r *permissions.Rule) { r.Operations = []permissions.Glob{} },
		"risks":      func(r *permissions.Rule) { r.Risks = []permissions.Risk{} },
		"servers":    func(r *permissions.Rule) { r.Servers = []permissions.ServerPattern{} },
	} {
		allowed, misses := decide(change)
		require.False(t, allowed, part)
		require.Equal(t, []permissions.RuleMismatch{{Rule: "r", Part: part}}, misses)
	}
	require.Nil(t, permissions.Policy{}.Mismatches(ask))
	ask.Target = nil
	rule.Servers = []permissions.ServerPattern{"web-*"}
	_, misses = decide(func(*permissions.Rule) {})
	require.Empty(t, misses, "a server that is not known may fit")
}

// A server whose name cannot be read may be the one that a deny or protection means.
func TestUnreadNameIsTakenForTheWorst(t *testing.T) {
	all := []permissions.Principal{"*"}
	book := &permissions.Rulebook{
		People: []permissions.Person{{ID: "a", Identities: []permissions.Actor{"local:a"}}}, Protected: []permissions.ServerPattern{"db-*"},
		Rules: []permissions.Rule{{Name: "all", Effect: "allow", Who: all}},
	}
	ask := permissions.Ask{Actor: "local:a", Surface: "terminal", Operation: "servers.stop", Risk: "disruptive", Target: &permissions.TargetServer{ID: "5"}}
	require.Equal(t, 1, permissions.Policy{Book: book}.Decide(ask).Others)
	book.Rules = append(book.Rules, permissions.Rule{Name: "not mail", Effect: "deny", Who: all, Servers: []permissions.ServerPattern{"mail"}})
	require.Equal(t, "not mail", permissions.Policy{Book: book}.Decide(ask).Rule)
	book.Rules[1].Servers = []permissions.ServerPattern{"6"}
	require.True(t, permissions.Policy{Book: book}.Decide(ask).Allowed, "ids are known")
	uuid := "8c5f1e0a-9d6b-4a51-b4f4-0123456789ab"
	book.Rules[1].Servers = []permissions.ServerPattern{"8C5F1E0A-9D6B-4A51-B4F4-0123456789AB"}
	ask.Target = &permissions.TargetServer{ID: uuid, Name: "x"}
	require.False(t, permissions.Policy{Book: book}.Decide(ask).Allowed, "a UUID is the same in either case")
}

func TestChannels(t *testing.T) {
	ask := permissions.Ask{Actor: "key:lead-laptop", Surface: "mcp", Operation: "servers.delete", Risk: "destructive", Target: on("web-1")}
	require.Equal(t, []permissions.Surface{"slack", "terminal"}, team().Decide(ask).Channels)
	ask.Operation, ask.Risk = "servers.stop", "disruptive"
	require.Nil(t, team().Decide(ask).Channels)
}

// What the environment switches off stays off whatever the rules say.
func TestEnvironmentBindsTheRulebook(t *testing.T) {
	p := team()
	p.ReadOnly = true
	ask := permissions.Ask{Actor: "key:lead-laptop", Surface: "mcp", Operation: "servers.stop", Risk: "disruptive", Target: on("web-1")}
	require.Contains(t, p.Decide(ask).Reason, "VPSBOT_READ_ONLY")
	p.ReadOnly, p.Operations = false, []string{"backups.*"}
	require.Contains(t, p.Decide(ask).Reason, "VPSBOT_OPERATIONS")
}

func TestWithoutAPolicyFile(t *testing.T) {
	var p permissions.Policy
	d := p.Decide(permissions.Ask{Actor: "local:a", Surface: "terminal", Operation: "servers.delete", Risk: "destructive", Target: on("x")})
	require.Equal(t, permissions.Decision{Allowed: true, Risk: "destructive", Own: true}, d)
	stranger := permissions.Ask{Actor: "slack:U1", External: true, Surface: "slack", Operation: "servers.list", Risk: "read"}
	require.False(t, p.Decide(stranger).Allowed)
}

func TestBudgets(t *testing.T) {
	byDefault := permissions.Policy{}.Budgets()
	require.Len(t, byDefault, 2)
	deletions, destructive := byDefault[0], byDefault[1]
	require.Equal(t, []any{"deletions", 3, 10 * time.Minute, false, true},
		[]any{deletions.Name, deletions.Most, deletions.Within, deletions.PerActor, deletions.NotByHand})
	require.Equal(t, []any{"destructive", 10, time.Hour, true, true},
		[]any{destructive.Name, destructive.Most, destructive.Within, destructive.PerActor, destructive.NotByHand})
	for _, c := range []struct {
		operation               string
		risk                    permissions.Risk
		isDeletion, isDestroyer bool
	}{
		{"servers.delete", "destructive", true, true},
		{"backups.delete", "destructive", true, true},
		{"servers.restore", "destructive", false, true},
		{"servers.stop", "disruptive", false, false},
	} {
		require.Equal(t, c.isDeletion, deletions.Counts(c.operation, c.risk), c.operation)
		require.Equal(t, c.isDestroyer, destructive.Counts(c.operation, c.risk), c.operation)
	}
	p := permissions.Policy{Book: &permissions.Rulebook{Budgets: map[string]permissions.Rate{"deletions": {Most: 0, Within: time.Minute}}}}
	own := p.Budgets()
	require.Equal(t, []any{0, time.Minute, false}, []any{own[0].Most, own[0].Within, own[0].NotByHand})
	require.Equal(t, []any{10, time.Hour, false}, []any{own[1].Most, own[1].Within, own[1].NotByHand})
	require.Equal(t, 3, permissions.Policy{}.Budgets()[0].Most, "the defaults are not changed")
}

// A rename that counts as disruptive needs an allow for what it is and for what it counts as. A deny for either
// holds.
func TestRaisedRisk(t *testing.T) {
	ask := permissions.Ask{Actor: "local:lead", Surface: "terminal", Operation: "servers.update", Risk: "change", Target: on("cache-1"), NewName: "db-1"}
	for _, c := range []struct {
		risks           []permissions.Risk
		allowed, denied bool
	}{
		{nil, true, true}, {[]permissions.Risk{"change", "disruptive"}, true, true},
		{[]permissions.Risk{"change"}, false, true}, {[]permissions.Risk{"disruptive"}, false, true}, {[]permissions.Risk{"billable"}, false, false},
	} {
		p, rule := team(), permissions.Rule{Name: "r", Effect: "deny", Who: []permissions.Principal{"lead"}, Risks: c.risks}
		p.Book.Rules = append(p.Book.Rules, rule)
		require.Equal(t, c.denied, p.Decide(ask).Rule == "r", c.risks)
		rule.Effect = "allow"
		p.Book.Rules = []permissions.Rule{rule}
		require.Equal(t, c.allowed, p.Decide(ask).Allowed, c.risks)
	}
}
