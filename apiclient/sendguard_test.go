package apiclient

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// guarded is a server behind newTransport, with and without TLS, and what a guard was asked.
type guarded struct {
	client   *Client
	arrived  atomic.Int64
	accepted atomic.Int64 // connections
	asked    int
	refuses  error
}

func newGuarded(t *testing.T, tls bool) *guarded {
	g := &guarded{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		g.arrived.Add(1)
		w.WriteHeader(http.StatusNoContent)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			g.accepted.Add(1)
		}
	}
	if tls {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	base, err := url.Parse(server.URL)
	require.NoError(t, err)
	transport := newTransport(new(atomic.Int64))
	if tls {
		transport.TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig
	}
	t.Cleanup(transport.CloseIdleConnections)
	var chain http.RoundTripper = bodyReader{sentTracker{guardedSender{transport, true}}}
	g.client = newClient(translateErrors(sender{chain, base, []string{"test"}}.send))
	return g
}

func (g *guarded) send(t *testing.T) *Error {
	t.Helper()
	ctx := WithSendGuard(t.Context(), func(context.Context) error {
		g.asked++
		// There is a connection, which the server may still have to accept.
		for range 10_000 {
			if g.accepted.Load() > 0 {
				return g.refuses
			}
			time.Sleep(time.Millisecond)
		}
		return errors.New("the guard was called without a connection")
	})
	var failed *Error
	if err := g.client.Servers.Delete(ctx, someID); err != nil {
		require.ErrorAs(t, err, &failed)
	}
	return failed
}

func TestSendGuard(t *testing.T) {
	for name, tls := range map[string]bool{"plain": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			g := newGuarded(t, tls)
			require.Nil(t, g.send(t))
			require.EqualValues(t, 1, g.arrived.Load())
			require.Equal(t, 1, g.asked)
			require.Nil(t, g.send(t), "on the same connection")
			require.EqualValues(t, 2, g.arrived.Load())
			require.Equal(t, 2, g.asked)

			g.refuses = errors.New("the lock is lost")
			for range 2 { // on a connection that was used, and on a new one
				failed := g.send(t)
				require.NotNil(t, failed)
				require.ErrorIs(t, failed, g.refuses)
				require.Equal(t, KindUnavailable, failed.Kind)
				require.False(t, failed.Unknown, "nothing was sent")
			}
			require.EqualValues(t, 2, g.arrived.Load())
			require.Equal(t, 4, g.asked, "one refusal is enough for all connections of a call")

			g.refuses = nil
			require.Nil(t, g.send(t))
			require.EqualValues(t, 3, g.arrived.Load())
		})
	}
}

// A transport that makes its own connections is asked before it gets the request; reads are not asked about.
func TestSendGuardOfAnotherTransport(t *testing.T) {
	f := newFake(t, always(http.StatusNoContent, ""))
	asked := 0
	refuses := errors.New("stopped for too long")
	ctx := WithSendGuard(t.Context(), func(context.Context) error { asked++; return refuses })
	client := f.client(t)
	require.ErrorIs(t, client.Servers.Delete(ctx, someID), refuses)
	require.Empty(t, f.requests())
	_, _ = client.Servers.Get(ctx, someID)
	require.Len(t, f.requests(), 1)
	require.Equal(t, 1, asked)
}
