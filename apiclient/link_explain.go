package apiclient

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/vpsbot/vpsbot/internal/backoff"
)

// explain makes an *Error of every failure.
func explain(next step) step {
	return func(ctx context.Context, c *call) error {
		err := next(ctx, c)
		switch {
		case errors.Is(err, errSaysFailed):
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

// failure is the Error of a call that got no usable answer.
func (c *call) failure(err error) *Error {
	e := &Error{Kind: failureKind(err), Status: c.status, Method: c.method, Path: c.path}
	e.Unknown = !c.isRead() && c.sent
	e.cause = presentable(bareCause(err), c.token)
	return e
}

// rejection is the Error of a call that the API answered with a failure.
func (c *call) rejection() *Error {
	e := &Error{Kind: statusKind(c.status), Status: c.status, Method: c.method, Path: c.path}
	e.RetryAfter = backoff.RetryAfter(c.header)
	e.Unknown = !c.isRead() && (c.status >= http.StatusInternalServerError || c.status == http.StatusRequestTimeout)
	e.Message, e.Fields = errorBody(c.body, c.header, c.token)
	if e.Kind == KindNotFound && !speaksOfObject(c.body) {
		e.Kind = KindNoRoute
	}
	return e
}

// speaksOfObject reports whether the body of a 404 is the API's own, which is
// JSON or nothing. A web page or a text is of whatever stands before the API,
// or of a route that does not exist: no object is gone because of it.
func speaksOfObject(body []byte) bool {
	body = bytes.TrimSpace(body)
	return len(body) == 0 || jsontext.Value(body).IsValid()
}

func failureKind(err error) Kind {
	var apiErr *Error
	switch {
	case errors.As(err, &apiErr):
		return apiErr.Kind
	case errors.Is(err, errHeldBack):
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

// bareCause takes off what repeats the request.
func bareCause(err error) error {
	var apiErr *Error
	if errors.As(err, &apiErr) {
		return apiErr.cause
	}
	var urlErr *url.Error
	if errors.As(err, &urlErr) {
		return urlErr.Err
	}
	return err
}
