package apiclient

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPollTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, at := time.Now(), []int{}
		err := Poll(t.Context(), func(context.Context) (bool, error) {
			at = append(at, int(time.Since(start).Seconds()))
			return len(at) == 13, nil
		})
		require.NoError(t, err)
		require.Equal(t, []int{1, 2, 4, 8, 13, 20, 32, 49, 74, 104, 134, 164, 194}, at)
	})
}

// RetryAfter extends the next pause, and only that one.
func TestPollRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, at := time.Now(), []int{}
		err := Poll(t.Context(), func(context.Context) (bool, error) {
			at = append(at, int(time.Since(start).Seconds()))
			if len(at) == 1 {
				return false, &Error{Kind: KindRateLimited, RetryAfter: 20 * time.Second}
			}
			return len(at) == 3, nil
		})
		require.NoError(t, err)
		require.Equal(t, []int{1, 21, 23}, at)
	})
}

func TestPollErrors(t *testing.T) {
	boom := errors.New("boom")
	for name, tc := range map[string]struct {
		err  error
		goes bool
	}{
		"other":        {boom, false},
		"missing":      {&Error{Kind: KindNotFound}, false},
		"network":      {&Error{Kind: KindNetwork}, true},
		"rate limited": {&Error{Kind: KindRateLimited}, true},
		"unknown":      {&Error{Kind: KindServer, Unknown: true}, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			checks := 0
			err := Poll(t.Context(), func(context.Context) (bool, error) {
				if checks++; checks == 1 {
					return true, tc.err
				}
				return true, nil
			})
			if tc.goes {
				require.NoError(t, err, name)
				require.Equal(t, 2, checks, name)
				return
			}
			require.ErrorIs(t, err, tc.err, name)
			require.Equal(t, 1, checks, name)
		})
	}
}

func TestPollEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		checks := 0
		err := Poll(ctx, func(context.Context) (bool, error) { checks++; return false, nil })
		require.Equal(t, context.DeadlineExceeded, err)
		require.Equal(t, 4, checks)

		ctx, cancel = context.WithCancel(t.Context())
		err = Poll(ctx, func(context.Context) (bool, error) {
			cancel()
			return false, &Error{Kind: KindCanceled, cause: ctx.Err()}
		})
		require.Equal(t, context.Canceled, err)
	})
}
