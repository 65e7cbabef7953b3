package simulator

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
)

const (
	notText    = "Not a valid string."
	notInteger = "A valid integer is required."
	notUUID    = "Must be a valid UUID."
	notBoolean = "Must be a valid boolean."
)

// form is the JSON object of a request body, with its errors by field. Its zero value is empty.
type form struct {
	fields map[string]json.RawMessage
	errors map[string][]string
}

func parseForm(body []byte) (form, *response) {
	var f form
	if len(body) > maxBody {
		return f, fail(http.StatusRequestEntityTooLarge, "Request body is too large.")
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return f, nil
	}
	if !json.Valid(body) {
		return f, badRequest("JSON parse error.")
	}
	if err := json.Unmarshal(body, &f.fields); err != nil || f.fields == nil {
		return f, badRequest("Invalid data. Expected a JSON object.")
	}
	return f, nil
}

func (f *form) fail(name, complaint string) {
	if f.errors == nil {
		f.errors = map[string][]string{}
	}
	f.errors[name] = append(f.errors[name], complaint)
}

// refusal is the answer to a form with errors, nil if there are none.
func (f *form) refusal() *response {
	if f.errors == nil {
		return nil
	}
	return &response{status: http.StatusBadRequest, body: f.errors}
}

// field decodes one member, or returns nil if it has no value. null counts as absent unless the member is required.
func field[T any](f *form, name string, required bool, complaint string) *T {
	raw, sent := f.fields[name]
	null := string(raw) == "null"
	switch {
	case required && !sent:
		f.fail(name, "This field is required.")
		return nil
	case required && null:
		f.fail(name, "This field may not be null.")
		return nil
	case !sent || null:
		return nil
	}
	var value T
	if json.Unmarshal(raw, &value) != nil {
		f.fail(name, complaint)
		return nil
	}
	return &value
}

// text decodes a string member, which must not be blank and must pass the rule. The rule returns "" or an error text.
func (f *form) text(name string, required bool, rule func(string) string) *string {
	value := field[string](f, name, required, notText)
	if value == nil {
		return nil
	}
	complaint := rule(*value)
	if *value == "" {
		complaint = "This field may not be blank."
	}
	if complaint != "" {
		f.fail(name, complaint)
		return nil
	}
	return value
}

const alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

func serverName(s string) string {
	return rule(s, alphanumeric+"-", "Enter a valid name: letters, digits and hyphens only.")
}

func snapshotName(s string) string {
	return rule(s, alphanumeric+"-_", "Enter a valid name: letters, digits, hyphens and underscores only.")
}

func hostname(s string) string {
	return rule(s, alphanumeric+"-.", "Enter a valid hostname.")
}

func rule(s, allowed, complaint string) string {
	switch {
	case strings.Trim(s, allowed) != "":
		return complaint
	case len(s) > 255:
		return "Ensure this field has no more than 255 characters."
	}
	return ""
}
