package apiclient

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// auth adds the token to a request, which must be for the base URL's host.
type auth struct {
	next  http.RoundTripper
	base  *url.URL
	token func() (string, error)
}

var (
	errNoToken   = errors.New("the token is empty")
	errBadToken  = errors.New("the token has characters that no header can carry")
	errOtherHost = errors.New("the request is not for the API's own host")
)

func (l auth) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != l.base.Scheme || req.URL.Host != l.base.Host {
		return nil, errOtherHost
	}
	token, err := l.read(req.Context())
	if err != nil {
		return nil, &Error{Kind: KindToken, cause: err}
	}
	callOf(req).token = token
	req.Header["Authorization"] = []string{"Bearer " + token}
	return l.next.RoundTrip(req)
}

type tokenKey struct{}

// UseToken returns a context whose calls use this token instead of Options.Token: for work that must use the
// same token from its first request to its last, also if the token's file changes.
func UseToken(ctx context.Context, token string) context.Context {
	return context.WithValue(ctx, tokenKey{}, token)
}

// PinnedToken returns the token of [UseToken].
func PinnedToken(ctx context.Context) (token string, pinned bool) {
	token, pinned = ctx.Value(tokenKey{}).(string)
	return token, pinned
}

func (l auth) read(ctx context.Context) (token string, err error) {
	token, pinned := PinnedToken(ctx)
	if !pinned {
		token, err = l.token()
	}
	token = strings.TrimSpace(token)
	switch {
	case err != nil:
		return "", err
	case token == "":
		return "", errNoToken
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", errBadToken
	}
	return token, nil
}
