package backoff_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/backoff"
)

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		require.NoError(t, backoff.Sleep(t.Context(), time.Hour))
		require.Equal(t, time.Hour, time.Since(began))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorIs(t, backoff.Sleep(ctx, time.Hour), context.DeadlineExceeded)
		require.Equal(t, time.Hour+time.Minute, time.Since(began))
		require.ErrorIs(t, backoff.Sleep(ctx, 0), context.DeadlineExceeded, "a caller that is gone is told so, however short the time")
	})
}

func TestDoubled(t *testing.T) {
	for failures, want := range map[int]time.Duration{-1: 1, 0: 1, 1: 2, 4: 16, 5: 30, 1000: 30} {
		require.Equal(t, want*time.Second, backoff.Doubled(time.Second, 30*time.Second, failures), failures)
	}
}

func TestJittered(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 100 {
		d := backoff.Jittered(time.Second)
		require.GreaterOrEqual(t, d, time.Second/2)
		require.LessOrEqual(t, d, time.Second)
		seen[d] = true
	}
	require.Greater(t, len(seen), 50)
	require.Zero(t, backoff.Jittered(0))
}

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for value, want := range map[string]time.Duration{
			"": 0, "0": 0, "7": 7 * time.Second, "-7": 0, "soon": 0, "99999999999": 0,
			time.Now().Add(time.Minute).UTC().Format(http.TimeFormat): time.Minute,
			time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat):  0,
		} {
			require.Equal(t, want, backoff.RetryAfter(http.Header{"Retry-After": {value}}), value)
		}
	})
}
