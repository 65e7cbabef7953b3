package simulator

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return listener
}

func TestServeEndsWithItsContext(t *testing.T) {
	s := New(Options{})
	arrived := make(chan struct{})
	release := make(chan struct{})
	s.Intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		close(arrived)
		<-release
		next.ServeHTTP(w, r)
	})
	listener := listen(t)
	ctx, stop := context.WithCancel(t.Context())
	served, answered := make(chan error), make(chan int)
	go func() { served <- Serve(ctx, listener, s) }()
	go func() {
		got, _ := send(t, http.DefaultClient, "http://"+listener.Addr().String(), "GET", "servers/", "")
		answered <- got.status
	}()
	<-arrived
	stop()
	close(release)
	require.Equal(t, http.StatusOK, <-answered, "a running request is answered")
	require.NoError(t, <-served)
	_, err := send(t, http.DefaultClient, "http://"+listener.Addr().String(), "GET", "servers/", "")
	require.Error(t, err)
}

func TestServeSaysWhyItCannot(t *testing.T) {
	listener := listen(t)
	require.NoError(t, listener.Close())
	require.ErrorIs(t, Serve(t.Context(), listener, New(Options{})), net.ErrClosed)
}

// BenchmarkHandler is the handler alone: the figure to keep above is 30,000 requests a second.
func BenchmarkHandler(b *testing.B) {
	for _, path := range []string{"servers/12345/", "servers/", "account/me/"} {
		b.Run(path, func(b *testing.B) {
			s := New(Options{})
			r := httptest.NewRequest("GET", prefix+path, nil)
			r.Header.Set("Authorization", "Bearer vps_demo")
			b.ReportAllocs()
			for b.Loop() {
				s.ServeHTTP(httptest.NewRecorder(), r)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
		})
	}
}
