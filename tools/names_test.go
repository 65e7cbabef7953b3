package tools_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

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
		"Done: servers.reboot of “servers.list”. See servers.get":                         "Done: servers_reboot of “servers.list”. See servers_get",
		"“a “servers.get” b” servers.get":                                                 "“a “servers.get” b” servers_get",
		"servers.lists xservers.list servers.list.example.com /servers.list servers:list": "servers.lists xservers.list servers.list.example.com /servers.list servers:list",
		"a stray ” servers.get":                                                           "a stray ” servers_get",
	} {
		require.Equal(t, want, tools.Default.SpellNames(text, (*tools.Op).ToolName))
	}
	require.Equal(t, "/vps plans list has them", tools.Default.SpellNames("plans.list has them", slack))
}
