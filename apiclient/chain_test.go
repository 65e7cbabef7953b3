package apiclient

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAuth(t *testing.T) {
	boom := errors.New("file is gone")
	for name, tc := range map[string]struct {
		token string
		err   error
		want  string
		cause error
	}{
		"plain":         {token: "abc", want: "Bearer abc"},
		"line end":      {token: " abc\n", want: "Bearer abc"},
		"empty":         {token: " \n", cause: errNoToken},
		"failed":        {err: boom, cause: boom},
		"two lines":     {token: "abc\r\nX-Evil: 1", cause: errBadToken},
		"not for wires": {token: "abcä", cause: errBadToken},
	} {
		var got []string
		c := testClient(t, func(o *Options) {
			o.Token = func() (string, error) { return tc.token, tc.err }
		}, withTransport(func(r *http.Request) (*http.Response, error) {
			got = append(got, r.Header.Get("Authorization"))
			return reply(204, ""), nil
		}))
		err := c.Servers.Delete(t.Context(), someID)
		if tc.cause == nil {
			require.NoError(t, err, name)
			require.Equal(t, []string{tc.want}, got, name)
			continue
		}
		apiErr := asError(t, err)
		require.Equal(t, KindToken, apiErr.Kind, name)
		require.ErrorIs(t, err, tc.cause, name)
		require.Equal(t, "/servers/12345/", apiErr.Path)
		require.False(t, apiErr.Unknown)
		require.Empty(t, got, name)
	}
}

func TestAuthRefusesOtherHosts(t *testing.T) {
	base, _ := url.Parse("https://admin.vps.org/api/v1")
	l := auth{nil, base, func() (string, error) { return secret, nil }}
	for _, target := range []string{"http://admin.vps.org/", "https://evil.example/", "https://admin.vps.org:8443/"} {
		req, err := http.NewRequest(http.MethodGet, target, nil)
		require.NoError(t, err)
		_, err = l.RoundTrip(req)
		require.ErrorIs(t, err, errOtherHost)
		require.Empty(t, req.Header)
	}
}

func TestUserAgent(t *testing.T) {
	for name, want := range map[string]string{"": "vpsbot", "other/1.0": "other/1.0"} {
		f := newFake(t, always(204, ""))
		require.NoError(t, f.client(t, func(o *Options) { o.UserAgent = name }).Servers.Delete(t.Context(), someID))
		require.Equal(t, want, f.requests()[0].header.Get("User-Agent"))
	}
}

func TestRateLimit(t *testing.T) {
	for base, want := range map[string]time.Duration{"http://127.0.0.1:1/api/v1": 0, "https://admin.vps.org": time.Second} {
		synctest.Test(t, func(t *testing.T) {
			c, start := testClient(t, withTransport(script{responds(204, "")}.play(new(int))), at(base)), time.Now()
			for range requestBurst + requestsPerSecond {
				require.NoError(t, c.Servers.Delete(t.Context(), someID))
			}
			require.InDelta(t, want, time.Since(start), float64(time.Millisecond))
		})
	}
}

func at(base string) func(*Options) { return func(o *Options) { o.BaseURL = base } }

// A request that would wait beyond its deadline, or is cancelled while it waits, is not sent.
func TestRateLimitBeyondTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent int
		c := testClient(t, withTransport(script{responds(204, "")}.play(&sent)), at("https://admin.vps.org"))
		for range requestBurst {
			require.NoError(t, c.Servers.Delete(t.Context(), someID))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		apiErr := asError(t, c.Servers.Delete(ctx, someID))
		require.Equal(t, KindUnavailable, apiErr.Kind)
		require.False(t, apiErr.Unknown)

		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(10*time.Millisecond, cancel)
		apiErr = asError(t, c.Servers.Delete(ctx, someID))
		require.Equal(t, KindCanceled, apiErr.Kind)
		require.False(t, apiErr.Unknown)
		require.Equal(t, requestBurst, sent)
	})
}

func TestObserve(t *testing.T) {
	for name, tc := range map[string]struct {
		script script
		want   Call
	}{
		"fine":    {script{responds(200, `{"id":1}`)}, Call{Status: 200, Attempts: 1}},
		"third":   {script{responds(502, ""), responds(502, ""), responds(200, `{"id":1}`)}, Call{Status: 200, Attempts: 3}},
		"missing": {script{responds(404, "")}, Call{Status: 404, Kind: KindNotFound, Attempts: 1}},
		"garbage": {script{responds(200, "x")}, Call{Status: 200, Kind: KindDecode, Attempts: 1}},
		"broken":  {script{responds(502, ""), fails(errors.New("reset"))}, Call{Kind: KindNetwork, Attempts: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got []Call
				c := testClient(t, withTransport(tc.script.play(new(int))), func(o *Options) {
					o.Observe = func(call Call) { got = append(got, call) }
				})
				start := time.Now()
				_, _ = c.Servers.Get(t.Context(), someID)
				tc.want.Method, tc.want.Route, tc.want.Duration = "GET", "/servers/{id}/", time.Since(start)
				require.Equal(t, []Call{tc.want}, got)
			})
		})
	}
}

func TestAttemptLog(t *testing.T) {
	for level, want := range map[slog.Level]int{slog.LevelDebug: 3, slog.LevelInfo: 0} {
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level}))
		s := script{fails(errors.New("reset by " + secret)), responds(502, secret), responds(200, `{"results":[],"x":"`+secret+`"}`)}
		c := testClient(t, withTransport(s.play(new(int))), func(o *Options) { o.Logger = logger })
		_, err := c.DNSZones.List(t.Context(), ZoneFilter{"example.com"})
		require.NoError(t, err)
		require.Equal(t, want, bytes.Count(log.Bytes(), []byte("method=GET path=/dns-zones/ ")))
		require.NotContains(t, log.String(), secret)
		require.NotContains(t, log.String(), "example.com", "no query")
		if want > 0 {
			require.Contains(t, log.String(), "failure=network")
			require.Contains(t, log.String(), "status=502")
		}
	}
}

func TestTraceObservesOneCall(t *testing.T) {
	client := newFake(t, always(http.StatusNoContent, "")).client(t)
	var seen []Call
	require.NoError(t, client.Servers.Delete(Trace(t.Context(), func(c Call) { seen = append(seen, c) }), someID))
	require.NoError(t, client.Servers.Delete(t.Context(), someID))
	require.Len(t, seen, 1)
	require.Equal(t, http.StatusNoContent, seen[0].Status)
}
