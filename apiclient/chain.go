package apiclient

import (
	"bytes"
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"
)

// step performs a call, or what the links outside it leave to be done.
type step func(ctx context.Context, c *call) error

// newChain composes the links, the innermost first. The round trippers inside retry run once for each attempt,
// all others once for each call.
func newChain(o Options, base *url.URL) (run step, stats func() Stats) {
	transport, ours := o.Transport, o.Transport == nil
	logger := cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	var open atomic.Int64
	if ours {
		transport = newTransport(&open)
	}
	transport = guardedSender{transport, ours}           // asks the guard of a write before its first byte
	transport = sentTracker{transport}                   // counts attempts; records whether a write may have been sent
	transport = headerTimeout{transport}                 // a read waits 10 s for the header of an answer
	transport = bodyReader{transport}                    // the body: at most 8 MiB, without the token; no redirects
	transport = attemptLog{transport, logger, o.Attempt} // one debug line
	breaker := newBreaker(transport)                     // pauses after 10 failures in a row
	transport = newRateLimit(breaker, base)              // 50 a second
	transport = newRetry(transport)                      // reads only, 3 tries
	transport = auth{transport, base, o.Token}

	run = sender{transport, base, []string{cmp.Or(o.UserAgent, defaultUserAgent)}}.send
	run = deadline(run)        // a read 15 s in all, a write 60 s
	run = decode(run)          // decodes a success into the result
	run = translateErrors(run) // makes an *Error of every failure
	return observe(run, o.Observe, isLoopback(base)), func() Stats {
		return Stats{Connections: int(open.Load()), ReadsPaused: isPaused(breaker.reads), WritesPaused: isPaused(breaker.writes)}
	}
}

type callKey struct{}

func callOf(req *http.Request) *call { return req.Context().Value(callKey{}).(*call) }

// sender turns a call into a request and passes it to the round trippers.
type sender struct {
	next      http.RoundTripper
	base      *url.URL
	userAgent []string
}

func (s sender) send(ctx context.Context, c *call) error {
	req, err := s.request(context.WithValue(ctx, callKey{}, c), c)
	if err != nil {
		return err
	}
	resp, err := s.next.RoundTrip(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// contentJSON is shared by all requests: nothing writes into header values.
var contentJSON = []string{"application/json"}

func (s sender) request(ctx context.Context, c *call) (*http.Request, error) {
	// net/http reads the body again only if it wrote nothing of the request, on a connection that turned out to
	// be closed.
	req, err := http.NewRequestWithContext(ctx, c.method, "", bytes.NewReader(c.payload))
	if err != nil {
		return nil, err
	}
	target := *s.base
	target.Path += c.path
	target.RawQuery = c.query
	req.URL = &target
	req.Header = http.Header{"Accept": contentJSON, "Content-Type": contentJSON, "User-Agent": s.userAgent}
	return req, nil
}

const connectLimit = 3 * time.Second

// newTransport returns the connection pool, and counts its open connections. It speaks HTTP/1.1 only: there, net/http repeats a write only if it
// wrote nothing of it, while under HTTP/2 it repeats a request that the server reports as not processed.
func newTransport(open *atomic.Int64) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialGuarded(&net.Dialer{Timeout: connectLimit, KeepAlive: 30 * time.Second}, open),
		TLSHandshakeTimeout:    connectLimit,
		MaxIdleConns:           64,
		MaxIdleConnsPerHost:    32,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 1 << 20,
		Protocols:              protocols,
	}
}
