package apiclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

const (
	headerLimit = 10 * time.Second
	readLimit   = 15 * time.Second
	writeLimit  = 60 * time.Second
)

// errDeadline distinguishes the deadline of this link from the caller's.
var errDeadline = fmt.Errorf("out of time: %w", context.DeadlineExceeded)

// deadline limits the time of a call: a read with its retries, or a write.
func deadline(next step) step {
	return func(ctx context.Context, c *call) error {
		limit := writeLimit
		if c.isRead() {
			limit = readLimit
		}
		ctx, cancel := context.WithTimeoutCause(ctx, limit, errDeadline)
		defer cancel()
		return next(ctx, c)
	}
}

// headerTimeout limits how long one attempt of a read waits for the header of the answer, so that time is left
// for a retry. A write waits until its deadline.
type headerTimeout struct{ next http.RoundTripper }

var errNoHeader = fmt.Errorf("no answer within %v: %w", headerLimit, context.DeadlineExceeded)

func (l headerTimeout) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet {
		return l.next.RoundTrip(req)
	}
	// Only the timer cancels the context, for the body is read after this function. The deadline of the call
	// releases it.
	ctx, cancel := context.WithCancelCause(req.Context())
	timer := time.AfterFunc(headerLimit, func() { cancel(errNoHeader) })
	resp, err := l.next.RoundTrip(req.WithContext(ctx))
	if timer.Stop() {
		return resp, err
	}
	if err == nil {
		_ = resp.Body.Close()
	}
	return nil, errNoHeader
}

func isTimeout(err error) bool {
	netErr, ok := errors.AsType[net.Error](err)
	return errors.Is(err, context.DeadlineExceeded) || ok && netErr.Timeout()
}
