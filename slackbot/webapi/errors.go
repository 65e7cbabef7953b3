package webapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/internal/backoff"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/internal/ttl"
)

// Slack's error codes, by what follows from them. Each of the many others means that the request is
// not possible, now or later.
var (
	temporaryCodes   = []string{"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"}
	rateLimitCodes   = []string{"ratelimited", "rate_limited"}
	rejectedBlocks   = []string{"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"}
	rejectedViews    = append([]string{"invalid_arguments", "view_too_large"}, rejectedBlocks...)
	lateTriggerCodes = []string{"expired_trigger_id", "exchanged_trigger_id", "invalid_trigger_id", "invalid_trigger"}
)

// tokenErrors are the codes that only another token mends, with the reason.
var tokenErrors = map[string]string{
	"invalid_auth":           "it is not a token that Slack knows",
	"not_authed":             "it is not a token that Slack knows",
	"token_revoked":          "it was revoked",
	"token_expired":          "it has expired: switch token rotation off in the app's settings",
	"account_inactive":       "the app was removed from the workspace, or the workspace is gone",
	"user_removed_from_team": "the app was removed from the workspace",
	"not_allowed_token_type": "it is a token of another kind",
}

// TokenRefusal is why Slack rejects a token for good, by its error code; "" for any other code.
func TokenRefusal(code string) string {
	if reason := tokenErrors[code]; reason != "" {
		return fmt.Sprintf("Slack refuses it (%s): %s", code, reason)
	}
	return ""
}

func isInvalidToken(code string) bool { return tokenErrors[code] != "" || code == "org_login_required" }

func isRateLimit(code string) bool { return slices.Contains(rateLimitCodes, code) }
func isTemporary(code string) bool { return slices.Contains(temporaryCodes, code) }

// RateLimitedError is returned while Slack wants no more requests of a kind.
type RateLimitedError struct{ After time.Duration }

func (e *RateLimitedError) Error() string {
	return "Slack wants no more requests for " + e.After.String()
}

// PermanentError is returned for a request that a retry cannot help.
type PermanentError struct{ Reason string }

func (e *PermanentError) Error() string { return e.Reason }

// IsPermanent reports whether a retry cannot help.
func IsPermanent(err error) bool { return errors.As(err, new(*PermanentError)) }

// translateError replaces slack-go's rate limit error by ours.
func translateError(err error) error {
	if limited, ok := errors.AsType[*slack.RateLimitedError](err); ok {
		return &RateLimitedError{limited.RetryAfter}
	}
	return err
}

// ErrorCode is Slack's error code in err; "" if there is none.
func ErrorCode(err error) string {
	answered, _ := errors.AsType[slack.SlackErrorResponse](err)
	return answered.Err
}

// ChannelUnusable reports whether a channel accepts no messages from the bot any more, whatever the
// code. An invalid token is no fault of the channel.
func ChannelUnusable(err error) bool {
	code := ErrorCode(err)
	return code != "" && !isRateLimit(code) && !isTemporary(code) && !isInvalidToken(code)
}

// Explain is an error as a person reads it, with the next step.
func Explain(err error) string {
	switch code := ErrorCode(err); {
	case isInvalidToken(code):
		return "Slack does not take vpsbot's token any more (" + code + "). An administrator of vpsbot must install its app again."
	case slices.Contains(lateTriggerCodes, code), code == "" && !errors.Is(err, context.Canceled), isTemporary(code), isRateLimit(code):
		return "Slack did not answer in time. Please try again."
	default:
		return "Slack says " + text.Clean(code) + ". An administrator of vpsbot finds the details in its log."
	}
}

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
