package apiclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
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

type guardKey struct{}

// WithSendGuard returns a context in which allow is called right before the first byte of a write is written to
// its connection. If allow returns an error, nothing is sent, the connection is closed and the call fails with
// KindUnavailable. So a process that was stopped for any time before that moment does not send a write that it
// checked before the stop.
func WithSendGuard(ctx context.Context, allow func(context.Context) error) context.Context {
	return context.WithValue(ctx, guardKey{}, &sendGuard{allow: allow})
}

// sendGuard calls allow once for each connection of a request: net/http uses another connection if the first
// turns out to be closed.
type sendGuard struct {
	allow func(context.Context) error

	mu      sync.Mutex
	refused error
}

func (g *sendGuard) check(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.refused == nil {
		if err := g.allow(ctx); err != nil {
			g.refused = fmt.Errorf("%w: %w", errNotSent, err)
		}
	}
	return g.refused
}

func (g *sendGuard) refusal() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.refused
}

// guardedSender installs the guard of a write on its connection. For a transport without guarded connections,
// such as the simulator's in this process, it calls the guard before the request.
type guardedSender struct {
	next http.RoundTripper
	ours bool
}

func (l guardedSender) RoundTrip(req *http.Request) (*http.Response, error) {
	guard, ok := req.Context().Value(guardKey{}).(*sendGuard)
	if !ok || callOf(req).isRead() {
		return l.next.RoundTrip(req)
	}
	ctx := req.Context()
	if !l.ours {
		if err := guard.check(ctx); err != nil {
			return nil, err
		}
		return l.next.RoundTrip(req)
	}
	resp, err := l.next.RoundTrip(req.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(got httptrace.GotConnInfo) { arm(got.Conn, func() error { return guard.check(ctx) }) },
	})))
	if refused := guard.refusal(); err != nil && refused != nil {
		return nil, refused // net/http returns an error of its own
	}
	return resp, err
}

// arm sets the check before the first write to a connection.
func arm(conn net.Conn, check func() error) {
	for {
		switch c := conn.(type) {
		case *guardedConn:
			c.check.Store(&check)
			return
		case interface{ NetConn() net.Conn }: // TLS
			conn = c.NetConn()
		default:
			_ = conn.Close() // a connection without a guard must not send the write
			return
		}
	}
}

// guardedConn is a connection that calls a check before the first byte of a request.
type guardedConn struct {
	net.Conn
	check atomic.Pointer[func() error] // of the next request; nil if the request has begun or has no guard
	close func()                       // called by the first Close
}

// Write implements [net.Conn].
func (c *guardedConn) Write(p []byte) (int, error) {
	if check := c.check.Swap(nil); check != nil {
		if err := (*check)(); err != nil {
			_ = c.Close()
			return 0, err
		}
	}
	return c.Conn.Write(p)
}

// Close implements [net.Conn].
func (c *guardedConn) Close() error {
	c.close()
	return c.Conn.Close()
}

func dialGuarded(dialer *net.Dialer, open *atomic.Int64) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		open.Add(1)
		return &guardedConn{Conn: conn, close: sync.OnceFunc(func() { open.Add(-1) })}, nil
	}
}
