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

// breaker stops sending for a while when the API only fails. Reads and writes
// have a circuit each, so that failing reads do not hold a write back.
type breaker struct {
	next          http.RoundTripper
	reads, writes *circuit
}

var (
	// errServerFault lets the circuit count an answer of 500 and above.
	errServerFault = errors.New("server fault")
	// errGaveUp keeps what the caller ended out of the count: it says nothing
	// about the API.
	errGaveUp = errors.New("the caller gave up")
)

func newBreaker(next http.RoundTripper) breaker {
	return breaker{next, newCircuit("reads"), newCircuit("writes")}
}

func newCircuit(name string) *circuit {
	return gobreaker.NewCircuitBreaker[*http.Response](gobreaker.Settings{
		Name:        name,
		Timeout:     breakerPause,
		ReadyToTrip: func(n gobreaker.Counts) bool { return n.ConsecutiveFailures >= breakerFailures },
		IsExcluded:  func(err error) bool { return errors.Is(err, errGaveUp) },
		// An answer that we cannot use is an answer.
		IsSuccessful: func(err error) bool { return err == nil || errors.Is(err, errAnswer) },
	})
}

func (l breaker) RoundTrip(req *http.Request) (*http.Response, error) {
	var failure error
	resp, err := l.circuit(req).Execute(func() (resp *http.Response, err error) {
		resp, failure = l.next.RoundTrip(req)
		return resp, verdict(req.Context(), resp, failure)
	})
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return nil, fmt.Errorf("%w: the last %d requests failed: %w", errHeldBack, breakerFailures, err)
	}
	return resp, failure
}

// verdict is what the circuit is told of an attempt.
func verdict(ctx context.Context, resp *http.Response, err error) error {
	switch {
	case err != nil && ctx.Err() != nil && !errors.Is(context.Cause(ctx), errOverdue):
		return errGaveUp
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
