package apiclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/vpsbot/vpsbot/internal/redact"
	"github.com/vpsbot/vpsbot/internal/text"
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

const maxBody = 8 << 20

// errAnswer marks an answer that arrived but cannot be used.
var errAnswer = errors.New("unusable answer")

var errTooLarge = fmt.Errorf("%w: more than %d MiB", errAnswer, maxBody>>20)

// bodyReader reads the whole body of an answer, so that an incomplete body counts as a broken connection, and
// redacts the token in it. It removes the Location header: no link outside it can follow or report a redirect.
type bodyReader struct{ next http.RoundTripper }

func (l bodyReader) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := l.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Header.Del("Location")
	c := callOf(req)
	c.status, c.header = resp.StatusCode, resp.Header
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	_ = resp.Body.Close()
	resp.Body = http.NoBody
	if len(body) > maxBody {
		body, err = body[:maxBody], errTooLarge
	}
	if err != nil && isSuccess(c.status) {
		return nil, err
	}
	c.body = redactBody(body, c.token) // an incomplete body may still hold the message of a failure
	return resp, nil
}

func isSuccess(status int) bool { return status/100 == 2 }

// redactBody replaces the token in a body, also where the JSON has escapes in it. The result shares body's
// memory if nothing was replaced.
func redactBody(body []byte, token string) []byte {
	if token == "" {
		return body
	}
	if bytes.IndexByte(body, '\\') >= 0 {
		plain := jsontext.Value(bytes.Clone(body)) // with only those escapes that JSON requires
		if plain.Format(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) == nil {
			body = plain
		}
	}
	if !bytes.Contains(body, []byte(token)) {
		return body
	}
	return bytes.ReplaceAll(body, []byte(token), []byte(redact.Mark))
}

// redactError returns err, or an error of its redacted text alone if that text is long or contains the token.
func redactError(err error, token string) error {
	if err == nil {
		return nil
	}
	if says := err.Error(); len(says) > maxMessage || token != "" && strings.Contains(says, token) {
		return errors.New(redactText(says, token))
	}
	return err
}

// redactText replaces the token and cuts the text to 1000 characters.
func redactText(s, token string) string {
	return text.Cut(redact.Text(strings.ToValidUTF8(s, "\uFFFD"), token), maxMessage)
}
