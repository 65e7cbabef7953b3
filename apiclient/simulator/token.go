package simulator

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// expiringIn is the remaining lifetime of the sample token that expires soon.
const expiringIn = 5 * 24 * time.Hour

// Token is an API token. Its zero value is a token without a name that may only read its account.
type Token struct {
	Value, Name string
	// Permissions are grants: resource:action, resource:* or *:*.
	Permissions []string
	// ExpiresAt is when the token becomes invalid; zero means never.
	ExpiresAt time.Time
	// CreatedAt is by default the date of the documentation's sample token.
	CreatedAt time.Time
	// LastUsedAt is set by each request that is authenticated.
	LastUsedAt time.Time
	// Expired sets is_expired in answers; the token is still valid. The documentation has the field, but does
	// not explain which token can read it as true.
	Expired bool
}

// DefaultTokens are the tokens of a simulator without Options.Tokens: vps_demo (all permissions), vps_readonly
// (lists only) and vps_expiring (all permissions, expires five days from now).
func DefaultTokens(now time.Time) []Token {
	all := []string{"*:*"}
	lists := []string{"servers:list", "backups:list", "snapshots:list", "plans:list", "domains:list", "dns:list"}
	return []Token{
		{Value: "vps_demo", Name: "Demo", Permissions: all},
		{Value: "vps_readonly", Name: "Read only", Permissions: lists},
		{Value: "vps_expiring", Name: "Expiring", Permissions: slices.Clone(all), ExpiresAt: now.Add(expiringIn)},
	}
}

func (t *Token) may(needs []string) bool {
	return len(needs) == 0 || slices.ContainsFunc(needs, t.grants)
}

func (t *Token) grants(permission string) bool {
	resource, _, _ := strings.Cut(permission, ":")
	return slices.ContainsFunc(t.Permissions, func(grant string) bool {
		return grant == permission || grant == "*:*" || grant == resource+":*"
	})
}

func bearer(r *http.Request) string {
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(value)
}

func (w *World) authenticate(r *http.Request) (*Token, *response) {
	value := bearer(r)
	token := w.Tokens[value]
	switch {
	case value == "":
		return nil, unauthorized("Authentication credentials were not provided.")
	case token == nil:
		return nil, unauthorized("Invalid token.")
	case !token.ExpiresAt.IsZero() && !w.now.Before(token.ExpiresAt):
		return nil, unauthorized("Token has expired.")
	}
	token.LastUsedAt = w.now
	return token, nil
}
