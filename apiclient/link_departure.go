package apiclient

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
)

// departure counts attempts and notes whether a write may have left: from
// then on, silence does not mean that it did not happen.
type departure struct{ next http.RoundTripper }

func (l departure) RoundTrip(req *http.Request) (*http.Response, error) {
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
	resp, err := l.next.RoundTrip(req.WithContext(t.watch(req.Context())))
	c.sent = t.mayHaveLeft(err)
	return resp, err
}

// connTrace follows one request to its connection.
type connTrace struct{ asked, given atomic.Bool }

func (t *connTrace) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// net/http asks for another connection only while it has written
		// nothing of a write.
		GetConn: func(string) { t.asked.Store(true); t.given.Store(false) },
		GotConn: func(httptrace.GotConnInfo) { t.given.Store(true) },
	})
}

func (t *connTrace) mayHaveLeft(err error) bool {
	if t.asked.Load() {
		return t.given.Load()
	}
	// A transport that tells nothing is believed only about the connection.
	return !neverConnected(err)
}

func neverConnected(err error) bool {
	var (
		dnsErr *net.DNSError
		opErr  *net.OpError
	)
	return errors.As(err, &dnsErr) || errors.As(err, &opErr) && opErr.Op == "dial"
}
