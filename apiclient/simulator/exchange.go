package simulator

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"syscall"
)

// exchange is one request of the in-process transport: the ResponseWriter of its handler, and what became of it.
// Its fields are the handler's until done is closed.
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

// Flush marks what is there as gone to the client, who so sees it although the connection breaks later.
func (x *exchange) Flush() {
	x.WriteHeader(http.StatusOK)
	x.flushed = true
}

func (x *exchange) run(handler http.Handler, r *http.Request) {
	// A handler that ends its goroutine (a failed assertion in an interceptor) has broken the connection, too.
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

// broken is the rest of a body whose connection broke.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
