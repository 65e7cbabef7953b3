package apiclient

import (
	"context"
	"errors"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// Request is a write as it would be sent. Path is relative to the base URL;
// Body is nil where there is none.
type Request struct {
	Method string
	Path   string
	Body   jsontext.Value
}

var (
	errRehearsal = errors.New("a rehearsal sends nothing")
	errNoWrite   = errors.New("nothing to rehearse: no write was made")
)

// Rehearse runs fn on a client that sends nothing and returns the first write
// that fn would have made. Every call of that client returns an error, reads
// included. Where fn makes no write, Rehearse returns fn's own error, or one
// that says so.
func (c *Client) Rehearse(fn func(*Client) error) (Request, error) {
	var (
		first *Request
		once  sync.Once
	)
	record := func(_ context.Context, c *call) error {
		if !c.isRead() {
			once.Do(func() { first = &Request{Method: c.method, Path: c.path, Body: c.payload} })
		}
		return &Error{Kind: KindUnavailable, Method: c.method, Path: c.path, cause: errRehearsal}
	}
	err := fn(newClient(&core{run: record, base: c.core.base, pages: &pageMemory{}}))
	switch {
	case first != nil:
		return *first, nil
	case err != nil:
		return Request{}, err
	}
	return Request{}, errNoWrite
}
