package background

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A loop survives errors and panics, and logs an error again only after another result.
func TestLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		rounds := []func() error{
			func() error { return errors.New("down") },
			func() error { return errors.New("down") },
			func() error { return nil },
			func() error { return errors.New("down") },
			func() error { panic("broken") },
			func() error { return nil },
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second+time.Millisecond)
		defer cancel()
		n := 0
		Loop{Interval: time.Second, Log: slog.New(slog.NewTextHandler(&log, nil)), Message: "round"}.Run(ctx, func(context.Context) error {
			n++
			return rounds[n-1]()
		})
		require.Equal(t, len(rounds), n)
		require.Equal(t, 2, strings.Count(log.String(), "error=down"), log.String())
		require.Equal(t, 1, strings.Count(log.String(), "internal error: broken"))
	})
}

// Stop returns when the work has ended, or when its grace period is over.
func TestGroupStop(t *testing.T) {
	for name, c := range map[string]struct {
		work func(context.Context)
		took time.Duration
	}{
		"no work":              {func(context.Context) {}, 0},
		"short":                {func(context.Context) { time.Sleep(time.Second) }, time.Second},
		"ends with context":    {func(ctx context.Context) { <-ctx.Done() }, grace},
		"ignores its context":  {func(context.Context) { time.Sleep(time.Minute) }, grace + cutShort},
		"longer than expected": {func(ctx context.Context) { <-ctx.Done(); time.Sleep(cutShort / 2) }, grace + cutShort/2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := NewGroup()
				g.Go(c.work)
				start := time.Now()
				g.Stop()
				require.Equal(t, c.took, time.Since(start))
				time.Sleep(time.Hour) // until the work has ended
			})
		})
	}
}

// A loop is stuck while one round lasts for too long, and not while it pauses.
func TestPulse(t *testing.T) {
	t.Parallel()
	var pulse Pulse
	ctx, cancel := context.WithCancel(t.Context())
	hang := make(chan struct{})
	var running sync.WaitGroup
	for message, do := range map[string]func(context.Context) error{
		"hangs": func(context.Context) error { <-hang; return nil },
		"works": func(context.Context) error { panic("and survives it") },
	} {
		running.Go(func() {
			Loop{Interval: time.Hour, Message: message, Log: slog.New(slog.DiscardHandler), Pulse: &pulse}.Run(ctx, do)
		})
	}
	require.Eventually(t, func() bool { return slices.Equal(pulse.Stuck(50*time.Millisecond), []string{"hangs"}) }, 5*time.Second, time.Millisecond)
	require.Empty(t, pulse.Stuck(time.Hour))
	close(hang)
	require.Eventually(t, func() bool { return pulse.Stuck(0) == nil }, 5*time.Second, time.Millisecond)
	cancel()
	running.Wait()
}
