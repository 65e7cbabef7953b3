package apiclient

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBreaker(t *testing.T) {
	for name, tc := range map[string]struct {
		answer func() (*http.Response, error)
		opens  bool
	}{
		"500":       {responds(500, ""), true},
		"reset":     {fails(errors.New("connection reset")), true},
		"400":       {responds(400, ""), false},
		"429":       {responds(429, ""), false},
		"fine":      {responds(204, ""), false},
		"too large": {responds(200, string(make([]byte, maxBody+1))), false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sent int
				c := testClient(t, withTransport(script{tc.answer}.play(&sent)))
				for range breakerFailures {
					_ = c.Servers.Delete(t.Context(), someID)
				}
				err := c.Servers.Delete(t.Context(), someID)
				if !tc.opens {
					require.Equal(t, breakerFailures+1, sent)
					return
				}
				require.Equal(t, breakerFailures, sent, "nothing was sent")
				require.Equal(t, KindUnavailable, asError(t, err).Kind)
				require.False(t, asError(t, err).Unknown)
			})
		})
	}
}

func TestBreakerSeparatesReadsAndWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		healthy := false
		c := testClient(t, withTransport(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodGet || healthy {
				return reply(200, `{"id":1}`), nil
			}
			return reply(500, ""), nil
		}))
		for range breakerFailures {
			require.Error(t, c.Servers.Delete(t.Context(), someID))
		}
		require.Equal(t, KindUnavailable, asError(t, c.Servers.Delete(t.Context(), someID)).Kind)
		require.Equal(t, Stats{WritesPaused: true}, c.Stats())
		require.NoError(t, second(c.Servers.Get(t.Context(), someID)))

		healthy = true
		time.Sleep(breakerPause + time.Second)
		require.Equal(t, Stats{WritesPaused: true}, c.Stats(), "until a write succeeds")
		require.NoError(t, c.Servers.Delete(t.Context(), someID), "half open after the pause")
		require.Zero(t, c.Stats())
		require.NoError(t, c.Servers.Delete(t.Context(), someID))
	})
}

func TestBreakerIgnoresCancelledCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		c := testClient(t, withTransport(func(r *http.Request) (*http.Response, error) {
			sent++
			<-r.Context().Done()
			return nil, r.Context().Err()
		}))
		for range 2 * breakerFailures {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			require.Equal(t, KindTimeout, asError(t, c.Servers.Delete(ctx, someID)).Kind)
			cancel()
		}
		require.Equal(t, 2*breakerFailures, sent)
	})
}
