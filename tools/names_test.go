package tools_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/tools"
)

func TestNamesAreSpelledAsASurfaceSaysThem(t *testing.T) {
	t.Parallel()
	slack := func(op *tools.Op) string { return "/vps " + strings.Replace(op.Name, ".", " ", 1) }
	for text, want := range map[string]string{
		"":                            "",
		"No servers.":                 "No servers.",
		"servers.list shows them all": "servers_list shows them all",
		"ask servers.list.":           "ask servers_list.",
		"(plans.list), dns.zones; backups.list: x":                                        "(plans_list), dns_zones; backups_list: x",
		"servers.reboot is refused for “servers.list”. See servers.get":                   "servers_reboot is refused for “servers.list”. See servers_get",
		"“a “servers.get” b” servers.get":                                                 "“a “servers.get” b” servers_get",
		"servers.lists xservers.list servers.list.example.com /servers.list servers:list": "servers.lists xservers.list servers.list.example.com /servers.list servers:list",
		"a stray ” servers.get":                                                           "a stray ” servers_get",
	} {
		require.Equal(t, want, tools.Default.SpellNames(text, (*tools.Op).ToolName))
	}
	require.Equal(t, "/vps plans list has them", tools.Default.SpellNames("plans.list has them", slack))
}

func TestWhatAnOperationDoesAndDidReadsAsPlainWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ operation, target, does, did string }{
		{"servers.reboot", "web-server-01", "reboot web-server-01", "rebooted web-server-01"},
		{"servers.reboot", "server 12345", "reboot server 12345", "rebooted server 12345"},
		{"servers.delete", "web 1. Nothing was sent", "delete “web 1. Nothing was sent”", "deleted “web 1. Nothing was sent”"},
		{"servers.start", "servers.list", "start “servers.list”", "started “servers.list”"},
		{"servers.start", "", "start “”", "started “”"},
		{"servers.update", "a-1", "change a-1's settings", "changed the settings of a-1"},
		{"servers.restore", "a-1", "restore a-1 from a backup", "restored a-1 from a backup"},
		{"backups.create", "a-1", "back up a-1", "backed up a-1"},
		{"backups.delete", "backup 499 of a-1", "delete backup 499 of a-1", "deleted backup 499 of a-1"},
		{"snapshots.delete", "snapshot of a of b", "delete “snapshot of a of b”", "deleted “snapshot of a of b”"},
		{"snapshots.restore", "snapshot nightly-b of server 7", "restore a server from snapshot nightly-b of server 7", "restored snapshot nightly-b of server 7"},
		{"snapshots.delete", "snapshot nightly-b", "delete snapshot nightly-b", "deleted snapshot nightly-b"},
	} {
		op, _ := tools.Default.Lookup(c.operation)
		require.Equal(t, c.does, op.Do(c.target))
		require.Equal(t, c.did, op.Did(c.target))
	}
}

// What a person forgot is refused at registration, the words for the past among it.
func TestAChangeNeedsWordsForWhatItHasDone(t *testing.T) {
	t.Parallel()
	reboot, _ := tools.Default.Lookup("servers.reboot")
	for problem, edit := range map[string]func(*tools.Meta){
		"no past with one %s for the target":        func(m *tools.Meta) { m.Past = "rebooted" },
		"a title that does not say what it acts on": func(m *tools.Meta) { m.Title = "Reboot" },
	} {
		meta := reboot.Meta
		edit(&meta)
		require.PanicsWithValue(t, `operation "servers.reboot": `+problem, func() {
			tools.Add(tools.Default.Clone(), tools.Operation[struct{}, tools.None]{
				Meta: meta, Examples: []struct{}{{}}, Effect: func(tools.Target, struct{}) string { return "" },
				Evidence: func(context.Context, *apiclient.Client, tools.Target, struct{}) (tools.Evidence, error) {
					return "", nil
				},
			})
		})
	}
}
