package mcpserver

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

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

func TestPanicWhileListing(t *testing.T) {
	w := newWorld(t)
	w.server.Runner.Now = func() time.Time { panic("broken") }
	require.Len(t, w.legacy(forms).list(), len(allNames())+len(recordNames))
	require.Contains(t, w.log.String(), "internal error")
}

func TestPanicWhileWatching(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, "approval_required", w.legacy(noForms).call(call("servers_delete", web)).is())
	broken := w.process("process-2", w.sim.Transport())
	broken.Runner.Store = func(context.Context) (approval.Store, error) { panic("store of vps_demo broke") }
	broken.watch(runnerCall("servers.delete", web), w.records()[0], &memory{})
	w.eventually(func() bool { return strings.Contains(w.log.String(), "internal error") }, "it is logged")
	<-broken.approvals.close()
	require.Contains(t, w.log.String(), "store of [redacted] broke")
}

// mcp-go repeats the client's name of a tool in its errors, where the token must be redacted.
func TestTokenIsRedactedInEveryLine(t *testing.T) {
	m := newWorld(t).legacy(forms).request("tools/call", call("vps_demo", `{}`))
	require.NotNil(t, m.Error)
	require.Contains(t, m.Error.Message, "[redacted]")
}

func TestLineAboveTheLimitEndsTheSession(t *testing.T) {
	for _, end := range []string{"", "\n"} {
		w := newWorld(t)
		in := strings.NewReader(strings.Repeat("\n", 1<<20) + `{"jsonrpc":"2.0","id":1,"method":"ping"}` + "\n" + strings.Repeat("x", maxLine+1) + end)
		var out bytes.Buffer
		require.ErrorIs(t, w.server.ServeStdio(t.Context(), alice, in, &out), errLongLine)
		require.Equal(t, `{"jsonrpc":"2.0","id":1,"result":{}}`+"\n", out.String())
	}
}

// terminalInput gives the end of its input once, as a terminal does; another read would wait for more.
type terminalInput struct {
	io.Reader
	ended bool
}

func (r *terminalInput) Read(p []byte) (int, error) {
	if r.ended {
		panic("a read after the end")
	}
	n, err := r.Reader.Read(p)
	r.ended = err == io.EOF
	return n, err
}

// A byte order mark before the first message is skipped, also where nothing follows it.
func TestByteOrderMark(t *testing.T) {
	const ping, pong = `{"jsonrpc":"2.0","id":1,"method":"ping"}` + "\n", `{"jsonrpc":"2.0","id":1,"result":{}}` + "\n"
	for input, want := range map[string]string{"": "", byteOrderMark: "", ping: pong, byteOrderMark + ping: pong, byteOrderMark + "\n" + ping: pong} {
		var out bytes.Buffer
		require.NoError(t, newWorld(t).server.ServeStdio(t.Context(), alice, &terminalInput{Reader: strings.NewReader(input)}, &out))
		require.Equal(t, want, out.String(), "%q", input)
	}
}
