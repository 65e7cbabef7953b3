package mcpserver

import (
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
)

// named is a call of a tool under a name of the client's own, as JSON.
func named(tool, arguments, id string) string {
	return strings.TrimSuffix(call(tool, arguments), "}") + `,"_meta":{"org.vpsbot/request-id":` + id + `}}`
}

// The same name gives the same outcome, however often it is sent, and in a later session.
func TestRequestIDs(t *testing.T) {
	w := newWorld(t)
	k := w.legacy(`{}`)
	const start = `{"server":"web-server-01","hostname":"new.example.com"}`
	require.Equal(t, "done", k.call(named("servers_update", start, `"deploy-17"`)).is())
	require.Equal(t, "done", k.call(named("servers_update", start, `"deploy-17"`)).is())
	require.Len(t, w.sent(), 1)
	require.Equal(t, "done", k.call(call("servers_update", start)).is())
	require.Len(t, w.sent(), 2, "without a name it is another request, whatever its JSON-RPC id")

	other := k.call(named("servers_update", `{"server":"web-server-01","hostname":"other.example.com"}`, `"deploy-17"`))
	require.Equal(t, "refused", other.is())
	require.Contains(t, other.text(), "used for another request")
	require.Len(t, w.sent(), 2)
}

func TestRequestIDsThatAreNone(t *testing.T) {
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
		id, err := requestID(&mcp.Meta{AdditionalFields: map[string]any{requestKey: text}})
		if err == nil {
			require.Equal(t, text, id)
			require.LessOrEqual(t, len(id), approval.RequestIDBytes)
		} else {
			require.Empty(t, id)
		}
	})
}
