package apiclient

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
)

const maxBody = 8 << 20

// errAnswer marks an answer that came but cannot be used.
var errAnswer = errors.New("unusable answer")

var errTooLarge = fmt.Errorf("%w: more than %d MiB", errAnswer, maxBody>>20)

// reception reads an answer whole, so that a body that breaks off counts as a
// broken connection, and takes the token out of it.
type reception struct{ next http.RoundTripper }

// buffers are reused: whatever is decoded from them is copied.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

func (l reception) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := l.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	c := callOf(req)
	c.status, c.header = resp.StatusCode, resp.Header
	body, err := readBody(resp, c.takeBuffer())
	_ = resp.Body.Close()
	*c.buffer = body[:0]
	resp.Body = http.NoBody
	if err != nil && isSuccess(c.status) {
		return nil, err
	}
	// What is left of a failure's body still tells more than nothing.
	c.body = redactBody(body, c.token)
	return resp, nil
}

func readBody(resp *http.Response, buf []byte) ([]byte, error) {
	if want := resp.ContentLength; want > int64(cap(buf)) && want <= maxBody {
		buf = make([]byte, 0, want+1)
	}
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := resp.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case len(buf) > maxBody:
			return buf[:maxBody], errTooLarge
		case errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
			return buf, nil
		case err != nil:
			return buf, err
		}
	}
}

func (c *call) takeBuffer() []byte {
	if c.buffer == nil {
		c.buffer = buffers.Get().(*[]byte)
	}
	return (*c.buffer)[:0]
}

// release gives the buffer back; the body must not be used any more.
func (c *call) release() {
	const worthKeeping = 1 << 20
	if c.buffer != nil && cap(*c.buffer) <= worthKeeping {
		buffers.Put(c.buffer)
	}
	c.buffer, c.body = nil, nil
}

func isSuccess(status int) bool { return status/100 == 2 }
