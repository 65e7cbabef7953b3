// Package permissions decides who may do what, and nothing else: it reads no file, no
// network and no clock. What it decides on is passed in; what it decides is a value.
package permissions

import "strings"

// Permission is VPS.org's own word for a right: "servers:delete". In a grant the action,
// or both parts, may be "*".
type Permission string

func (p Permission) split() (resource, action string) {
	resource, action, _ = strings.Cut(string(p), ":")
	return resource, action
}

// Grants are the permissions that a token holds, as GET /account/me/ lists them.
type Grants []Permission

// Covers reports whether the grants include p, by its own name, by "resource:*" or by
// "*:*".
func (g Grants) Covers(p Permission) bool {
	resource, _ := p.split()
	for _, held := range g {
		if held == p || held == Permission(resource+":*") || held == "*:*" {
			return true
		}
	}
	return false
}

// Needs lists permissions of which any one is enough. None at all: every valid token
// will do.
type Needs []Permission

// AnyOf returns the needs of an operation for which one of the permissions is enough.
func AnyOf(p ...Permission) Needs { return p }

// MetBy reports whether the grants cover one of the needs.
func (n Needs) MetBy(g Grants) bool {
	for _, p := range n {
		if g.Covers(p) {
			return true
		}
	}
	return len(n) == 0
}

// String returns the needs for a sentence, in words that can be given to a token:
// "servers:backup or backups:*".
func (n Needs) String() string {
	var all []string
	for _, p := range n.Grantable() {
		all = append(all, string(p))
	}
	return strings.Join(all, " or ")
}
