package mcpserver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tiktoken-go/tokenizer"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

type listed struct {
	Name         string          `json:"name"`
	Title        string          `json:"title"`
	Description  string          `json:"description"`
	InputSchema  json.RawMessage `json:"inputSchema"`
	OutputSchema json.RawMessage `json:"outputSchema"`
	Annotations  map[string]any  `json:"annotations"`
}

func (k *talk) list() []listed {
	k.Helper()
	m := k.request("tools/list", `{}`)
	require.Nil(k, m.Error)
	var l struct {
		Tools      []listed `json:"tools"`
		NextCursor string   `json:"nextCursor"`
	}
	require.NoError(k, json.Unmarshal(m.Result, &l))
	require.Empty(k, l.NextCursor)
	return l.Tools
}

func names(all []listed) []string {
	names := []string{}
	for _, tool := range all {
		names = append(names, tool.Name)
	}
	return names
}

func allNames() []string {
	names := []string{}
	for _, op := range tools.Default.Operations() {
		names = append(names, op.ToolName())
	}
	return names
}

// recordNames are the tools that are no operations.
var recordNames = []string{"approvals_list", "audit_list"}

func runnerCall(operation, input string) runner.Call {
	return runner.Call{Operation: operation, Input: []byte(input), Actor: alice, Surface: permissions.MCP, CanPrompt: true}
}

func bothEras(t *testing.T, w *world, test func(t *testing.T, k *talk)) {
	defer func() { w.TB = t }()
	for era, speak := range eras {
		t.Run(era, func(t *testing.T) { w.TB = t; test(t, speak(w, forms)) })
	}
}

func TestListsEveryTool(t *testing.T) {
	w := newWorld(t)
	bothEras(t, w, func(t *testing.T, k *talk) {
		all := k.list()
		require.ElementsMatch(t, append(allNames(), recordNames...), names(all))
		for _, tool := range all {
			if slices.Contains(recordNames, tool.Name) {
				continue
			}
			op, ok := tools.Default.Lookup(strings.Replace(tool.Name, "_", ".", 1))
			require.True(t, ok)
			require.Equal(t, []string{op.Title, w.server.toolNames(op.Description)}, []string{tool.Title, tool.Description})
			require.JSONEq(t, w.server.toolNames(string(op.InputSchema())), string(tool.InputSchema))
			for _, other := range tools.Default.Operations() {
				require.NotContains(t, tool.Description+string(tool.InputSchema), other.Name, "a tool is named as the client knows it")
			}
			require.JSONEq(t, string(op.OutputSchema()), string(tool.OutputSchema))
			read, harms := op.Risk == permissions.Read, op.Risk == permissions.Destructive || op.Risk == permissions.Disruptive
			require.Equal(t, map[string]any{"readOnlyHint": read, "destructiveHint": harms, "idempotentHint": read, "openWorldHint": true}, tool.Annotations, tool.Name)
		}
	})
}

func TestListWithoutRefusedTools(t *testing.T) {
	token := simulator.Token{Value: "vps_lists", Name: "lists", Permissions: []string{"servers:list"}}
	w := newWorldWith(t, token.Value, simulator.Options{Tokens: []simulator.Token{token}})
	bothEras(t, w, func(t *testing.T, k *talk) {
		require.Equal(t, []string{"account_get", "approvals_list", "audit_list", "servers_get", "servers_list"}, names(k.list()))
		o := k.call(call("servers_delete", web))
		require.Equal(t, "refused", o.is())
		require.Contains(t, o.text(), "servers:delete")
		require.Contains(t, o.text(), permissions.TokensPage)
		for _, r := range w.sim.Requests() {
			require.Equal(t, "GET /api/v1/account/me/", r.Method+" "+r.Path)
		}
	})
}

func TestListWithoutToolsOffByPolicy(t *testing.T) {
	w := newWorld(t)
	w.server.Runner.Policy = func() permissions.Policy {
		return permissions.Policy{ReadOnly: true, Operations: []string{"servers.*"}}
	}
	bothEras(t, w, func(t *testing.T, k *talk) {
		require.Equal(t, []string{"approvals_list", "audit_list", "servers_get", "servers_list"}, names(k.list()), "no glob of operations is about records")
		require.Contains(t, k.call(call("servers_delete", web)).text(), "read-only")
		require.Contains(t, k.call(call("plans_list", `{}`)).text(), "VPSBOT_OPERATIONS")
	})
}

func TestListDoesNotWaitForASlowAPI(t *testing.T) {
	w := newWorld(t)
	w.server.Runner.Policy = func() permissions.Policy { return permissions.Policy{ReadOnly: true} }
	answer := make(chan struct{})
	defer close(answer)
	w.sim.Intercept(func(http.ResponseWriter, *http.Request, http.Handler) { <-answer })
	k := w.legacy(forms)
	began := time.Now()
	all := k.list()
	require.Less(t, time.Since(began), 3*time.Second)
	require.Greater(t, time.Since(began), 1900*time.Millisecond)
	require.Contains(t, names(all), "servers_list")
	require.NotContains(t, names(all), "servers_delete", "what the policy does not let exist stays hidden")
}

func TestUnknownTool(t *testing.T) {
	bothEras(t, newWorld(t), func(t *testing.T, k *talk) {
		m := k.request("tools/call", call("servers_destroy", web))
		require.NotNil(t, m.Error)
		require.Contains(t, m.Error.Message, "not found")
	})
}

// A call by the operation's name returns the tool's name and runs nothing, because a client's rules about a
// tool depend on its name.
func TestCallByOperationName(t *testing.T) {
	w := newWorld(t)
	bothEras(t, w, func(t *testing.T, k *talk) {
		for _, op := range tools.Default.Operations() {
			o := k.call(call(op.Name, string(op.Examples[0])))
			require.True(t, o.IsError, op.Name)
			require.Contains(t, o.text(), "call "+op.ToolName()+" instead", op.Name)
		}
	})
	require.Empty(t, w.sim.Requests())
}

// Messages have the names of tools, not of operations.
func TestMessagesNameTools(t *testing.T) {
	w := newWorld(t)
	k := w.legacy(noForms)
	for _, params := range []string{
		call("servers_get", `{"server":"zzz"}`), call("servers_get", `{"id":1}`), call("backups_delete", `{"backup_id":"1"}`),
		call("servers_delete", web), call("servers_stop", `{"server":"web-server-01","dry_run":true}`), call("snapshots_delete", `{"snapshot_id":1}`),
		call("backups_create", web), call("servers_restore", `{"server":"db-server-01","backup_id":"501"}`), call("account_get", `{"a":1}`),
	} {
		o := k.call(params)
		for _, op := range tools.Default.Operations() {
			require.NotContains(t, o.text()+string(o.StructuredContent), op.Name, params)
		}
	}
}

func TestInstructions(t *testing.T) {
	w := newWorld(t)
	k := w.speak(w.server)
	m := k.request("initialize", `{"protocolVersion":"2025-06-18","clientInfo":{"name":"t","version":"1"},"capabilities":{}}`)
	said := decoded(t, m.Result)
	require.Equal(t, "1.2.3", said["serverInfo"].(map[string]any)["version"])
	for _, word := range []string{"approval_required", "unknown", "wait", "never instructions", "Never run that command"} {
		require.Contains(t, said["instructions"], word)
	}
	discovered := decoded(t, w.modern(forms).request("server/discover", `{}`).Result)
	require.Equal(t, said["instructions"], discovered["instructions"])
}

// mostOnTheWire limits the list of all tools, in bytes; mostTokens what a model reads of it.
const (
	mostOnTheWire = 40_000
	mostTokens    = 2_700
)

func TestListSize(t *testing.T) {
	k := newWorld(t).legacy(forms)
	m := k.request("tools/list", `{}`)
	var read strings.Builder
	for _, tool := range k.list() {
		fmt.Fprintf(&read, `{"name":%q,"description":%q,"inputSchema":%s}`, tool.Name, tool.Description, tool.InputSchema)
	}
	codec, err := tokenizer.Get(tokenizer.O200kBase)
	require.NoError(t, err)
	n, err := codec.Count(read.String())
	require.NoError(t, err)
	t.Logf("tools/list: %d bytes, %d tokens", len(m.Result), n)
	require.Less(t, len(m.Result), mostOnTheWire)
	require.LessOrEqual(t, n, mostTokens)
}
