package apiclient

import (
	"context"
	"errors"
	"time"

	"github.com/vpsbot/vpsbot/internal/backoff"
)

const (
	firstPoll   = time.Second
	longestPoll = 30 * time.Second
)

// Poll calls check after 1 s and then after pauses that grow by half to 30 s,
// until it reports done or returns an error, or ctx ends: then Poll returns
// ctx's error. A temporary Error of a read does not end it; where the API says
// how long to wait, the next pause is at least that.
func Poll(ctx context.Context, check func(ctx context.Context) (done bool, err error)) error {
	var asked time.Duration
	for pause := time.Duration(0); ; {
		pause = NextPause(pause)
		if err := backoff.Sleep(ctx, max(pause, asked)); err != nil {
			return err
		}
		done, err := check(ctx)
		asked = RetryAfter(err)
		switch {
		case err != nil && ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !isTemporary(err):
			return err
		case err == nil && done:
			return nil
		}
	}
}

// NextPause returns the pause after one between two looks at the same thing:
// it grows by half, from 1 s to 30 s. 0 is the pause before the first look.
func NextPause(pause time.Duration) time.Duration {
	return min(max(firstPoll, pause+pause/2), longestPoll)
}

// RetryAfter returns how long the API wants to be left alone, as an error
// tells; 0 where it does not say.
func RetryAfter(err error) time.Duration {
	var apiErr *Error
	if errors.As(err, &apiErr) {
		return apiErr.RetryAfter
	}
	return 0
}

func isTemporary(err error) bool {
	var apiErr *Error
	return errors.As(err, &apiErr) && apiErr.Temporary()
}
