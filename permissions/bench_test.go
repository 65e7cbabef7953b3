package permissions_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/policy"
	"github.com/vpsbot/vpsbot/internal/testkit"
	"github.com/vpsbot/vpsbot/permissions"
)

// BenchmarkDecide makes one decision under a policy of 5,000 rules and 500 people, and under one of a hundredth: about
// a server, about any, about a rename, about 10,000 servers, and about who may approve.
//
//	go test ./permissions -run '^$' -bench Decide
func BenchmarkDecide(b *testing.B) {
	operations := []policy.Operation{
		{Name: "servers.list", Risk: permissions.Read, OnServer: true}, {Name: "servers.delete", Risk: permissions.Destructive, OnServer: true},
		{Name: "servers.update", Risk: permissions.Change, OnServer: true, Renames: true}, {Name: "backups.create", Risk: permissions.Change, OnServer: true},
	}
	ask := permissions.Ask{Actor: "key:laptop-7", Surface: permissions.MCP, Operation: "servers.list", Risk: permissions.Read}
	on, rename, removal := ask, ask, ask
	on.Target = &permissions.TargetServer{ID: "7", Name: "app-7-web"}
	rename.Operation, rename.Risk, rename.Target, rename.NewName = "servers.update", permissions.Change, on.Target, "app-8-web"
	removal.Operation, removal.Risk, removal.Target = "servers.delete", permissions.Destructive, on.Target
	for _, rules := range []int{50, 5000} {
		d, err := policy.Load(testkit.BigPolicy(rules, rules/10), operations)
		require.NoError(b, err)
		p := permissions.Policy{Book: d.Book}
		for _, c := range []struct {
			name   string
			decide func()
		}{
			{"server", func() { p.Decide(on) }}, {"any-server", func() { p.Decide(ask) }}, {"rename", func() { p.Decide(rename) }},
			{"candidates", func() { p.Candidates(removal) }},
			{"10000-servers", func() {
				allowed := p.AllowedOn(ask)
				for i := range 10_000 {
					allowed(permissions.TargetServer{ID: "1", Name: fmt.Sprintf("app-%d-web", i)})
				}
			}},
		} {
			b.Run(fmt.Sprintf("%d-rules/%s", rules, c.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					c.decide()
				}
			})
		}
	}
}
