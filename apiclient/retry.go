package apiclient

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/vpsbot/vpsbot/internal/backoff"
)

const (
	maxAttempts   = 3
	maxRetryAfter = 10 * time.Second
	minBackoff    = 100 * time.Millisecond
	maxBackoff    = 500 * time.Millisecond
)

type retry struct {
	next   http.RoundTripper
	client *retryablehttp.Client
}

func newRetry(next http.RoundTripper) retry {
	return retry{next, &retryablehttp.Client{
		HTTPClient:   &http.Client{Transport: next},
		RetryMax:     maxAttempts - 1,
		RetryWaitMin: minBackoff,
		RetryWaitMax: maxBackoff,
		CheckRetry:   checkRetry,
		Backoff:      retryPause,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}}
}

func (l retry) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet || callOf(req).isAhead {
		return l.next.RoundTrip(req)
	}
	return l.client.Do(&retryablehttp.Request{Request: req})
}

func checkRetry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	switch {
	case ctx.Err() != nil:
		return false, nil
	case err != nil:
		return isRetryable(err), nil
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		wait := backoff.RetryAfter(resp.Header)
		deadline, ok := ctx.Deadline()
		return wait <= maxRetryAfter && (!ok || time.Until(deadline) > wait), nil // a wait beyond the deadline is in vain
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		return true, nil
	}
	return false, nil
}

func retryPause(shortest, longest time.Duration, attempt int, resp *http.Response) time.Duration {
	if resp != nil {
		if wait := backoff.RetryAfter(resp.Header); wait > 0 {
			return wait
		}
	}
	return min(retryablehttp.LinearJitterBackoff(shortest, longest, attempt, resp), 2*longest)
}

// isRetryable reports whether err is of a connection, so that another connection may succeed.
func isRetryable(err error) bool {
	_, isCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	dnsErr, isDNS := errors.AsType[*net.DNSError](err)
	switch {
	case errors.Is(err, errNotSent), errors.Is(err, errAnswer), isCertificate:
		return false
	case isDNS:
		return !dnsErr.IsNotFound
	}
	return isDialError(err) || !isTimeout(err)
}

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
