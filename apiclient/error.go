package apiclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/vpsbot/vpsbot/internal/backoff"
	"github.com/vpsbot/vpsbot/internal/text"
)

// FieldError holds the API's messages about one field of a request. The names of nested fields are joined by
// dots.
type FieldError struct {
	Field    string
	Messages []string
}

// Error is the type of every error that a call returns; use errors.As. Message and Fields are texts of the API:
// data, at most 1000 characters each, in which the token is redacted.
type Error struct {
	Kind Kind
	// Status is the HTTP status, 0 if none was received.
	Status int
	// Method and Path are those of the request; Path is relative to the base URL and has no query.
	Method string
	Path   string
	// Message is the API's message, empty if there is none.
	Message string
	// Fields are sorted by name.
	Fields []FieldError
	// RetryAfter is the wait that the API asks for; 0 if it asks for none.
	RetryAfter time.Duration
	// Unknown marks a write that may or may not have happened.
	Unknown bool

	cause       error
	isSimulator bool // who answered is the simulator
}

// Error returns one line: the request, the failure, the API's message.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Method != "" {
		fmt.Fprintf(&b, "%s %s: ", e.Method, e.Path)
	}
	b.WriteString(kindTexts[e.Kind].what)
	if e.Status != 0 {
		fmt.Fprintf(&b, " (status %d)", e.Status)
	}
	if e.Unknown {
		b.WriteString("; whether it was done is unknown")
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	for _, f := range e.Fields {
		b.WriteString("; " + f.Field + ": " + strings.TrimRight(strings.Join(f.Messages, ", "), ". "))
	}
	if e.cause != nil {
		b.WriteString(": " + e.cause.Error())
	}
	// The kind has said in plain words what Go says at the end of a context.
	return strings.TrimSuffix(strings.TrimSuffix(b.String(), ": "+context.Canceled.Error()), ": "+context.DeadlineExceeded.Error())
}

// Unwrap returns the cause, nil if the API's answer is the cause.
func (e *Error) Unwrap() error { return e.cause }

// Next returns the next step for a person, in one sentence.
func (e *Error) Next() string {
	switch {
	case e.Unknown:
		return nextUnknown
	case e.isSimulator && e.Kind == KindUnauthorized:
		return nextSimulator
	case e.RetryAfter > 0:
		return "Wait " + text.Duration(e.RetryAfter) + " and try again."
	}
	return kindTexts[e.Kind].next
}

// Temporary reports whether the same call may succeed a little later. It is false for a write whose outcome is
// unknown.
func (e *Error) Temporary() bool {
	switch e.Kind {
	case KindRateLimited, KindServer, KindNetwork, KindTimeout, KindUnavailable:
		return !e.Unknown
	}
	return false
}

// Kind classifies an Error.
type Kind string

// The kinds of failure.
const (
	KindInvalid         Kind = "invalid"          // the request is wrong: 400, 422 and other 4xx, or refused before sending
	KindUnauthorized    Kind = "unauthorized"     // 401
	KindPaymentRequired Kind = "payment_required" // 402
	KindForbidden       Kind = "forbidden"        // 403
	KindNotFound        Kind = "not_found"        // 404, 410
	KindNoRoute         Kind = "no_route"         // 405, and a 404 that is not the API's own: it does not mean that an object is gone
	KindConflict        Kind = "conflict"         // 409
	KindRateLimited     Kind = "rate_limited"     // 429
	KindServer          Kind = "server"           // 5xx
	KindRedirect        Kind = "redirect"         // 3xx, never followed
	KindNetwork         Kind = "network"          // no connection, or one that broke
	KindTimeout         Kind = "timeout"          // the client's or the caller's
	KindUnavailable     Kind = "unavailable"      // not sent: the circuit breaker is open, or the rate limit exceeds the deadline
	KindDecode          Kind = "decode"           // an answer that cannot be understood
	KindCanceled        Kind = "canceled"         // by the caller
	KindToken           Kind = "token"            // there is no token to send
)

var statusKinds = map[int]Kind{
	http.StatusUnauthorized:     KindUnauthorized,
	http.StatusPaymentRequired:  KindPaymentRequired,
	http.StatusForbidden:        KindForbidden,
	http.StatusNotFound:         KindNotFound,
	http.StatusGone:             KindNotFound,
	http.StatusMethodNotAllowed: KindNoRoute,
	http.StatusRequestTimeout:   KindTimeout,
	http.StatusConflict:         KindConflict,
	http.StatusTooManyRequests:  KindRateLimited,
}

func statusKind(status int) Kind {
	if kind, ok := statusKinds[status]; ok {
		return kind
	}
	switch status / 100 {
	case 3:
		return KindRedirect
	case 4:
		return KindInvalid
	case 5:
		return KindServer
	}
	return KindDecode
}

var kindTexts = map[Kind]struct{ what, next string }{
	KindInvalid:         {"the request was refused as wrong", "Correct what the message names and try again."},
	KindUnauthorized:    {"the token was not accepted", "Check that the token is right, not revoked and not expired; tokens are made at admin.vps.org/account/developers/."},
	KindPaymentRequired: {"the account lacks credits", "Add credits to the account in the VPS.org panel and try again."},
	KindForbidden:       {"the token lacks a permission", "Give the token the permission at admin.vps.org/account/developers/, or use another token."},
	KindNotFound:        {"there is no such object", "List what exists and check the id; it may have been deleted."},
	KindNoRoute:         {"VPS.org's API does not take this request", "Check that VPS_API_URL is that of the API itself, and look for a newer version of this program."},
	KindConflict:        {"the object is in a state that does not allow this", "Read its state, wait until what is running has ended, and try again."},
	KindRateLimited:     {"too many requests", "Wait a moment and try again."},
	KindServer:          {"the API failed", "Wait a minute and try again; if it goes on, ask VPS.org's support."},
	KindRedirect:        {"the API answered with a redirect, which is never followed", "Check that VPS_API_URL is that of the API itself."},
	KindNetwork:         {"the API could not be reached, or the connection broke", "Check the network and VPS_API_URL, and try again."},
	KindTimeout:         {"the API did not answer in time", "Wait a moment and try again."},
	KindUnavailable:     {"held back without sending, because of too many failures or requests", "Wait a few seconds and try again."},
	KindDecode:          {"the answer could not be understood", "Check that VPS_API_URL is that of the API itself, and look for a newer version of this program."},
	KindCanceled:        {"cancelled", "Ask again if it is still wanted."},
	KindToken:           {"there is no token to send", "Set the VPS.org API token; tokens are made at admin.vps.org/account/developers/."},
}

const nextUnknown = "Do not send it again: read back whether the change was made, and decide then."
const nextSimulator = "This is the simulator: it knows vps_demo, vps_readonly and vps_expiring, not this token; for a try set VPS_API_TOKEN=vps_demo and unset VPS_API_TOKEN_FILE."

func translateErrors(next step) step {
	return func(ctx context.Context, c *call) error {
		err := next(ctx, c)
		switch {
		case errors.Is(err, errReported):
			e := c.rejection()
			e.Kind = KindInvalid
			return e
		case err != nil:
			return c.failure(err)
		case !isSuccess(c.status):
			return c.rejection()
		}
		return nil
	}
}

func (c *call) failure(err error) *Error {
	e := c.newError(failureKind(err), redactError(bareCause(err), c.token))
	e.Unknown = !c.isRead() && c.sent
	return e
}

func (c *call) rejection() *Error {
	e := c.newError(statusKind(c.status), nil)
	e.RetryAfter = backoff.RetryAfter(c.header)
	e.Unknown = !c.isRead() && (c.status >= http.StatusInternalServerError || c.status == http.StatusRequestTimeout)
	e.Message, e.Fields = parseErrorBody(c.body, c.header, c.token)
	// The API's own 404 is JSON or empty. A web page or a text is the answer of a proxy, or for a route that
	// does not exist: it does not mean that an object is gone.
	body := bytes.TrimSpace(c.body)
	if e.Kind == KindNotFound && len(body) > 0 && !jsontext.Value(body).IsValid() {
		e.Kind = KindNoRoute
	}
	return e
}

func failureKind(err error) Kind {
	if kind := errorIn(err).Kind; kind != "" {
		return kind
	}
	switch {
	case errors.Is(err, errNotSent):
		return KindUnavailable
	case errors.Is(err, errAnswer), errors.Is(err, errOtherHost):
		return KindDecode
	case errors.Is(err, context.Canceled):
		return KindCanceled
	case isTimeout(err):
		return KindTimeout
	}
	return KindNetwork
}

// bareCause removes the wrappers that repeat the request.
func bareCause(err error) error {
	if apiErr, ok := errors.AsType[*Error](err); ok {
		return apiErr.cause
	}
	if urlErr, ok := errors.AsType[*url.Error](err); ok {
		return urlErr.Err
	}
	return err
}

// IsNotFound reports whether VPS.org answered that there is no such object.
func IsNotFound(err error) bool { return errorIn(err).Kind == KindNotFound }

func errorIn(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{}
}
