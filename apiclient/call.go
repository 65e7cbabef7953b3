package apiclient

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

type bodyRule int

const (
	bodyRequired bodyRule = iota // the body is the result
	bodyOptional                 // without a body the result is zero
	bodyIgnored                  // the body is not decoded
)

// call is one API call on its way through the links of the chain.
type call struct {
	method string
	route  string // relative to the base URL: "/servers/{id}/"
	answer bodyRule
	id     ID   // replaces {id} in the route
	needs  []ID // ids inside the payload that must not be zero
	query  string
	in     any // becomes the payload; nil for none
	out    any // a pointer to the result

	isAhead bool // a page that is read before its turn: tried once, and its failure is not counted against the API

	// Set by prepare.
	path    string
	payload []byte

	// Set by the links.
	token    string
	attempts int
	status   int
	header   http.Header
	body     []byte
	sent     bool // a write: the request may have reached the API
}

func (c *call) isRead() bool { return c.method == http.MethodGet }

// prepare sets the path and the payload. A call that it refuses is never sent.
func (c *call) prepare() (err error) {
	c.path = c.route
	if strings.Contains(c.route, "{id}") && c.id.IsZero() {
		return c.newError(KindInvalid, errNoID)
	}
	c.path = strings.Replace(c.route, "{id}", c.id.text, 1)
	if slices.ContainsFunc(c.needs, ID.IsZero) {
		return c.newError(KindInvalid, errNoID)
	}
	if c.in == nil {
		return nil
	}
	if c.payload, err = json.Marshal(c.in); err != nil {
		return c.newError(KindInvalid, err)
	}
	return nil
}

var errNoID = errors.New("an id is missing")

func (c *call) newError(kind Kind, cause error) *Error {
	return &Error{Kind: kind, Status: c.status, Method: c.method, Path: c.path, cause: cause}
}

func fetch[T any](ctx context.Context, run step, c *call) (T, error) {
	var out, zero T
	c.out = &out
	err := c.prepare()
	if err == nil {
		err = run(ctx, c)
	}
	if err != nil {
		return zero, err // a part may have been decoded before the error
	}
	return out, nil
}

// Route is a request that the client has no method for. Path may hold {id}, which ID replaces.
type Route struct {
	Method string
	Path   string
	ID     ID
	Body   any // nil for none
}

// Do makes a call that the client has no method for, with the same checks, limits and retries as any other.
func Do[T any](ctx context.Context, c *Client, r Route) (T, error) {
	answer := bodyOptional
	if r.Method == http.MethodGet {
		answer = bodyRequired
	}
	return fetch[T](ctx, c.run, &call{method: r.Method, route: r.Path, id: r.ID, in: r.Body, answer: answer})
}

// act makes a call without a payload that starts an action on an object.
func act(ctx context.Context, run step, route string, id ID) (ActionResult, error) {
	return fetch[ActionResult](ctx, run, &call{method: "POST", route: route, id: id, answer: bodyOptional})
}

func remove(ctx context.Context, run step, route string, id ID) error {
	_, err := fetch[struct{}](ctx, run, &call{method: "DELETE", route: route, id: id, answer: bodyIgnored})
	return err
}

// query encodes pairs of name and value, without those whose value is empty.
func query(pairs ...string) string {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			values.Set(pairs[i], pairs[i+1])
		}
	}
	return values.Encode()
}

// Request is a write as it would be sent. Path is relative to the base URL; Body is nil if there is none.
type Request struct {
	Method string
	Path   string
	Body   jsontext.Value
}

var (
	errDryRun  = errors.New("a dry run sends nothing")
	errNoWrite = errors.New("the dry run made no write")
)

// DryRun calls fn with a client that sends nothing and returns the first write that fn would have sent. Every
// call of that client, which is not safe for concurrent use, returns an error, reads included. If fn makes no
// write, DryRun returns fn's own error, or else an error of its own.
func (c *Client) DryRun(fn func(*Client) error) (Request, error) {
	var first *Request
	err := fn(newClient(func(_ context.Context, c *call) error {
		if first == nil && !c.isRead() {
			first = &Request{Method: c.method, Path: c.path, Body: c.payload}
		}
		return c.newError(KindUnavailable, errDryRun)
	}))
	switch {
	case first != nil:
		return *first, nil
	case err != nil:
		return Request{}, err
	}
	return Request{}, errNoWrite
}
