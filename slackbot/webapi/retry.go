package webapi

import (
	"context"
	"errors"
	"time"

	"github.com/vpsbot/vpsbot/internal/backoff"
)

// retry calls do, and again after each rate limit, until within is over. Any other error ends it:
// the request may have arrived.
func retry(ctx context.Context, within time.Duration, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		err := translateError(do(ctx))
		limited, ok := errors.AsType[*RateLimitedError](err)
		if !ok {
			return err
		}
		if backoff.Sleep(ctx, limited.After) != nil {
			return err
		}
	}
}

// RetryAfter is how long to wait after a number of consecutive failures, the last of them err.
func RetryAfter(err error, failures int) time.Duration {
	if limited, ok := errors.AsType[*RateLimitedError](err); ok {
		return limited.After
	}
	return backoff.Doubled(time.Second/2, maxRetry, failures)
}

const maxRetry = 5 * time.Minute

// RespondRetrying posts to a response_url until it succeeds, a retry cannot help, or 90 seconds are over.
func (c *Client) RespondRetrying(ctx context.Context, address string, r Response) error {
	ctx, cancel := context.WithTimeout(ctx, respondWithin)
	defer cancel()
	err := errors.New("nothing came along to answer by")
	for try := 1; address != "" && ctx.Err() == nil; try++ {
		if err = c.Respond(ctx, address, r); err == nil || IsPermanent(err) {
			return err
		}
		_ = backoff.Sleep(ctx, min(max(RetryAfter(err, try), minPause), maxOwnPause))
	}
	return err
}
