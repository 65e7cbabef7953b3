package simulator

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const uuidPrefix = "1a2b3c4d-5e6f-4a0b-8c0d-"

// UUID is the form that an id has in a simulator with Options.UUIDs.
func UUID(id int) string { return fmt.Sprintf("%s%012d", uuidPrefix, id) }

// parseID reads the id of a path or a query.
func (w *World) parseID(s string) (int, bool) {
	if w.uuids {
		digits, found := strings.CutPrefix(strings.ToLower(s), uuidPrefix)
		if !found || len(digits) != 12 {
			return 0, false
		}
		s = digits
	}
	id, err := strconv.ParseUint(s, 10, 62)
	return int(id), err == nil
}

// idWire is an id under the name that the API has for it.
type idWire struct {
	ID   any `json:"id,omitempty"`
	UUID any `json:"uuid,omitempty"`
}

// wireID is an id as it is shown.
func (w *World) wireID(id int) idWire {
	switch {
	case w.vendor:
		return idWire{UUID: UUID(id)}
	case w.uuids:
		return idWire{ID: UUID(id)}
	}
	return idWire{ID: id}
}

// price is a price as it is shown: the vendor's is a text with fixed decimals.
func (c *call) price(p float64, decimals int) any {
	if c.opts.Vendor {
		return strconv.FormatFloat(p, 'f', decimals, 64)
	}
	return p
}

// idField reads an id of a form, in the form in which the API shows it. An unknown UUID becomes 0, which nothing has.
func (c *call) idField(name string, required bool) *int {
	if !c.uuids {
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

// wholeNumber is read from digits in a text too, as Django REST framework does.
type wholeNumber int

func (n *wholeNumber) UnmarshalJSON(data []byte) error {
	i, err := strconv.Atoi(strings.Trim(string(data), `"`))
	*n = wholeNumber(i)
	return err
}

// orNull shows an empty value as null.
func orNull[T comparable](value T) *T {
	var empty T
	if value == empty {
		return nil
	}
	return &value
}

// array shows no words as an empty array.
func array(words []string) []string {
	if words == nil {
		return []string{}
	}
	return words
}

// stamp shows a time as the documentation does, the zero time as null.
func stamp(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.UTC().Format("2006-01-02T15:04:05Z")
	return &s
}

// later is the later of two times.
func later(times ...time.Time) time.Time {
	return slices.MaxFunc(times, time.Time.Compare)
}
