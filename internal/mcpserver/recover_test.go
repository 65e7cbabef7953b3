package mcpserver

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log"
	"strings"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
)

func TestPanicInACall(t *testing.T) {
	w := newWorld(t)
	healthy := w.server.Runner.Store
	w.server.Runner.Store = func(context.Context) (approval.Store, error) { panic("store of vps_demo broke") }
	bothEras(t, w, func(t *testing.T, k *talk) {
		o := k.call(call("servers_delete", web))
		require.True(t, o.IsError)
		require.Regexp(t, `^an internal error \(id [A-Z2-7]{8}\); it is logged`, o.text())
		require.NotContains(t, o.text(), "store of")
		require.False(t, k.call(call("servers_get", web)).IsError)
		id := o.text()[len("an internal error (id "):][:8]
		require.Contains(t, w.log.String(), "id="+id)
		require.Contains(t, w.log.String(), "store of [redacted] broke")
		require.Contains(t, w.log.String(), "recover_test.go", "the stack is logged")
	})
	w.server.Runner.Store = healthy
	require.Empty(t, w.sent())
}

func TestGoErrorDoesNotReachTheClient(t *testing.T) {
	w := newWorld(t)
	result, err := w.server.recoverCall(func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return nil, errors.New("open /home/alice/vps_demo")
	})(t.Context(), mcp.CallToolRequest{})
	require.NoError(t, err)
	require.True(t, result.IsError)
	require.NotContains(t, result.Content[0].(mcp.TextContent).Text, "alice")
	require.Contains(t, w.log.String(), "open /home/alice/[redacted]")
}

func TestPanicWhileListing(t *testing.T) {
	w := newWorld(t)
	w.server.Runner.Now = func() time.Time { panic("broken") }
	require.Len(t, w.legacy(forms).list(), len(allNames()))
	require.Contains(t, w.log.String(), "internal error")
}

func TestPanicWhileWatching(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, "approval_required", w.legacy(noForms).call(call("servers_delete", web)).is())
	broken := w.process("process-2", w.sim.Transport())
	broken.Runner.Store = func(context.Context) (approval.Store, error) { panic("store of vps_demo broke") }
	broken.watch(runnerCall("servers.delete", web), w.records()[0])
	w.eventually(func() bool { return strings.Contains(w.log.String(), "internal error") }, "it is logged")
	<-broken.approvals.close()
	require.Contains(t, w.log.String(), "store of [redacted] broke")
}

func TestErrorsOfMCPGoAreLogged(t *testing.T) {
	w := newWorld(t)
	log.New(writerFunc(w.server.logProtocolError), "", 0).Printf("odd: %s", "vps_demo")
	require.Contains(t, w.log.String(), "odd: [redacted]")
}

// mcp-go repeats the client's name of a tool in its errors, where the token must be redacted.
func TestTokenIsRedactedInEveryLine(t *testing.T) {
	m := newWorld(t).legacy(forms).request("tools/call", call("vps_demo", `{}`))
	require.NotNil(t, m.Error)
	require.Contains(t, m.Error.Message, "[redacted]")
}

func TestLineAboveTheLimitEndsTheSession(t *testing.T) {
	ended := false
	text := strings.NewReader(strings.Repeat("short\n", 2<<20) + strings.Repeat("x", maxLine+1))
	in := &lineReader{in: bufio.NewReader(text), handshake: &handshake{}, isResponse: func([]byte) bool { return false }, onEnd: func() { ended = true }}
	_, err := io.Copy(io.Discard, in)
	require.ErrorIs(t, err, errLongLine)
	require.True(t, ended)
}
