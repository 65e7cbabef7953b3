// Package permissions decides who may do what. It is pure: it reads no file, no network and no clock. The facts are
// passed in; a decision is a value.
package permissions

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/internal/text"
)

// Permission is a right in VPS.org's own words: "servers:delete". In a grant the action, or both parts, may be "*".
type Permission string

// Grants are the permissions that a token holds, as GET /account/me/ lists them.
type Grants []Permission

// Covers reports whether the grants include p, by its own name, by "resource:*" or by "*:*".
func (g Grants) Covers(p Permission) bool {
	resource, _, _ := strings.Cut(string(p), ":")
	return slices.ContainsFunc(g, func(held Permission) bool {
		return held == p || held == Permission(resource+":*") || held == "*:*"
	})
}

// Needs lists permissions of which one is enough. If empty, every valid token is enough.
type Needs []Permission

// AnyOf returns the needs of an operation for which one of the permissions is enough.
func AnyOf(p ...Permission) Needs { return p }

// MetBy reports whether the grants cover one of the needs.
func (n Needs) MetBy(g Grants) bool { return len(n) == 0 || slices.ContainsFunc(n, g.Covers) }

// String returns the needs for a sentence, as permissions that a token can be given: "servers:backup or backups:*".
func (n Needs) String() string {
	return strings.Join(text.Strings(n.Grantable()), " or ")
}

// actions are the permissions that a token can be given, by resource. Each resource has "*" too.
var actions = map[string][]string{
	"servers":     {"list", "create", "update", "delete", "power", "backup", "snapshot", "resize"},
	"domains":     {"list", "search", "update", "renew"},
	"dns":         {"list", "create", "update", "delete"},
	"snapshots":   {"list", "delete"},
	"backups":     {"list"},
	"ssh-keys":    {"list", "create", "delete"},
	"plans":       {"list"},
	"locations":   {"list"},
	"deployments": {"list", "create", "delete"},
	"billing":     {"list"},
}

// Grantable returns the permission that a person can give to a token so that it covers p: p itself where VPS.org
// has it, else all of its resource, as "backups:*" for "backups:delete".
func (p Permission) Grantable() Permission {
	resource, action, _ := strings.Cut(string(p), ":")
	if known, ok := actions[resource]; !ok || action == "*" || slices.Contains(known, action) {
		return p
	}
	return Permission(resource + ":*")
}

// Grantable returns the needs as permissions that a token can be given, each once.
func (n Needs) Grantable() Needs {
	grantable := Needs{}
	for _, p := range n {
		if g := p.Grantable(); !slices.Contains(grantable, g) {
			grantable = append(grantable, g)
		}
	}
	return grantable
}

// TokensPage is where a VPS.org token is made and edited.
const TokensPage = "https://admin.vps.org/account/developers/"

// Token is the description of an API token, without the token itself.
type Token struct {
	Name      string
	Grants    Grants
	ExpiresAt time.Time // zero: never
	IsExpired bool      // the API's own word
}

// Allows decides whether the token may run an operation that has these needs.
func (t Token) Allows(needs Needs, now time.Time) Decision {
	if t.Expired(now) {
		return Decision{Reason: fmt.Sprintf("the token %q has expired; make a new one at %s", t.Name, TokensPage)}
	}
	if !needs.MetBy(t.Grants) {
		return Decision{Reason: fmt.Sprintf("it needs the permission %s, which the token %q does not hold; add it at %s or use another token",
			needs, t.Name, TokensPage)}
	}
	return Decision{Allowed: true}
}

// Expired reports whether the token has expired.
func (t Token) Expired(now time.Time) bool {
	return t.IsExpired || !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt)
}

// ExpiresSoon says how long a token is valid that expires in less than seven days, rounded up to whole days; "" for others.
func (t Token) ExpiresSoon(now time.Time) string {
	const day = 24 * time.Hour
	left := t.ExpiresAt.Sub(now)
	switch {
	case t.ExpiresAt.IsZero() || left >= 7*day:
		return ""
	case left < day:
		return "less than a day"
	}
	return text.Plural(int((left+day-1)/day), "day")
}

// ExpiryNotice warns, in one sentence, of a token that expires within a week. It is "" for others.
func (t Token) ExpiryNotice(now time.Time) string {
	left := t.ExpiresSoon(now)
	if left == "" {
		return ""
	}
	return fmt.Sprintf("The token %q expires in %s: make a new one at %s", t.Name, left, TokensPage)
}
