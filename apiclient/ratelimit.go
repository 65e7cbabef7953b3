package apiclient

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"golang.org/x/time/rate"
)

// errNotSent marks a request that the client itself refused to send.
var errNotSent = errors.New("nothing was sent")

// rateLimit delays requests to keep Options.Rate.
type rateLimit struct {
	next    http.RoundTripper
	limiter *rate.Limiter
}

func newRateLimit(next http.RoundTripper, o Options, base *url.URL) http.RoundTripper {
	if o.Rate == 0 && isLoopback(base) {
		return next
	}
	return rateLimit{next, rate.NewLimiter(cmp.Or(o.Rate, defaultRate), cmp.Or(o.Burst, defaultBurst))}
}

func (l rateLimit) RoundTrip(req *http.Request) (*http.Response, error) {
	err := l.limiter.Wait(req.Context())
	switch {
	case err == nil:
		return l.next.RoundTrip(req)
	case req.Context().Err() != nil:
		return nil, req.Context().Err()
	}
	return nil, fmt.Errorf("%w: %w", errNotSent, err)
}
