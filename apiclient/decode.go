package apiclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

var (
	errEmpty      = fmt.Errorf("%w: no body", errAnswer)
	errNoIdentity = fmt.Errorf("%w: no id", errAnswer)
	errHTML       = fmt.Errorf("%w: a web page", errAnswer)
	errReported   = errors.New("the API says that it failed")
	errSuccess    = fmt.Errorf("%w: not a status for this request", errAnswer)
)

// decode decodes the body of a success into the call's result.
func decode(next step) step {
	return func(ctx context.Context, c *call) error {
		if err := next(ctx, c); err != nil || !isSuccess(c.status) {
			return err
		}
		return c.decode()
	}
}

func (c *call) decode() error {
	body := bytes.TrimSpace(c.body)
	switch {
	case isHTML(body, c.header):
		return errHTML
	case c.reportsFailure(body):
		return errReported
	case c.answer != bodyIgnored:
		err := c.decodeResult(body)
		if err != nil && c.status == http.StatusAccepted && !c.isRead() {
			return nil // the API accepted the write; the object does not exist yet
		}
		return err
	}
	switch c.status {
	case http.StatusOK, http.StatusAccepted, http.StatusNoContent:
		return nil
	}
	return errSuccess
}

func (c *call) decodeResult(body []byte) error {
	switch {
	case len(body) == 0 && c.answer == bodyOptional:
		return nil
	case len(body) == 0:
		return errEmpty
	}
	if err := unmarshal(body, c.out); err != nil {
		return fmt.Errorf("%w: %w", errAnswer, describeMismatch(err))
	}
	object, ok := c.out.(identified)
	if !ok || !object.identity().IsZero() {
		return nil
	}
	if c.unwrap(body, 0); c.answer == bodyRequired && object.identity().IsZero() {
		return errNoIdentity
	}
	return nil
}

// unwrap decodes an object that is inside another, under the name of its resource or a usual name for a wrapped
// object, if it has an id.
func (c *call) unwrap(body []byte, depth int) {
	resource, _, _ := strings.Cut(strings.Trim(c.route, "/"), "/")
	var wrapper map[string]jsontext.Value
	if depth == maxDepth || json.Unmarshal(body, &wrapper, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) != nil {
		return
	}
	for _, name := range []string{strings.TrimSuffix(resource, "s"), "data", "result", "object"} {
		inner := wrapper[name]
		if inner.Kind() != '{' {
			continue
		}
		reflect.ValueOf(c.out).Elem().SetZero()
		if message := wrapper["message"]; message.Kind() == '"' {
			_ = unmarshal([]byte(`{"message":`+string(message)+`}`), c.out)
		}
		if unmarshal(inner, c.out) == nil && c.out.(identified).identity().IsZero() {
			c.unwrap(inner, depth+1)
		}
		if !c.out.(identified).identity().IsZero() {
			return
		}
	}
	reflect.ValueOf(c.out).Elem().SetZero()
	_ = unmarshal(body, c.out) // the result without unwrapping
}

func isHTML(body []byte, h http.Header) bool {
	return len(body) > 0 && (body[0] == '<' || strings.HasPrefix(h.Get("Content-Type"), "text/html"))
}

// reportsFailure reports whether the body of a success describes a failure: by "success": false or, for actions
// and deletions, by the word in status. In the result of other calls, status is that of the object. The
// documented word is "success"; unknown words are ignored.
func (c *call) reportsFailure(body []byte) bool {
	if !bytes.HasPrefix(body, []byte("{")) || c.isRead() && !bytes.Contains(body, []byte(`"success"`)) {
		return false
	}
	var answer struct {
		Success *bool  `json:"success"`
		Status  string `json:"status"`
	}
	if unmarshal(body, &answer) != nil {
		return false
	}
	if answer.Success != nil && !*answer.Success {
		return true
	}
	if _, isAction := c.out.(*ActionResult); !isAction && c.answer != bodyIgnored {
		return false
	}
	switch strings.ToLower(answer.Status) {
	case "error", "fail", "failed", "failure":
		return true
	}
	return false
}

// describeMismatch names the member of an answer that could not be decoded, without Go's type names.
func describeMismatch(err error) error {
	if mismatch, ok := errors.AsType[*json.SemanticError](err); ok && mismatch.JSONPointer != "" {
		return fmt.Errorf("%s is not what it should be", mismatch.JSONPointer)
	}
	return errors.New("it is not the JSON that was expected")
}
