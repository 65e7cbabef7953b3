package apiclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
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
	case c.answer == answerNone && saysFailed(body):
		return errSaysFailed
	case c.answer == answerNone:
		return checkDeleted(c.status)
	case len(body) == 0 && c.answer == answerOptional:
		return nil
	case len(body) == 0:
		return errEmpty
	}
	if err := unmarshal(body, c.out); err != nil {
		return fmt.Errorf("%w: %w", errAnswer, plainly(err))
	}
	if _, ok := c.out.(*ActionResult); ok && saysFailed(body) {
		return errSaysFailed
	}
	if object, ok := c.out.(identified); ok && c.answer == answerRequired && object.identity().IsZero() {
		return errNoIdentity
	}
	return nil
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

// saysFailed reports whether the answer to an action says that it failed, although its
// status says otherwise. The documented word is "success"; others are left alone.
func saysFailed(body []byte) bool {
	var answer struct {
		Status string `json:"status"`
	}
	if unmarshal(body, &answer) != nil {
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
