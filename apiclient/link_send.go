package apiclient

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
)

// callKey is where the links find the call that a request belongs to.
type callKey struct{}

func callOf(req *http.Request) *call { return req.Context().Value(callKey{}).(*call) }

// sender turns a call into a request and hands it to the links of an attempt.
type sender struct {
	next http.RoundTripper
	base *url.URL
}

func (s sender) send(ctx context.Context, c *call) error {
	resp, err := s.next.RoundTrip(s.request(context.WithValue(ctx, callKey{}, c), c))
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// Shared by all requests: nothing writes into header values.
var contentJSON = []string{"application/json"}

func (s sender) request(ctx context.Context, c *call) *http.Request {
	target := *s.base
	target.Path += c.path
	target.RawQuery = c.query
	req := (&http.Request{
		Method: c.method,
		URL:    &target,
		Host:   target.Host,
		Header: http.Header{"Accept": contentJSON, "Content-Type": contentJSON},
	}).WithContext(ctx)
	if c.payload != nil {
		req.ContentLength = int64(len(c.payload))
		// net/http asks for the body again only if it wrote nothing of the
		// request, on a connection that turned out to be closed.
		req.GetBody = func() (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(c.payload)), nil
		}
		req.Body, _ = req.GetBody()
	}
	return req
}
