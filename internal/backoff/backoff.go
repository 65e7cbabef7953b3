// Package backoff has what every retry does: it waits as long as the other side asks for, or longer
// each time, and no longer than its caller is there.
package backoff

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// Sleep waits for a time. It returns ctx's error if ctx ends first.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return ctx.Err()
	}
}

// Doubled is how long to wait after so many failures in a row: first, doubled with each, at most the
// longest.
func Doubled(first, longest time.Duration, failures int) time.Duration {
	return min(first<<min(max(failures, 0), 20), longest)
}

// RetryAfter reads how long a server wants to be left alone, which the header says in seconds or as a
// date; 0 where it says neither.
func RetryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// Jittered is a part of d between its half and its whole, at random: what failed at once is not retried at once.
func Jittered(d time.Duration) time.Duration {
	return d/2 + rand.N(d/2+1) //nolint:gosec // no secret
}
