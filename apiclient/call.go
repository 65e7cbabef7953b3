package apiclient

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"
)

// answer says what body a success must have.
type answer int

const (
	answerRequired answer = iota // it is the result
	answerOptional               // without it the result is zero
	answerNone                   // it is not read
)

// endpoint is one row of the API.
type endpoint struct {
	method string
	route  string
	answer answer
}

func (e endpoint) isRead() bool { return e.method == http.MethodGet }

// call is one API call on its way through the links.
type call struct {
	endpoint
	id      ID   // fills {id} of the route
	needs   []ID // ids in the payload that must be there
	path    string
	query   string
	payload []byte
	out     any // a pointer to the result

	// What the links leave behind.
	token    string
	attempts int
	status   int
	header   http.Header
	body     []byte
	buffer   *[]byte
	sent     bool
}

// prepare fills in the path and the payload; what it refuses is never sent.
func (c *call) prepare(in any) error {
	c.path = c.route
	if before, after, ok := strings.Cut(c.route, "{id}"); ok {
		if c.id.IsZero() {
			return c.refusal(errNoID)
		}
		c.path = before + c.id.text + after
	}
	for _, id := range c.needs {
		if id.IsZero() {
			return c.refusal(errNoID)
		}
	}
	if in == nil {
		return nil
	}
	payload, err := json.Marshal(in)
	if err != nil {
		return c.refusal(err)
	}
	c.payload = payload
	return nil
}

var errNoID = errors.New("an id is missing")

func (c *call) refusal(cause error) error {
	return &Error{Kind: KindInvalid, Method: c.method, Path: c.path, cause: cause}
}

// fetch makes a call whose answer is a T.
func fetch[T any](ctx context.Context, core *core, c *call, in any) (T, error) {
	var out T
	if err := c.prepare(in); err != nil {
		return out, err
	}
	c.out = &out
	defer c.release()
	if err := core.run(ctx, c); err != nil {
		var zero T // what was decoded before the error
		return zero, err
	}
	return out, nil
}

// act makes a call that has no payload and begins something.
func act(ctx context.Context, core *core, e endpoint, id ID) (ActionResult, error) {
	return fetch[ActionResult](ctx, core, &call{endpoint: e, id: id}, nil)
}

// send makes a call that has neither payload nor answer.
func send(ctx context.Context, core *core, e endpoint, id ID) error {
	_, err := fetch[struct{}](ctx, core, &call{endpoint: e, id: id}, nil)
	return err
}

// query encodes pairs of name and value, leaving empty values out.
func query(pairs ...string) string {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			values.Set(pairs[i], pairs[i+1])
		}
	}
	return values.Encode()
}
