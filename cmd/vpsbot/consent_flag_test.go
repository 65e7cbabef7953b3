package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
)

// scriptPolicy lets a key of CI answer by a flag.
const scriptPolicy = `version: 1
people:
  - {id: me, local: ["*unused"], keys: [mine]}
  - {id: second, keys: [second]}
rules:
  - {name: CI, effect: allow, who: ["key:ci", me], where: [terminal]}
  - {name: two restore, effect: allow, who: [me], operations: [servers.restore], approvers: {count: 1, who: [second]}}
confirm: {disruptive: [terminal, script], destructive: [terminal, script]}
`

// A flag answers for an access key, where the policy names the channel script. The records say so.
func TestFlagAnswersUnderPolicy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, policy string
		local        bool // without an access key
		args         []string
		want         int
	}{
		{"no policy", "", false, []string{"servers.reboot", "web-server-01", "--yes"}, 4},
		{"no confirm", strings.Split(scriptPolicy, "confirm:")[0], false, []string{"servers.reboot", "web-server-01", "--yes"}, 4},
		{"another risk", scriptPolicy, false, []string{"servers.create", "--name", "web-3", "--plan-id", "1", "--os-id", "5", "--location", "us-west", "--yes"}, 4},
		{"no key", strings.Replace(scriptPolicy, `who: ["key:ci", me]`, `who: ["*"]`, 1), true, []string{"servers.reboot", "web-server-01", "--yes"}, 4},
		{"no flag", scriptPolicy, false, []string{"servers.reboot", "web-server-01"}, 4},
		{"the wrong flag", scriptPolicy, false, []string{"servers.delete", "web-server-01", "--yes"}, 4},
		{"the wrong name", scriptPolicy, false, []string{"servers.delete", "web-server-01", "--confirm", "web"}, 4},
		{"a yes", scriptPolicy, false, []string{"servers.reboot", "web-server-01", "--yes"}, 0},
		{"a name", scriptPolicy, false, []string{"servers.delete", "web-server-01", "--confirm", "web-server-01"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newSandbox(t)
			ci := b.makeKey(t, "ci")
			if c.policy != "" {
				b.policyFile(t, c.policy)
			}
			if !c.local {
				b.env["VPSBOT_KEY"] = ci
			}
			out, errs, code := b.run(t.Context(), append([]string{"run"}, c.args...)...)
			require.Equal(t, c.want, code, out+errs)
			if c.want != 0 {
				require.Empty(t, b.sim.Writes())
				return
			}
			require.Len(t, b.sim.Writes(), 1)
			require.Contains(t, errs, "Answered by a flag.")
			rows, _, _ := b.run(t.Context(), "audit", "list", "--json")
			require.Contains(t, rows, `"answered by a flag"`)
			all, _, _ := b.run(t.Context(), "approvals", "list", "--all", "--json")
			shown, _, _ := b.run(t.Context(), "approvals", "show", onlyOne(t, all))
			require.Regexp(t, `key:ci, who asked, at .*: Answered by a flag\.`, shown)
		})
	}
}

// onlyOne returns the id of the one record of a list.
func onlyOne(t *testing.T, list string) string {
	t.Helper()
	var records []struct{ ID string }
	require.NoError(t, json.Unmarshal([]byte(list), &records))
	require.Len(t, records, 1)
	return records[0].ID
}

// Answers by a flag are limited to three deletions in ten minutes.
func TestFlagCountsInBudgets(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	b.env["VPSBOT_KEY"] = b.makeKey(t, "ci")
	b.policyFile(t, scriptPolicy)
	b.sim.Edit(func(w *simulator.World) {
		for i := range 4 {
			w.AddServer(simulator.Server{Name: fmt.Sprintf("many-%d", i), Status: "active", Location: "us-west"})
		}
	})
	for i := range 4 {
		name := fmt.Sprintf("many-%d", i)
		_, errs, code := b.run(t.Context(), "run", "servers.delete", name, "--confirm", name)
		require.Equal(t, map[bool]int{true: 0, false: 3}[i < 3], code, errs)
	}
	require.Len(t, b.sim.Writes(), 3)
}

// An answer by a flag is never that of a second person.
func TestFlagIsNoSecondApproval(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	mine := b.makeKey(t, "mine")
	b.policyFile(t, scriptPolicy)
	b.env["VPSBOT_KEY"] = mine
	out, errs, code := b.run(t.Context(), "run", "servers.restore", "web-server-01", "--backup-id", "501", "--confirm", "web-server-01", "--json")
	require.Equal(t, 4, code, errs)
	require.Contains(t, out+errs, "still to agree: another person (second)")
	require.Empty(t, b.sim.Writes())
}
