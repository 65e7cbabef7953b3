package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

const (
	notText    = "Not a valid string."
	notInteger = "A valid integer is required."
	notUUID    = "Must be a valid UUID."
	notBoolean = "Must be a valid boolean."
)

// form is the JSON object of a request body, with its errors by field.
type form struct {
	fields map[string]json.RawMessage
	errors map[string][]string
}

func parseForm(body []byte) (form, *response) {
	f := form{errors: map[string][]string{}}
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
	f.errors[name] = append(f.errors[name], complaint)
}

func (f *form) refusal() *response {
	if len(f.errors) == 0 {
		return nil
	}
	return &response{status: http.StatusBadRequest, body: f.errors}
}

// field decodes one member, or returns nil if it has no value. null counts as absent unless the member is
// required.
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

// text decodes a string member, which must not be blank and must pass the rule, if there is one.
func (f *form) text(name string, required bool, r *rule) *string {
	value := field[string](f, name, required, notText)
	switch {
	case value == nil:
		return nil
	case *value == "":
		f.fail(name, "This field may not be blank.")
	case r != nil && strings.Trim(*value, r.allowed) != "":
		f.fail(name, r.complaint)
	case r != nil && len(*value) > 255:
		f.fail(name, "Ensure this field has no more than 255 characters.")
	default:
		return value
	}
	return nil
}

const alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

var (
	serverName   = &rule{alphanumeric + "-", "Enter a valid name: letters, digits and hyphens only."}
	snapshotName = &rule{alphanumeric + "-_", "Enter a valid name: letters, digits, hyphens and underscores only."}
	hostname     = &rule{alphanumeric + "-.", "Enter a valid hostname."}
)

// rule is the characters that a text may have, at most 255 of them, and the error text for any other.
type rule struct{ allowed, complaint string }

const uuidPrefix = "1a2b3c4d-5e6f-4a0b-8c0d-"

// UUID returns the form of an id in a simulator with Options.UUIDs.
func UUID(id int) string { return fmt.Sprintf("%s%012d", uuidPrefix, id) }

func (w *World) parseID(s string) (int, bool) {
	if w.opts.UUIDs {
		digits, found := strings.CutPrefix(strings.ToLower(s), uuidPrefix)
		if !found || len(digits) != 12 {
			return 0, false
		}
		s = digits
	}
	id, err := strconv.ParseUint(s, 10, 62)
	return int(id), err == nil
}

func (w *World) idMember(id int) member {
	switch {
	case w.opts.Vendor:
		return member{"uuid", UUID(id)}
	case w.opts.UUIDs:
		return member{"id", UUID(id)}
	}
	return member{"id", id}
}

// idField reads an id of a form, in the form in which answers have it. An unknown UUID becomes 0, which no
// object has.
func (c *call) idField(name string, required bool) *int {
	if !c.opts.UUIDs {
		id := field[wholeNumber](&c.form, name, required, notInteger)
		return (*int)(id)
	}
	text := field[string](&c.form, name, required, notUUID)
	if text == nil {
		return nil
	}
	id, _ := c.parseID(*text)
	return &id
}

// wholeNumber is decoded from a number or from digits in a text, as in Django REST framework.
type wholeNumber int

func (n *wholeNumber) UnmarshalJSON(data []byte) error {
	i, err := strconv.Atoi(strings.Trim(string(data), `"`))
	*n = wholeNumber(i)
	return err
}
