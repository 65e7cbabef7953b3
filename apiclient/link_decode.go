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
	errSaysFailed = errors.New("the API says that it failed")
	errSuccess    = fmt.Errorf("%w: not a status for this request", errAnswer)
)

// decode turns a success into the call's result.
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
	case c.saysFailed(body):
		return errSaysFailed
	case c.answer == answerNone:
		return checkDeleted(c.status)
	}
	err := c.take(body)
	if err != nil && c.status == http.StatusAccepted && !c.isRead() {
		return nil // it will be done; what it makes is not there to be shown yet
	}
	return err
}

// take makes the result of a body.
func (c *call) take(body []byte) error {
	switch {
	case len(body) == 0 && c.answer == answerOptional:
		return nil
	case len(body) == 0:
		return errEmpty
	}
	if err := unmarshal(body, c.out); err != nil {
		return fmt.Errorf("%w: %w", errAnswer, plainly(err))
	}
	object, ok := c.out.(identified)
	if !ok || !object.identity().IsZero() {
		return nil
	}
	if c.unwrap(body, 0); c.answer == answerRequired && object.identity().IsZero() {
		return errNoIdentity
	}
	return nil
}

// unwrap looks for the object inside another, under its own name or one that
// APIs use for it, and takes it if it has an id.
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
		if says := wrapper["message"]; says.Kind() == '"' {
			_ = unmarshal([]byte(`{"message":`+string(says)+`}`), c.out)
		}
		if unmarshal(inner, c.out) == nil && c.out.(identified).identity().IsZero() {
			c.unwrap(inner, depth+1)
		}
		if !c.out.(identified).identity().IsZero() {
			return
		}
	}
	reflect.ValueOf(c.out).Elem().SetZero()
	_ = unmarshal(body, c.out) // as it was
}

// identified are the objects that have an id.
type identified interface{ identity() ID }

func checkDeleted(status int) error {
	switch status {
	case http.StatusOK, http.StatusAccepted, http.StatusNoContent:
		return nil
	}
	return errSuccess
}

func isHTML(body []byte, h http.Header) bool {
	return len(body) > 0 && (body[0] == '<' || strings.HasPrefix(h.Get("Content-Type"), "text/html"))
}

// saysFailed reports whether an answer says that the call failed, although its status code
// says otherwise: by "success": false or, where no object with a status of its own is awaited,
// by the word in status. The documented word is "success"; others are left alone.
func (c *call) saysFailed(body []byte) bool {
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
	if _, isAction := c.out.(*ActionResult); !isAction && c.answer != answerNone {
		return false
	}
	switch strings.ToLower(answer.Status) {
	case "error", "fail", "failed", "failure":
		return true
	}
	return false
}

// plainly says where an answer does not fit, without the words of Go.
func plainly(err error) error {
	var wrong *json.SemanticError
	if errors.As(err, &wrong) && wrong.JSONPointer != "" {
		return fmt.Errorf("%s is not what it should be", wrong.JSONPointer)
	}
	return errors.New("it is not the JSON that was expected")
}
