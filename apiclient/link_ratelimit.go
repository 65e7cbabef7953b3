package apiclient

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"golang.org/x/time/rate"
)

// errHeldBack marks what was refused here, before anything was sent.
var errHeldBack = errors.New("nothing was sent")

// rateLimit lets requests wait for their turn.
type rateLimit struct {
	next    http.RoundTripper
	limiter *rate.Limiter
}

func newRateLimit(next http.RoundTripper, o Options, base *url.URL) http.RoundTripper {
	if o.Rate == 0 && isLoopback(base) {
		return next
	}
	limit, burst := o.Rate, o.Burst
	if limit == 0 {
		limit = defaultRate
	}
	if burst == 0 {
		burst = defaultBurst
	}
	return rateLimit{next, rate.NewLimiter(limit, burst)}
}

func (l rateLimit) RoundTrip(req *http.Request) (*http.Response, error) {
	err := l.limiter.Wait(req.Context())
	switch {
	case err == nil:
		return l.next.RoundTrip(req)
	case req.Context().Err() != nil:
		return nil, req.Context().Err()
	}
	return nil, fmt.Errorf("%w: %w", errHeldBack, err)
}
