package simulator

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
)

// Transport returns a RoundTripper that hands requests to the simulator without a socket, whatever their host. A broken
// connection is syscall.ECONNRESET, or io.ErrUnexpectedEOF in a body of which some was flushed. It returns as soon as the
// request's context ends, and tells an httptrace what a connection would.
func (s *Simulator) Transport() http.RoundTripper { return transport{s} }

type transport struct{ simulator *Simulator }

func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	body, err := sent(req)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	traceSent(ctx)
	x := &exchange{header: http.Header{}, done: make(chan struct{})}
	go x.run(t.simulator, arriving(req, body))
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-x.done:
	}
	if x.err != nil && !x.flushed {
		return nil, x.err
	}
	return x.response(req), nil
}

// sent reads and closes the body, as a RoundTripper must even where it fails.
func sent(req *http.Request) ([]byte, error) {
	if req.Body == nil {
		return nil, nil
	}
	defer req.Body.Close()
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, fmt.Errorf("read request body: %w", err)
	}
	return body, nil
}

// arriving is the request as a server sees it.
func arriving(req *http.Request, body []byte) *http.Request {
	in := req.WithContext(req.Context())
	in.Body = io.NopCloser(bytes.NewReader(body))
	in.RequestURI = req.URL.RequestURI()
	in.RemoteAddr = "127.0.0.1:0"
	if in.Host == "" {
		in.Host = req.URL.Host
	}
	if in.Header == nil {
		in.Header = http.Header{}
	}
	return in
}

// traceSent reports that the request has been written whole, which a client needs to know when no answer comes.
func traceSent(ctx context.Context) {
	trace := httptrace.ContextClientTrace(ctx)
	if trace == nil {
		return
	}
	if trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{Reused: true})
	}
	if trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	if trace.WroteRequest != nil {
		trace.WroteRequest(httptrace.WroteRequestInfo{})
	}
}
