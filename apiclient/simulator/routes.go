package simulator

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// endpoint is one operation of the API. One of needs is sufficient; an endpoint without needs accepts any
// token.
type endpoint struct {
	method, path string
	needs        []string
	serve        func(*call) *response
}

func needs(permissions ...string) []string { return permissions }

var endpoints = []endpoint{
	{"GET", "account/me", nil, (*call).me},
	{"GET", "servers", needs("servers:list"), (*call).listServers},
	{"POST", "servers", needs("servers:create"), (*call).createServer},
	{"GET", "servers/{id}", needs("servers:list"), (*call).showServer},
	{"PATCH", "servers/{id}", needs("servers:update"), func(c *call) *response { return c.updateServer(false) }},
	{"PUT", "servers/{id}", needs("servers:update"), func(c *call) *response { return c.updateServer(true) }},
	{"DELETE", "servers/{id}", needs("servers:delete"), (*call).deleteServer},
	{"POST", "servers/{id}/start", needs("servers:power"), func(c *call) *response { return c.begin(starting, c.server) }},
	{"POST", "servers/{id}/stop", needs("servers:power"), func(c *call) *response { return c.begin(stopping, c.server) }},
	{"POST", "servers/{id}/reboot", needs("servers:power"), func(c *call) *response { return c.begin(rebooting, c.server) }},
	{"POST", "servers/{id}/restore", needs("servers:backup"), (*call).restoreBackup},
	{"GET", "backups", needs("backups:list"), (*call).listBackups},
	{"POST", "backups", needs("servers:backup", "backups:create"), (*call).createBackup},
	{"DELETE", "backups/{id}", needs("backups:delete"), func(c *call) *response { return deleteFrom(c.Backups, c.id) }},
	{"GET", "snapshots", needs("snapshots:list"), (*call).listSnapshots},
	{"POST", "snapshots", needs("servers:snapshot", "snapshots:create"), (*call).createSnapshot},
	{"POST", "snapshots/{id}/restore", needs("servers:snapshot", "snapshots:restore"), (*call).restoreSnapshot},
	{"DELETE", "snapshots/{id}", needs("snapshots:delete"), func(c *call) *response { return deleteFrom(c.Snapshots, c.id) }},
	{"GET", "plans", needs("plans:list"), (*call).listPlans},
	{"GET", "domains", needs("domains:list"), (*call).listDomains},
	{"GET", "dns-zones", needs("dns:list"), (*call).listZones},
}

type methods map[string]*endpoint

var routes = func() map[string]methods {
	routes := map[string]methods{}
	for i, e := range endpoints {
		if routes[e.path] == nil {
			routes[e.path] = methods{}
		}
		routes[e.path][e.method] = &endpoints[i]
	}
	return routes
}()

// route returns the path of the endpoints that a request path matches, and the id in it. A path without a slash
// at its end matches nothing.
func route(path string) (pattern, id string) {
	rest, inside := strings.CutPrefix(path, prefix)
	rest, slash := strings.CutSuffix(rest, "/")
	if !inside || !slash {
		return "", ""
	}
	parts := strings.Split(rest, "/")
	if len(parts) == 1 || parts[0] == "account" {
		return rest, ""
	}
	if id = parts[1]; id == "" {
		return "", ""
	}
	parts[1] = "{id}"
	return strings.Join(parts, "/"), id
}

// allowed lists the methods of a path as Django REST framework does.
func (m methods) allowed() string {
	var allowed []string
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		if m[method] != nil {
			allowed = append(allowed, method)
		}
	}
	if m["GET"] != nil {
		allowed = append(allowed, "HEAD")
	}
	return strings.Join(append(allowed, "OPTIONS"), ", ")
}

// call is a request in progress, with the world locked.
type call struct {
	*World
	request *http.Request
	token   *Token
	query   url.Values
	form    form

	// The object that the path names.
	id       int
	server   *Server
	snapshot *Snapshot
}

// readBody reads the whole body, or one byte more than the limit of a longer one, and leaves a copy in the
// request for interceptors.
func readBody(r *http.Request) []byte {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	// An incomplete body is malformed JSON, and answered as such.
	body, _ := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body
}

// respond answers a request. The checks are in the order of Django REST framework: path, token, method,
// permission, body, object. Every answer of a path that exists has the header Allow.
func (s *Simulator) respond(r *http.Request, body []byte) *response {
	pattern, id := route(r.URL.EscapedPath())
	methods := routes[pattern]
	if methods == nil {
		return noRoute()
	}
	now := s.opts.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.advance(now)
	if r.Method != http.MethodGet {
		defer func() { s.world.fleet = nil }()
	}
	c := call{World: s.world, request: r}
	return c.run(methods, pattern, id, body).encode().with("Allow", methods.allowed())
}

func (c *call) run(methods methods, pattern, id string, body []byte) *response {
	var refusal *response
	if c.token, refusal = c.authenticate(c.request); refusal != nil {
		return refusal
	}
	if c.request.Method == http.MethodOptions {
		media := []string{"application/json"}
		return ok(object{{"name", pattern}, {"description", ""}, {"renders", media}, {"parses", media}})
	}
	endpoint := methods[c.request.Method]
	if endpoint == nil {
		return fail(http.StatusMethodNotAllowed, fmt.Sprintf("Method %q not allowed.", c.request.Method))
	}
	if !c.token.may(endpoint.needs) {
		return fail(http.StatusForbidden, "You do not have permission to perform this action.")
	}
	if id != "" {
		var valid bool
		if c.id, valid = c.parseID(id); !valid {
			return notFound()
		}
	}
	if c.request.URL.RawQuery != "" {
		c.query = c.request.URL.Query()
	}
	if c.form, refusal = parseForm(body); refusal != nil {
		return refusal
	}
	switch resource, _, _ := strings.Cut(pattern, "/"); {
	case id == "":
	case resource == "servers":
		if c.server = c.Servers[c.id]; c.server == nil {
			return notFound()
		}
	case resource == "snapshots":
		if c.snapshot = c.Snapshots[c.id]; c.snapshot == nil {
			return notFound()
		}
	}
	return endpoint.serve(c)
}
