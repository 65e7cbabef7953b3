package simulator

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTransportEqualsASocket(t *testing.T) {
	socket, direct := New(Options{Now: fixed}), New(Options{Now: fixed})
	server := httptest.NewServer(socket)
	defer server.Close()
	client := &http.Client{Transport: direct.Transport()}
	for _, e := range endpoints {
		path, body := requestFor(e)
		for _, path := range []string{path, strings.TrimSuffix(path, "/")} {
			want, err := send(t, server.Client(), server.URL, e.method, path, body)
			require.NoError(t, err)
			got, err := send(t, client, server.URL, e.method, path, body)
			require.NoError(t, err)
			want.header.Del("Date")
			require.Equal(t, want, got, "%s %s", e.method, path)
		}
	}
	require.Equal(t, socket.Requests(), direct.Requests())
}

// through sends one request in process with an interceptor in front.
func through(t *testing.T, intercept Interceptor) (result, error) {
	t.Helper()
	s := New(Options{Now: fixed})
	s.Intercept(intercept)
	return send(t, &http.Client{Transport: s.Transport()}, "https://vps.test", "GET", "servers/", "")
}

var breaks = map[string]struct {
	intercept Interceptor
	check     func(*testing.T, result, error)
}{
	"before anything": {
		func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) },
		func(t *testing.T, _ result, err error) { require.ErrorIs(t, err, syscall.ECONNRESET) },
	},
	"after what was not flushed": {
		func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			next.ServeHTTP(w, r)
			panic(http.ErrAbortHandler)
		},
		func(t *testing.T, _ result, err error) { require.ErrorIs(t, err, syscall.ECONNRESET) },
	},
	"in the body": {
		func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			_, _ = io.WriteString(w, `{"count":`)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		},
		func(t *testing.T, got result, err error) {
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			require.Equal(t, `{"count":`, got.body)
		},
	},
	"by a failed assertion": {
		func(http.ResponseWriter, *http.Request, http.Handler) { runtime.Goexit() },
		func(t *testing.T, _ result, err error) { require.ErrorIs(t, err, syscall.ECONNRESET) },
	},
	"by a panic": {
		func(http.ResponseWriter, *http.Request, http.Handler) { panic("oops") },
		func(t *testing.T, _ result, err error) { require.ErrorContains(t, err, "handler panicked: oops") },
	},
	"not": {
		func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { w.WriteHeader(http.StatusTeapot) },
		func(t *testing.T, got result, err error) {
			require.NoError(t, err)
			require.Equal(t, http.StatusTeapot, got.status)
		},
	},
	"not by saying nothing": {
		func(http.ResponseWriter, *http.Request, http.Handler) {},
		func(t *testing.T, got result, err error) {
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, got.status)
		},
	},
}

func TestTransportBreaks(t *testing.T) {
	for name, c := range breaks {
		t.Run(name, func(t *testing.T) {
			got, err := through(t, c.intercept)
			c.check(t, got, err)
		})
	}
}

func TestInterceptorReadsTheBody(t *testing.T) {
	s := New(Options{Now: fixed})
	s.Intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.Equal(t, create, string(body))
		w.Header().Set("X-Seen", "yes")
		next.ServeHTTP(w, r)
	})
	got := do(t, s, "POST", "servers/", create)
	require.Equal(t, http.StatusCreated, got.status)
	require.Equal(t, "yes", got.header.Get("X-Seen"))
	s.Intercept(nil)
	require.Empty(t, do(t, s, "GET", "servers/", "").header.Get("X-Seen"))
}

// body is a request body that records whether it was closed.
type body struct {
	io.Reader
	closed bool
}

func (b *body) Close() error { b.closed = true; return nil }

func TestTransportClosesTheBody(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	s := New(Options{})
	for name, c := range map[string]struct {
		ctx    context.Context
		reader io.Reader
		want   error
	}{
		"answered": {t.Context(), strings.NewReader("{}"), nil},
		"ended":    {ended, strings.NewReader("{}"), context.Canceled},
		"unread":   {t.Context(), iotest.ErrReader(errBody), errBody},
	} {
		b := &body{Reader: c.reader}
		req, err := http.NewRequestWithContext(c.ctx, "POST", "https://vps.test"+prefix+"servers/", b)
		require.NoError(t, err)
		_, err = s.Transport().RoundTrip(req)
		require.ErrorIs(t, err, c.want, name)
		require.True(t, b.closed, name)
	}
	require.Len(t, s.Requests(), 1, "no request was recorded that was not sent")
}

var errBody = errors.New("no body")

func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Latency: time.Second})
		client := &http.Client{Transport: s.Transport()}
		begin := time.Now()
		_, err := send(t, client, "https://vps.test", "GET", "servers/", "")
		require.NoError(t, err)
		require.Equal(t, time.Second, time.Since(begin))

		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, "POST", "https://vps.test"+prefix+"servers/", strings.NewReader(create))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer vps_demo")
		_, err = client.Do(req)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 1300*time.Millisecond, time.Since(begin))
		synctest.Wait()
		require.Equal(t, 2, servers(s), "a request that was cancelled before the change makes none")
		require.Len(t, s.Writes(), 1)
		require.Zero(t, s.Writes()[0].Status)
	})
}

func TestTransportEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		release := make(chan struct{})
		s.Intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) { <-release; next.ServeHTTP(w, r) })
		client := &http.Client{Transport: s.Transport(), Timeout: time.Minute}
		_, err := send(t, client, "https://vps.test", "POST", "servers/", create)
		require.Error(t, err)
		require.Len(t, s.Writes(), 1, "a request is recorded on arrival")
		close(release)
		synctest.Wait()
		require.Equal(t, 3, servers(s))
		require.Equal(t, http.StatusCreated, s.Writes()[0].Status)
	})
}
