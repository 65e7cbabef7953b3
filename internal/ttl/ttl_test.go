package ttl_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/ttl"
)

var errDown = errors.New("down")

// result returns a read that has this result.
func result(value string, err error) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return value, err }
}

func noRead(context.Context) (string, error) { panic("a read that is not due") }

func TestFailedReads(t *testing.T) {
	pause := func(error) time.Duration { return 10 * time.Second }
	for name, tc := range map[string]struct {
		cache *ttl.Cache[string]
		age   time.Duration // of the value when the read fails
		want  string        // "": the error
	}{
		"no grace":         {&ttl.Cache[string]{Fresh: time.Minute}, time.Minute, ""},
		"within the grace": {&ttl.Cache[string]{Fresh: time.Minute, Grace: 5 * time.Minute, Pause: pause}, 5*time.Minute - 1, "old"},
		"after the grace":  {&ttl.Cache[string]{Fresh: time.Minute, Grace: 5 * time.Minute, Pause: pause}, 5 * time.Minute, ""},
	} {
		now := time.Unix(1e9, 0)
		tc.cache.Now = func() time.Time { return now }
		got, err := tc.cache.Get(t.Context(), "a", result("old", nil))
		require.NoError(t, err)
		require.Equal(t, "old", got)
		now = now.Add(time.Minute - 1)
		got, err = tc.cache.Get(t.Context(), "a", noRead)
		require.NoError(t, err, name)
		require.Equal(t, "old", got, name)

		now = now.Add(tc.age - time.Minute + 1)
		got, err = tc.cache.Get(t.Context(), "a", result("", errDown))
		require.Equal(t, tc.want, got, name)
		require.Equal(t, tc.want == "", errors.Is(err, errDown), name)
		_, known := tc.cache.Peek("a")
		require.Equal(t, tc.want != "", known, name)
		if tc.cache.Pause != nil {
			again, pausedErr := tc.cache.Get(t.Context(), "a", noRead)
			require.Equal(t, got, again, name)
			require.Equal(t, err, pausedErr, name)
			now = now.Add(10 * time.Second)
		}
		got, err = tc.cache.Get(t.Context(), "a", result("new", nil))
		require.NoError(t, err, name)
		require.Equal(t, "new", got, name)
	}
}

// Without a grace, a failed read deletes a value that is fresh.
func TestFailedReadDeletesAFreshValue(t *testing.T) {
	now := time.Unix(1e9, 0)
	for _, grace := range []time.Duration{0, time.Hour} {
		c := ttl.Cache[string]{Fresh: time.Minute, Grace: grace, Now: func() time.Time { return now }}
		_, err := c.Get(t.Context(), "a", result("old", nil))
		require.NoError(t, err)
		_, err = c.Read(t.Context(), "a", result("", errDown))
		require.ErrorIs(t, err, errDown)
		_, known := c.Peek("a")
		require.Equal(t, grace > 0, known)
	}
}

func TestValueOfTheFutureIsExpired(t *testing.T) {
	now := time.Unix(1e9, 0)
	c := ttl.Cache[string]{Fresh: time.Minute, Grace: time.Hour, Now: func() time.Time { return now }}
	_, err := c.Get(t.Context(), "a", result("a", nil))
	require.NoError(t, err)
	now = now.Add(-time.Second)
	_, known := c.Peek("a")
	require.False(t, known)
}

// One read serves all callers, and goes on after they have given up.
func TestConcurrentCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ttl.Cache[int]{Fresh: time.Minute, Now: time.Now}
		reads := 0
		read := func(ctx context.Context) (int, error) {
			reads++
			time.Sleep(2 * time.Second)
			return reads, ctx.Err()
		}
		for range 5 {
			go func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				_, err := c.Get(ctx, "a", read)
				require.ErrorIs(t, err, context.DeadlineExceeded)
			}()
			go func() {
				got, err := c.Get(t.Context(), "a", read)
				require.NoError(t, err)
				require.Equal(t, 1, got)
			}()
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		got, known := c.Peek("a")
		require.True(t, known)
		require.Equal(t, 1, got)
	})
}

// A read that began earlier and ends later does not replace the newer value.
func TestLateReadDoesNotReplaceANewerValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ttl.Cache[string]{Fresh: time.Minute, Now: time.Now}
		go func() {
			_, _ = c.Read(t.Context(), "a", func(context.Context) (string, error) {
				time.Sleep(2 * time.Second)
				return "old", nil
			})
		}()
		time.Sleep(time.Second)
		_, err := c.Read(t.Context(), "a", result("new", nil))
		require.NoError(t, err)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		got, _ := c.Peek("a")
		require.Equal(t, "new", got)
		at, isDue := c.ReadAt("a")
		require.False(t, isDue)
		require.Equal(t, 2*time.Second, time.Since(at))
		c.Clear()
		_, known := c.Peek("a")
		require.False(t, known)
	})
}

func TestMax(t *testing.T) {
	now := time.Unix(1e9, 0)
	c := ttl.Cache[string]{Fresh: time.Minute, Max: 10, Now: func() time.Time { return now }}
	count := func() (n int) {
		for i := range 100 {
			if _, known := c.Peek(fmt.Sprint(i)); known {
				n++
			}
		}
		return n
	}
	for i := range 25 {
		_, err := c.Get(t.Context(), fmt.Sprint(i), result("a", nil))
		require.NoError(t, err)
		require.LessOrEqual(t, count(), 10)
	}
	require.Equal(t, 5, count())
}

func TestBounded(t *testing.T) {
	var b ttl.Bounded[int, string]
	_, ok := b.Get(1)
	require.False(t, ok)
	for i := range 10_000 {
		b.Set(i, "value")
	}
	value, ok := b.Get(1)
	require.True(t, ok)
	require.Equal(t, "value", value)
	b.Set(10_000, "one too many")
	_, ok = b.Get(1)
	require.False(t, ok)
	_, ok = b.Get(10_000)
	require.True(t, ok)
}
