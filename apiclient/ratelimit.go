package apiclient

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"golang.org/x/time/rate"
)

// errNotSent marks a request that the client itself refused to send.
var errNotSent = errors.New("nothing was sent")

const (
	requestsPerSecond = 50
	requestBurst      = 100
)

// rateLimit delays requests so that at most 50 a second are sent, after a burst of 100.
type rateLimit struct {
	next    http.RoundTripper
	limiter *rate.Limiter
}

// newRateLimit sets no limit for a loopback host.
func newRateLimit(next http.RoundTripper, base *url.URL) http.RoundTripper {
	if isLoopback(base) {
		return next
	}
	return rateLimit{next, rate.NewLimiter(requestsPerSecond, requestBurst)}
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
