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

type circuit = gobreaker.CircuitBreaker[*http.Response]

// breaker sends nothing for 5 s after ten failures in a row. Reads and writes
// have a circuit each, so that failing reads do not block a write.
type breaker struct {
	next          http.RoundTripper
	reads, writes *circuit
}

var (
	// errServerFault makes the circuit count an answer of 500 or above as a failure.
	errServerFault = errors.New("server fault")
	// errCallerEnded is excluded from the count: the end of the caller's context is no
	// failure of the API.
	errCallerEnded = errors.New("the caller ended the call")
)

func newBreaker(next http.RoundTripper) breaker {
	return breaker{next, newCircuit("reads"), newCircuit("writes")}
}

func newCircuit(name string) *circuit {
	return gobreaker.NewCircuitBreaker[*http.Response](gobreaker.Settings{
		Name:        name,
		Timeout:     breakerPause,
		ReadyToTrip: func(n gobreaker.Counts) bool { return n.ConsecutiveFailures >= breakerFailures },
		IsExcluded:  func(err error) bool { return errors.Is(err, errCallerEnded) || errors.Is(err, errNotSent) },
		// An answer that cannot be decoded shows that the API answers.
		IsSuccessful: func(err error) bool { return err == nil || errors.Is(err, errAnswer) },
	})
}

func (l breaker) RoundTrip(req *http.Request) (*http.Response, error) {
	var failure error
	resp, err := l.circuit(req).Execute(func() (resp *http.Response, err error) {
		resp, failure = l.next.RoundTrip(req)
		return resp, circuitError(req.Context(), resp, failure)
	})
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return nil, fmt.Errorf("%w: the last %d requests failed: %w", errNotSent, breakerFailures, err)
	}
	return resp, failure
}

// circuitError returns the result of an attempt for the circuit's count.
func circuitError(ctx context.Context, resp *http.Response, err error) error {
	switch {
	case err != nil && ctx.Err() != nil && !errors.Is(context.Cause(ctx), errDeadline):
		return errCallerEnded
	case err == nil && resp.StatusCode >= http.StatusInternalServerError:
		return errServerFault
	}
	return err
}

func (l breaker) circuit(req *http.Request) *circuit {
	if req.Method == http.MethodGet {
		return l.reads
	}
	return l.writes
}
