package permissions_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/permissions"
)

// A rename that wins somebody a right which they did not have needs the yes of somebody who had it.
func TestARenameThatWinsARight(t *testing.T) {
	type servers = []permissions.ServerPattern
	rule := func(name string, effect permissions.Effect, who permissions.Principal, operations []permissions.Glob, on servers) permissions.Rule {
		return permissions.Rule{Name: name, Effect: effect, Who: []permissions.Principal{who}, Operations: operations, Servers: on}
	}
	updates, all := []permissions.Glob{"servers.update"}, []permissions.Glob(nil)
	dev := rule("dev renames", "allow", "dev", updates, nil)
	devRunsTest := rule("dev runs test", "allow", "dev", all, servers{"test-*"})
	twoDelete := rule("two delete", "allow", "lead", []permissions.Glob{"servers.delete"}, servers{"db-*"})
	twoDelete.Approvers = &permissions.Approvers{Count: 1}
	people := []permissions.Person{}
	for _, id := range []string{"dev", "lead", "other"} {
		people = append(people, permissions.Person{ID: id, Identities: []permissions.Actor{permissions.Key(id)}})
	}
	leadRuns := rule("lead runs all", "allow", "lead", all, nil)
	for name, c := range map[string]struct {
		rules    []permissions.Rule
		asker    permissions.Actor
		from, to string
		others   int
		may      map[permissions.Actor]bool // agree to it
	}{
		"to where one may do more":           {[]permissions.Rule{dev, devRunsTest, leadRuns}, "key:dev", "db-1", "test-1", 1, map[permissions.Actor]bool{"key:lead": true, "key:other": false, "key:dev": false}},
		"by who might do all of it before":   {[]permissions.Rule{dev, devRunsTest, leadRuns}, "key:lead", "db-1", "test-1", 0, nil},
		"to where others may do more":        {[]permissions.Rule{dev, rule("other runs test", "allow", "other", all, servers{"test-*"}), leadRuns}, "key:dev", "db-1", "test-1", 1, map[permissions.Actor]bool{"key:lead": true, "key:other": false}},
		"to where nobody may do more":        {[]permissions.Rule{dev, devRunsTest, leadRuns}, "key:dev", "test-1", "test-2", 0, nil},
		"away from where one may do more":    {[]permissions.Rule{dev, devRunsTest, leadRuns}, "key:dev", "test-1", "db-1", 0, nil},
		"to where the same may do the same":  {[]permissions.Rule{dev, rule("x", "allow", "other", all, servers{"db-*"}), rule("y", "allow", "other", all, servers{"test-*"})}, "key:dev", "db-1", "test-1", 0, nil},
		"out of a deny":                      {[]permissions.Rule{dev, leadRuns, rule("none", "deny", "dev", []permissions.Glob{"servers.delete"}, servers{"db-*"}), rule("dev deletes", "allow", "dev", []permissions.Glob{"servers.delete"}, nil)}, "key:dev", "db-1", "x-1", 1, map[permissions.Actor]bool{"key:lead": true, "key:other": false}},
		"out of a deny that binds everybody": {[]permissions.Rule{leadRuns, rule("none", "deny", "*", []permissions.Glob{"servers.delete"}, servers{"db-*"})}, "key:lead", "db-1", "x-1", 1, map[permissions.Actor]bool{"key:other": false}},
		"out of a rule that wants two":       {[]permissions.Rule{rule("renames", "allow", "lead", updates, nil), twoDelete, rule("lead deletes", "allow", "lead", []permissions.Glob{"servers.delete"}, servers{"x-*"}), rule("other deletes", "allow", "other", []permissions.Glob{"servers.delete"}, servers{"db-*"})}, "key:lead", "db-1", "x-1", 1, map[permissions.Actor]bool{"key:other": true, "key:dev": false}},
	} {
		t.Run(name, func(t *testing.T) {
			p := permissions.Policy{Book: &permissions.Rulebook{People: people, Rules: c.rules}}
			ask := permissions.Ask{Actor: c.asker, Surface: "mcp", Operation: "servers.update", Risk: "change", Target: on(c.from), NewName: c.to}
			d := p.Decide(ask)
			require.True(t, d.Allowed, d.Reason)
			require.Equal(t, c.others, d.Others, "%+v", d)
			require.Equal(t, c.others == 1, d.Rule == permissions.ByRename, d.Rule)
			for who, may := range c.may {
				got := p.MayApprove(who, nil, ask, string(c.asker))
				require.Equal(t, may, got.Allowed, "%s: %s", who, got.Reason)
				person, _ := p.Person(who)
				require.Equal(t, may, slices.Contains(p.Candidates(ask), person), who)
			}
		})
	}
}
