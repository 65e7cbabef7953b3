package permissions_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/permissions"
)

func TestPerson(t *testing.T) {
	for _, c := range []struct {
		identity permissions.Actor
		person   string
		known    bool
	}{
		{"slack:U1", "lead", true},
		{"key:lead-laptop", "lead", true},
		{"local:lead", "lead", true},
		{"lead", "lead", true},
		{"slack:U2", "second", true},
		{"slack:U9", "slack:U9", false},
		{"local:second", "local:second", false},
		{"", "", false},
	} {
		person, known := team().Person(c.identity)
		require.Equal(t, c.person, person, c.identity)
		require.Equal(t, c.known, known, c.identity)
	}
	person, known := permissions.Policy{}.Person("local:x")
	require.Equal(t, "local:x", person)
	require.True(t, known, "without a policy file everybody is somebody")
	_, known = permissions.Policy{}.Person("")
	require.False(t, known)
	_, known = permissions.Policy{Book: &permissions.Rulebook{}}.Person("local:x")
	require.False(t, known, "a policy file without people knows nobody")
}

func TestMayApprove(t *testing.T) {
	staging := permissions.Ask{Actor: "local:lead", Surface: "terminal", Operation: "servers.delete", Risk: "destructive", Target: on("staging-1")}
	mail := permissions.Ask{Actor: "local:lead", Surface: "terminal", Operation: "servers.delete", Risk: "destructive", Target: on("mail")}
	data := permissions.Ask{Actor: "local:lead", Surface: "terminal", Operation: "servers.stop", Risk: "disruptive", Target: on("db-1")}
	for _, c := range []struct {
		name     string
		approver permissions.Actor
		groups   []string
		ask      permissions.Ask
		reason   string // part of it; empty: allowed
	}{
		{"named by a group", "slack:U2", nil, staging, ""},
		{"by the person's id", "second", nil, staging, ""},
		{"not named", "key:third", nil, staging, `does not name key:third as an approver; it names oncall`},
		{"named by a Slack group", "slack:U3", []string{"S1"}, staging, ""},
		{"in no people entry", "slack:U9", []string{"S1"}, staging, "belongs to nobody under people"},
		{"the requester", "local:lead", nil, staging, "another person must agree"},
		{"the requester's other identity", "slack:U1", nil, staging, "another person must agree"},
		{"protected: who may run it there", "key:third", nil, data, ""},
		{"protected: who may not", "slack:U2", nil, data, "only who may run it can agree to it"},
		{"protected: the requester", "slack:U1", nil, data, "another person must agree"},
		{"no longer allowed", "slack:U2", nil, mail, "no rule of the policy allows it to local:lead"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := team().MayApprove(c.approver, c.groups, c.ask, "lead")
			require.Equal(t, c.reason == "", d.Allowed, d.Reason)
			require.Contains(t, d.Reason, c.reason)
			require.Equal(t, c.reason == "", d.Reason == "")
		})
	}
}

// The users of one machine are never two people for each other's approval; with a key, or in Slack,
// they are.
func TestUsersOfOneMachineAreOnePerson(t *testing.T) {
	two := permissions.Policy{Book: &permissions.Rulebook{
		People: []permissions.Person{
			{ID: "ann", Identities: []permissions.Actor{"local:ann", "key:ann"}},
			{ID: "ben", Identities: []permissions.Actor{"local:ben", "key:ben", "slack:U0BEN"}},
		},
		Rules: []permissions.Rule{{Name: "two", Effect: "allow", Who: []permissions.Principal{"ann", "ben"}, Approvers: &permissions.Approvers{Count: 1}}},
	}}
	for _, c := range []struct {
		asker, approver     permissions.Actor
		apart, inANamespace bool
	}{
		{"local:ann", "local:ben", false, false},
		{"local:ann", "key:ben", true, false}, // in a namespace it is not known that ann asked
		{"local:ann", "slack:U0BEN", true, false},
		{"key:ann", "local:ben", true, false},
		{"key:ann", "key:ben", true, true},
		{"key:ann", "slack:U0BEN", true, true},
	} {
		ask := permissions.Ask{Actor: c.asker, Surface: "terminal", Operation: "servers.delete", Risk: "destructive", Target: on("x")}
		two.OneUser = false
		require.Equal(t, c.apart, two.MayApprove(c.approver, nil, ask, string(c.asker)).Allowed, c)
		two.OneUser = true
		require.Equal(t, c.inANamespace, two.MayApprove(c.approver, nil, ask, string(c.asker)).Allowed, c)
	}
}

// In a user namespace whoever makes one is any user in it: each local identity is the one that the
// policy knows, or, where it knows several, gets what everybody gets and is denied what any of
// them is.
func TestInAUserNamespaceLocalIdentitiesAreOnePerson(t *testing.T) {
	rule := func(name string, effect permissions.Effect, who permissions.Principal, risk permissions.Risk) permissions.Rule {
		return permissions.Rule{Name: name, Effect: effect, Who: []permissions.Principal{who}, Risks: []permissions.Risk{risk}}
	}
	people := []permissions.Person{{ID: "ann", Identities: []permissions.Actor{"local:ann"}}, {ID: "ben", Identities: []permissions.Actor{"local:ben"}}}
	may := func(p permissions.Policy, who permissions.Actor, risk permissions.Risk) bool {
		return p.Decide(permissions.Ask{Actor: who, Surface: "terminal", Operation: "servers.stop", Risk: risk, Target: on("x")}).Allowed
	}
	for name, c := range map[string]struct {
		people []permissions.Person
		rules  []permissions.Rule
		want   map[permissions.Actor]bool
	}{
		"one is known": {people[:1], []permissions.Rule{rule("ann", "allow", "ann", "change")}, map[permissions.Actor]bool{"local:ann": true, "local:root": true}},
		"two are known": {
			people,
			[]permissions.Rule{rule("ann", "allow", "ann", "change"), rule("ben", "allow", "local:ben", "change")},
			map[permissions.Actor]bool{"local:ann": false, "local:ben": false, "local:root": false, "key:k": false},
		},
		"everybody may": {people, []permissions.Rule{rule("all", "allow", "*", "change")}, map[permissions.Actor]bool{"local:ann": true, "local:root": true, "key:k": true}},
		"one of them may not": {
			people,
			[]permissions.Rule{rule("all", "allow", "*", "change"), rule("not ben", "deny", "ben", "change")},
			map[permissions.Actor]bool{"local:ann": false, "local:root": false, "key:k": true},
		},
	} {
		p := permissions.Policy{OneUser: true, Book: &permissions.Rulebook{People: c.people, Rules: c.rules}}
		for who, want := range c.want {
			require.Equal(t, want, may(p, who, "change"), "%s: %s", name, who)
		}
	}
	none := permissions.Policy{OneUser: true}
	a, _ := none.Person("local:a")
	b, _ := none.Person("local:b")
	require.Equal(t, a, b, "budgets and pauses count them as one")
	require.True(t, may(none, "local:a", "change"))
}

// Who asked is known twice, by the record and by the ask; either is enough to refuse.
func TestRequesterIsAPersonOrAnIdentity(t *testing.T) {
	ask := permissions.Ask{Actor: "local:lead", Surface: "terminal", Operation: "servers.delete", Risk: "destructive", Target: on("staging-1")}
	require.False(t, team().MayApprove("slack:U2", nil, ask, "slack:U2").Allowed)
	require.False(t, team().MayApprove("slack:U2", nil, ask, "second").Allowed)
	require.False(t, team().MayApprove("slack:U1", nil, ask, "second").Allowed)
	require.True(t, team().MayApprove("slack:U2", nil, ask, "").Allowed)
}

// Where several rules want approvers, each must name this one.
func TestEveryDemandNamesTheApprover(t *testing.T) {
	p := team()
	p.Book.Rules = append(p.Book.Rules, permissions.Rule{
		Name: "third too", Effect: "allow", Who: []permissions.Principal{"lead"}, Approvers: &permissions.Approvers{Count: 1, Who: []permissions.Principal{"third"}},
	})
	ask := permissions.Ask{Actor: "local:lead", Surface: "terminal", Operation: "servers.delete", Risk: "destructive", Target: on("staging-1")}
	require.Contains(t, p.MayApprove("slack:U2", nil, ask, "lead").Reason, `"third too"`)
	require.Contains(t, p.MayApprove("slack:U3", nil, ask, "lead").Reason, `"two delete"`)
	require.True(t, p.MayApprove("slack:U3", []string{"S1"}, ask, "lead").Allowed)
	p.Book.Rules[len(p.Book.Rules)-1].Approvers.Who = nil
	require.True(t, p.MayApprove("slack:U2", nil, ask, "lead").Allowed, "named by the one, and may run it for the other")
	p.Book.Rules[2].Approvers.Who = []permissions.Principal{"third"}
	require.Contains(t, p.MayApprove("slack:U3", nil, ask, "lead").Reason, "only who may run it can agree to it")
	p.Book.Rules[2].Approvers.Who = []permissions.Principal{}
	require.Contains(t, p.MayApprove("slack:U2", nil, ask, "lead").Reason, "it names nobody")
}

func TestMayApproveWithoutAPolicyFile(t *testing.T) {
	for _, surface := range []permissions.Surface{permissions.MCP, permissions.Terminal} {
		ask := permissions.Ask{Actor: "local:a", Surface: surface, Operation: "servers.delete", Risk: "destructive", Target: on("x")}
		require.True(t, permissions.Policy{}.Decide(ask).Allowed)
		for _, who := range []permissions.Actor{"local:b", "slack:U1", "key:k", "local:a", ""} {
			require.False(t, permissions.Policy{}.MayApprove(who, nil, ask, "local:a").Allowed, who)
		}
	}
}
