package simulator

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// expiringIn is the life left to the sample token that is about to expire.
const expiringIn = 5 * 24 * time.Hour

// Token is an API token. Its zero value is a token without a name that may do nothing but read its account.
type Token struct {
	Value, Name string
	// Permissions are grants: resource:action, resource:* or *:*.
	Permissions []string
	// ExpiresAt is when it stops being let in; zero means never.
	ExpiresAt time.Time
	// CreatedAt zero means the date of the documentation's sample token.
	CreatedAt time.Time
	// LastUsedAt moves with each request that is let in.
	LastUsedAt time.Time
	// Expired shows the token as is_expired although it is let in. The documentation has the field, but does
	// not say who can ever read it as true.
	Expired bool
}

// DefaultTokens are the tokens of a simulator that was given none: vps_demo (may do everything), vps_readonly
// (may only list) and vps_expiring (may do everything, for five days from now).
func DefaultTokens(now time.Time) []Token {
	all := []string{"*:*"}
	lists := []string{"servers:list", "backups:list", "snapshots:list", "plans:list", "domains:list", "dns:list"}
	return []Token{
		{Value: "vps_demo", Name: "Demo", Permissions: all},
		{Value: "vps_readonly", Name: "Read only", Permissions: lists},
		{Value: "vps_expiring", Name: "Expiring", Permissions: slices.Clone(all), ExpiresAt: now.Add(expiringIn)},
	}
}

// may says whether one of the needs is granted; no needs at all are always met.
func (t *Token) may(needs []string) bool {
	return len(needs) == 0 || slices.ContainsFunc(needs, t.grants)
}

func (t *Token) grants(permission string) bool {
	resource, _, _ := strings.Cut(permission, ":")
	return slices.ContainsFunc(t.Permissions, func(grant string) bool {
		return grant == permission || grant == "*:*" || grant == resource+":*"
	})
}

// bearer is the token of a request, "" if there is none.
func bearer(r *http.Request) string {
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(value)
}

// authenticate finds the token of a request, or the answer that refuses it.
func (w *World) authenticate(r *http.Request) (*Token, *answer) {
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
