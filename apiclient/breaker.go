package apiclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sony/gobreaker/v2"
)

const (
	breakerFailures = 10
	breakerPause    = 5 * time.Second
)

// breaker sends nothing for 5 s after ten failures in a row. Reads and writes have a circuit each, so that
// failing reads do not block a write.
type breaker struct {
	next          http.RoundTripper
	reads, writes *gobreaker.CircuitBreaker[*http.Response]
}

var (
	// errServerFault makes the circuit count an answer of 500 or above as a failure.
	errServerFault = errors.New("server fault")
	// errCallerEnded is excluded from the count: the end of the caller's context is no failure of the API, and a
	// page that is read ahead is asked for again.
	errCallerEnded = errors.New("the caller ended the call")
)

func newBreaker(next http.RoundTripper) breaker {
	settings := gobreaker.Settings{
		Timeout:     breakerPause,
		ReadyToTrip: func(n gobreaker.Counts) bool { return n.ConsecutiveFailures >= breakerFailures },
		IsExcluded:  func(err error) bool { return errors.Is(err, errCallerEnded) || errors.Is(err, errNotSent) },
		// An answer that cannot be decoded shows that the API answers.
		IsSuccessful: func(err error) bool { return err == nil || errors.Is(err, errAnswer) },
	}
	return breaker{next, gobreaker.NewCircuitBreaker[*http.Response](settings), gobreaker.NewCircuitBreaker[*http.Response](settings)}
}

// isPaused reports whether a circuit sends nothing, or one request as a trial.
func isPaused(circuit *gobreaker.CircuitBreaker[*http.Response]) bool {
	return circuit.State() != gobreaker.StateClosed
}

func (l breaker) RoundTrip(req *http.Request) (*http.Response, error) {
	circuit := l.writes
	if req.Method == http.MethodGet {
		circuit = l.reads
	}
	ctx := req.Context()
	var failure error
	resp, err := circuit.Execute(func() (resp *http.Response, err error) {
		resp, failure = l.next.RoundTrip(req)
		switch {
		case failure != nil && ctx.Err() != nil && !errors.Is(context.Cause(ctx), errDeadline):
			return resp, errCallerEnded
		case callOf(req).isAhead && (failure != nil || resp.StatusCode >= http.StatusInternalServerError):
			return resp, errCallerEnded // eight of one list would be nearly enough to open the circuit
		case failure == nil && resp.StatusCode >= http.StatusInternalServerError:
			return resp, errServerFault
		}
		return resp, failure
	})
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return nil, fmt.Errorf("%w: the last %d requests failed: %w", errNotSent, breakerFailures, err)
	}
	return resp, failure
}
