package apiclient

import (
	"context"
	"time"

	"github.com/vpsbot/vpsbot/internal/backoff"
)

const (
	firstPoll   = time.Second
	longestPoll = 30 * time.Second
)

// Poll calls check after 1 s and then after pauses that grow by half to 30 s, until check reports done or
// returns an error, or ctx ends: then Poll returns ctx's error. After a temporary Error it goes on; its
// RetryAfter is the least next pause.
func Poll(ctx context.Context, check func(ctx context.Context) (done bool, err error)) error {
	var retryAfter time.Duration
	for pause := time.Duration(0); ; {
		pause = NextPause(pause)
		if err := backoff.Sleep(ctx, max(pause, retryAfter)); err != nil {
			return err
		}
		done, err := check(ctx)
		retryAfter = RetryAfter(err)
		switch {
		case err != nil && ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !errorIn(err).Temporary():
			return err
		case err == nil && done:
			return nil
		}
	}
}

// NextPause returns the pause between two polls that follows another: it grows by half, from 1 s to 30 s. 0
// stands for the pause before the first poll.
func NextPause(pause time.Duration) time.Duration {
	return min(max(firstPoll, pause+pause/2), longestPoll)
}

// RetryAfter returns the RetryAfter of an [Error], 0 if there is none.
func RetryAfter(err error) time.Duration { return errorIn(err).RetryAfter }
