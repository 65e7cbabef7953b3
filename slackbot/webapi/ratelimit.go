package webapi

import (
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
