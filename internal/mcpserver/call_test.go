package mcpserver

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/tools"

	"github.com/vpsbot/vpsbot/internal/approval"
)

// named returns a call with an idempotency key as JSON.
func named(tool, arguments, id string) string {
	return strings.TrimSuffix(call(tool, arguments), "}") + `,"_meta":{"org.vpsbot/request-id":` + id + `}}`
}

// A model names a copy or a plan by a word; what is asked for is the id.
func TestWordsForIDs(t *testing.T) {
	w := newWorld(t)
	k := w.legacy(`{}`)
	require.Contains(t, k.call(call("servers_restore", `{"server":"web-server-01","backup_id":"latest","dry_run":true}`)).text(), "with backup 501")
	require.Contains(t, k.call(call("servers_create", `{"name":"new-01","plan_id":"standard","os_id":"5","location":"us-west","dry_run":true}`)).text(), "plan_id 2)")
	wrong := k.call(call("snapshots_restore", `{"snapshot_id":"web-server-01/2020-01-01"}`))
	require.Contains(t, wrong.text(), "made on 2020-01-01 (UTC); there are: 7001 (nightly-a, 2025-03-01 01:00 UTC)")
}

// Requests with the same idempotency key have the same outcome, also in a later session.
func TestRequestIDs(t *testing.T) {
	w := newWorld(t)
	k := w.legacy(`{}`)
	const start = `{"server":"web-server-01","hostname":"new.example.com"}`
	require.Equal(t, "done", k.call(named("servers_update", start, `"deploy-17"`)).is())
	require.Equal(t, "done", k.call(named("servers_update", start, `"deploy-17"`)).is())
	require.Len(t, w.sent(), 1)
	require.Equal(t, "done", k.call(call("servers_update", start)).is())
	require.Len(t, w.sent(), 2, "without a key it is another request, whatever its JSON-RPC id")

	other := k.call(named("servers_update", `{"server":"web-server-01","hostname":"other.example.com"}`, `"deploy-17"`))
	require.Equal(t, "refused", other.is())
	require.Contains(t, other.text(), "used for another request")
	require.Len(t, w.sent(), 2)
}

func TestInvalidRequestIDs(t *testing.T) {
	w := newWorld(t)
	k := w.legacy(`{}`)
	for _, id := range []string{`17`, `""`, `null`, `{"a":1}`, `"a\nb"`, `"` + strings.Repeat("x", 129) + `"`} {
		o := k.call(named("servers_update", `{"server":"web-server-01","hostname":"new.example.com"}`, id))
		require.Equal(t, "refused", o.is(), id)
		require.Contains(t, o.text(), "org.vpsbot/request-id must be a string of 1 to 128 printable characters", id)
		require.True(t, k.call(named("servers_list", `{}`, id)).IsError, id)
	}
	require.Empty(t, w.sent())
}

func FuzzRequestID(f *testing.F) {
	f.Add("deploy-17")
	f.Add("a\x00b")
	f.Fuzz(func(t *testing.T, text string) {
		raw, err := json.Marshal(text)
		require.NoError(t, err)
		id, err := requestID(raw)
		if err == nil {
			require.Equal(t, strings.ToValidUTF8(text, "\uFFFD"), id)
			require.LessOrEqual(t, len(id), approval.RequestIDBytes)
		} else {
			require.Empty(t, id)
		}
	})
}

func TestMembersAddedByClientsAreIgnored(t *testing.T) {
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

func TestUnknownArgumentsAreErrors(t *testing.T) {
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
func TestFieldOfTheOperationIsKept(t *testing.T) {
	op := &tools.Op{Fields: []tools.Field{{Name: "action"}}}
	require.JSONEq(t, `{"action":"a"}`, string(withoutAdded(op, []byte(`{"action":"a","tool":"b"}`))))
}

func TestArgumentsInsideAText(t *testing.T) {
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
