package apiclient

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
)

// The API documents no idempotency keys, so a write is sent at most once: retry passes writes through, the
// transport speaks HTTP/1.1 only (see newTransport), and sentTracker records whether a write that failed may
// have reached the API (Error.Unknown).

// sentTracker counts attempts and records whether a write may have been sent: if so, a missing answer does not
// mean that nothing was done.
type sentTracker struct{ next http.RoundTripper }

func (l sentTracker) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	c := callOf(req)
	c.attempts++
	c.status, c.header, c.body = 0, nil, nil // of the attempt before
	if c.isRead() {
		return l.next.RoundTrip(req)
	}
	var t connTrace
	resp, err := l.next.RoundTrip(req.WithContext(t.attach(req.Context())))
	c.sent = !errors.Is(err, errNotSent) && t.mayBeSent(err)
	return resp, err
}

type connTrace struct{ requested, assigned atomic.Bool }

func (t *connTrace) attach(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// net/http requests a further connection for a write only if it wrote nothing of it on the one before.
		GetConn: func(string) { t.requested.Store(true); t.assigned.Store(false) },
		GotConn: func(httptrace.GotConnInfo) { t.assigned.Store(true) },
	})
}

func (t *connTrace) mayBeSent(err error) bool {
	if t.requested.Load() {
		return t.assigned.Load()
	}
	// A transport without trace events: only an error of dialling proves that nothing was sent.
	return !isDialError(err)
}

func isDialError(err error) bool {
	_, isDNS := errors.AsType[*net.DNSError](err)
	opErr, isOp := errors.AsType[*net.OpError](err)
	return isDNS || isOp && opErr.Op == "dial"
}
