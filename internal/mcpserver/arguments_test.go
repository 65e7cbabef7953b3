package mcpserver

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/tools"
)

func TestWhatClientsAddIsDropped(t *testing.T) {
	w := newWorld(t)
	bothEras(t, w, func(t *testing.T, k *talk) {
		for _, added := range addedByClients {
			for _, value := range []string{`true`, `"x"`, `{"a":[1]}`, `null`} {
				for tool, args := range map[string]string{"servers_list": `{`, "account_get": `{`, "servers_get": `{"server":"web-server-01",`} {
					o := k.call(call(tool, strings.ReplaceAll(args+`"`+added+`":`+value+`}`, ",}", "}")))
					require.False(t, o.IsError, "%s %s: %s", tool, added, o.text())
				}
			}
		}
		o := k.call(call("servers_list", `{"tool":"servers_list","toolCallId":"call_0","sessionId":"a","action":"sendMessage","chatInput":"list","limit":1}`))
		require.Contains(t, o.text(), "1 to 1 of")
	})
}

func TestOtherUnknownArgumentsStayMistakes(t *testing.T) {
	k := newWorld(t).legacy(forms)
	for args, says := range map[string]string{
		`{"server":"web-server-01","dryRun":true}`:                    "unknown field “dryRun”; did you mean dry_run? servers_start takes server, dry_run, wait",
		`{"server":"web-server-01","Tool":"x"}`:                       "unknown field “Tool”",
		`{"server":"web-server-01","tool":"x","force":true}`:          "unknown field “force”",
		`{"server":"web-server-01","tool":"x","tool":"y"}`:            "not valid JSON",
		`{"server":"web-server-01","wait_for_previous":true,"a":"b"}`: "unknown field “a”",
	} {
		o := k.call(call("servers_start", args))
		require.True(t, o.IsError, args)
		require.Contains(t, o.text(), says, args)
	}
}

// A member of one of these names is the operation's own where its schema has it.
func TestAnOperationsOwnFieldIsNotDropped(t *testing.T) {
	op := &tools.Op{Fields: []tools.Field{{Name: "action"}}}
	require.JSONEq(t, `{"action":"a"}`, string(withoutAdded(op, []byte(`{"action":"a","tool":"b"}`))))
}

func TestArgumentsThatCameAsAText(t *testing.T) {
	w := newWorld(t)
	bothEras(t, w, func(t *testing.T, k *talk) {
		for args, shown := range map[string]string{
			`"{\"limit\":1}"`: "1 to 1 of", `""`: "servers.", `"{}"`: "servers.", `" {} "`: "servers.", `"{\"limit\":\"1\",\"tool\":\"x\"}"`: "1 to 1 of",
		} {
			o := k.call(call("servers_list", args))
			require.False(t, o.IsError, "%s: %s", args, o.text())
			require.Contains(t, o.text(), shown, args)
		}
		for _, args := range []string{`"[]"`, `"5"`, `"x"`, `"\"{}\""`, `"{"`} {
			require.True(t, k.call(call("servers_list", args)).IsError, args)
		}
		require.Contains(t, k.call(call("servers_get", `"{\"server\":\"vps\u005fdemo\"}"`)).text(), "the input contains the API token")
	})
	require.Empty(t, w.sent())
}
