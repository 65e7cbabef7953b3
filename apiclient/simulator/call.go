package simulator

import (
	"fmt"
	"net/http"
	"net/url"
)

// call is a request that is being answered, with the world locked.
type call struct {
	*World
	request *http.Request
	opts    *Options
	token   *Token
	id      int // the id in the path
	query   url.Values
	form    form
}

// respond answers a request. The order is that of the frameworks: unknown path, token, method, permission,
// body, and only then the object. Whatever the answer, it says which methods the path takes.
func (s *Simulator) respond(r *http.Request, body []byte) *answer {
	pattern, id := route(r.URL.EscapedPath())
	methods := routes[pattern]
	if methods == nil {
		return noRoute()
	}
	now := s.opts.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.settle(now)
	c := call{World: s.world, request: r, opts: &s.opts}
	return c.run(methods, id, body).encode().with("Allow", methods.allowed())
}

func (c *call) run(methods methods, id string, body []byte) *answer {
	var refusal *answer
	if c.token, refusal = c.authenticate(c.request); refusal != nil {
		return refusal
	}
	if c.request.Method == http.MethodOptions {
		return ok(optionsOf(methods))
	}
	endpoint := methods[c.request.Method]
	if endpoint == nil {
		return fail(http.StatusMethodNotAllowed, fmt.Sprintf("Method %q not allowed.", c.request.Method))
	}
	if !c.token.may(endpoint.needs) {
		return fail(http.StatusForbidden, "You do not have permission to perform this action.")
	}
	if refusal = c.read(id, body); refusal != nil {
		return refusal
	}
	return endpoint.serve(c)
}

// read parses what the request carries: id, query and body.
func (c *call) read(id string, body []byte) (refusal *answer) {
	if id != "" {
		var known bool
		if c.id, known = c.parseID(id); !known {
			return notFound()
		}
	}
	if c.request.URL.RawQuery != "" {
		c.query = c.request.URL.Query()
	}
	c.form, refusal = parseForm(body)
	return refusal
}
