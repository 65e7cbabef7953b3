package simulator

import "strings"

// endpoint is one operation of the API. Any one of its needs is enough; none means any token.
type endpoint struct {
	method, path string
	needs        []string
	serve        func(*call) *answer
}

func needs(permissions ...string) []string { return permissions }

var endpoints = []endpoint{
	{"GET", "account/me", nil, (*call).me},
	{"GET", "servers", needs("servers:list"), (*call).listServers},
	{"POST", "servers", needs("servers:create"), (*call).createServer},
	{"GET", "servers/{id}", needs("servers:list"), (*call).showServer},
	{"PATCH", "servers/{id}", needs("servers:update"), (*call).updateServer},
	{"PUT", "servers/{id}", needs("servers:update"), (*call).replaceServer},
	{"DELETE", "servers/{id}", needs("servers:delete"), (*call).deleteServer},
	{"POST", "servers/{id}/start", needs("servers:power"), (*call).startServer},
	{"POST", "servers/{id}/stop", needs("servers:power"), (*call).stopServer},
	{"POST", "servers/{id}/reboot", needs("servers:power"), (*call).rebootServer},
	{"POST", "servers/{id}/restore", needs("servers:backup"), (*call).restoreBackup},
	{"GET", "backups", needs("backups:list"), (*call).listBackups},
	{"POST", "backups", needs("servers:backup", "backups:create"), (*call).createBackup},
	{"DELETE", "backups/{id}", needs("backups:delete"), (*call).deleteBackup},
	{"GET", "snapshots", needs("snapshots:list"), (*call).listSnapshots},
	{"POST", "snapshots", needs("servers:snapshot", "snapshots:create"), (*call).createSnapshot},
	{"POST", "snapshots/{id}/restore", needs("servers:snapshot", "snapshots:restore"), (*call).restoreSnapshot},
	{"DELETE", "snapshots/{id}", needs("snapshots:delete"), (*call).deleteSnapshot},
	{"GET", "plans", needs("plans:list"), (*call).listPlans},
	{"GET", "domains", needs("domains:list"), (*call).listDomains},
	{"GET", "dns-zones", needs("dns:list"), (*call).listZones},
}

var routes = routesOf(endpoints)

// methods are the operations of one path by method.
type methods map[string]*endpoint

func routesOf(endpoints []endpoint) map[string]methods {
	routes := map[string]methods{}
	for i := range endpoints {
		e := &endpoints[i]
		if routes[e.path] == nil {
			routes[e.path] = methods{}
		}
		routes[e.path][e.method] = e
	}
	return routes
}

// route takes a request path apart into the pattern it fits and the id in it. Without the slash at its end
// a path fits nothing.
func route(path string) (pattern, id string) {
	rest, inside := strings.CutPrefix(path, prefix)
	rest, slash := strings.CutSuffix(rest, "/")
	if !inside || !slash {
		return "", ""
	}
	resource, rest, deeper := strings.Cut(rest, "/")
	if !deeper {
		return resource, ""
	}
	if resource == "account" {
		return resource + "/" + rest, ""
	}
	id, action, deeper := strings.Cut(rest, "/")
	if id == "" {
		return "", ""
	}
	if !deeper {
		return resource + "/{id}", id
	}
	return resource + "/{id}/" + action, id
}

// allowed lists the methods that a path takes, as the frameworks do.
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

// options is the body of the answer to OPTIONS.
type options struct {
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Renders     []string `json:"renders"`
	Parses      []string `json:"parses"`
}

func optionsOf(m methods) options {
	var path string
	for _, e := range m {
		path = e.path
	}
	return options{Name: path, Renders: []string{"application/json"}, Parses: []string{"application/json"}}
}
