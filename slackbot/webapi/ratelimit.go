package webapi

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/vpsbot/vpsbot/internal/backoff"
	"github.com/vpsbot/vpsbot/internal/ttl"
)

const (
	minPause      = time.Second      // the least after a 429
	maxOwnPause   = 30 * time.Second // the most, where Slack names none
	maxRetryAfter = 10 * time.Minute // whatever Slack names
	channelPace   = time.Second      // Slack accepts about a message a second in a channel
)

// rateLimits counts the 429s of each method, and keeps the time from which a method or a channel
// may be used again. The zero value is ready to use.
type rateLimits struct {
	mu       sync.Mutex
	failures ttl.Bounded[string, int]       // consecutive 429s, by method
	blocked  ttl.Bounded[string, time.Time] // methods, until when
	written  ttl.Bounded[string, time.Time] // channels, since when
}

// pause counts a 429 of a method and returns how long to wait: as long as Slack names, or longer each
// time where its Retry-After makes no sense.
func (l *rateLimits) pause(method string, h http.Header) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	before, _ := l.failures.Get(method)
	l.failures.Set(method, before+1)
	if after := backoff.RetryAfter(h); after >= time.Second {
		return min(after, maxRetryAfter)
	}
	return backoff.Doubled(minPause, maxOwnPause, before)
}

// reserve reserves a channel for a request now, or returns how long the request must wait.
func (l *rateLimits) reserve(method, channel string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until, _ := l.blocked.Get(method); now.Before(until) {
		return until.Sub(now)
	}
	if last, _ := l.written.Get(channel); now.Before(last.Add(channelPace)) && !now.Before(last) {
		return last.Add(channelPace).Sub(now)
	}
	l.written.Set(channel, now)
	return 0
}

// Paced calls send at the pace that Slack accepts for a method and a channel. Too early it fails with
// a RateLimitedError and calls nothing.
func (c *Client) Paced(method, channel string, send func() error) error {
	if wait := c.limits.reserve(method, channel, c.Now()); wait > 0 {
		return &RateLimitedError{wait}
	}
	err := send()
	if limited, ok := errors.AsType[*RateLimitedError](err); ok {
		c.limits.blocked.Set(method, c.Now().Add(limited.After))
	}
	return err
}

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
