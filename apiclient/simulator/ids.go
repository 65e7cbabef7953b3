package simulator

import (
	"fmt"
	"strconv"
	"strings"
)

const uuidPrefix = "1a2b3c4d-5e6f-4a0b-8c0d-"

// UUID returns the form of an id in a simulator with Options.UUIDs.
func UUID(id int) string { return fmt.Sprintf("%s%012d", uuidPrefix, id) }

// parseID parses the id of a path or a query.
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

// idMember is an id as a member of its object.
func (w *World) idMember(id int) member {
	switch {
	case w.vendor:
		return member{"uuid", UUID(id)}
	case w.uuids:
		return member{"id", UUID(id)}
	}
	return member{"id", id}
}

// idField reads an id of a form, in the form in which answers have it. An unknown UUID becomes 0, which no object has.
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

// wholeNumber is decoded from a number or from digits in a text, as in Django REST framework.
type wholeNumber int

func (n *wholeNumber) UnmarshalJSON(data []byte) error {
	i, err := strconv.Atoi(strings.Trim(string(data), `"`))
	*n = wholeNumber(i)
	return err
}
