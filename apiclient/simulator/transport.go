package simulator

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"syscall"
)

// Transport returns a RoundTripper that passes requests for any host to the simulator without a socket. A
// broken connection is syscall.ECONNRESET, or io.ErrUnexpectedEOF in a body of which a part was flushed. It
// returns as soon as the request's context ends.
func (s *Simulator) Transport() http.RoundTripper { return transport{s} }

type transport struct{ simulator *Simulator }

func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	body, err := takeBody(req)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	x := &exchange{header: http.Header{}, done: make(chan struct{})}
	go x.run(t.simulator, serverRequest(req, body))
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

// takeBody reads and closes the body, as a RoundTripper must even if it fails.
func takeBody(req *http.Request) ([]byte, error) {
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

func serverRequest(req *http.Request, body []byte) *http.Request {
	in := req.WithContext(req.Context())
	in.Body = io.NopCloser(bytes.NewReader(body))
	in.RequestURI = req.URL.RequestURI()
	in.RemoteAddr = "127.0.0.1:0"
	if in.Host == "" {
		in.Host = req.URL.Host
	}
	return in
}

// exchange is one request of the in-process transport: the ResponseWriter of its handler, and the result. The
// handler owns its fields until done is closed.
type exchange struct {
	header  http.Header
	sent    http.Header // the header as it was when the status was written
	status  int
	body    bytes.Buffer
	flushed bool
	err     error
	done    chan struct{}
}

func (x *exchange) Header() http.Header { return x.header }

func (x *exchange) WriteHeader(status int) {
	if x.status == 0 {
		x.status, x.sent = status, x.header.Clone()
	}
}

func (x *exchange) Write(p []byte) (int, error) {
	x.WriteHeader(http.StatusOK)
	return x.body.Write(p)
}

// Flush marks the answer as received by the client, even if the connection breaks later.
func (x *exchange) Flush() {
	x.WriteHeader(http.StatusOK)
	x.flushed = true
}

func (x *exchange) run(handler http.Handler, r *http.Request) {
	// A handler that ends its goroutine (a failed assertion in an interceptor) breaks the connection as well.
	x.err = syscall.ECONNRESET
	defer close(x.done)
	defer func() {
		if cause := recover(); cause != nil && cause != any(http.ErrAbortHandler) { //nolint:errorlint // a panic's value is no wrapped error
			x.err = fmt.Errorf("simulator: handler panicked: %v", cause)
		}
	}()
	handler.ServeHTTP(x, r)
	x.err = nil
}

func (x *exchange) response(req *http.Request) *http.Response {
	x.WriteHeader(http.StatusOK)
	var body io.Reader = &x.body
	length := int64(x.body.Len())
	if x.err != nil {
		body, length = io.MultiReader(body, broken{}), -1
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", x.status, http.StatusText(x.status)), StatusCode: x.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: x.sent, Body: io.NopCloser(body), ContentLength: length, Request: req,
	}
}

// broken is the end of a body whose connection broke.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
