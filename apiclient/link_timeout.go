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

// errOverdue tells our own deadline from the caller's.
var errOverdue = fmt.Errorf("out of time: %w", context.DeadlineExceeded)

// deadline bounds a whole call: a read with its retries, or a write.
func deadline(next step) step {
	return func(ctx context.Context, c *call) error {
		limit := writeLimit
		if c.isRead() {
			limit = readLimit
		}
		ctx, cancel := context.WithTimeoutCause(ctx, limit, errOverdue)
		defer cancel()
		return next(ctx, c)
	}
}

// headerTimeout bounds how long one attempt of a read waits for an answer to
// begin, so that time is left for another. A write waits until its deadline.
type headerTimeout struct{ next http.RoundTripper }

var errNoHeader = fmt.Errorf("no answer within %v: %w", headerLimit, context.DeadlineExceeded)

func (l headerTimeout) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet {
		return l.next.RoundTrip(req)
	}
	// Only the timer cancels: the body is still to be read. The deadline of
	// the call lets go of the context in the end.
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
	var netErr net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &netErr) && netErr.Timeout()
}
