package tools

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A result's text is made from its JSON, so that text and JSON cannot tell different things.

// Table returns a list's page as a table, and whether the reply is one.
func (r Reply) Table() (Table, bool) {
	if r.Op == nil || r.Value == nil || !r.Op.IsList() {
		return Table{}, false
	}
	raw, err := encode(r.Op.view.rows(r.Value))
	if err != nil {
		panic(err) // see Reply.encoded
	}
	return tableOf(raw, r.Op.noun()), true
}

// noun names what a list holds: "servers".
func (op *Op) noun() string {
	resource, action, _ := strings.Cut(op.Name, ".")
	if action == "list" {
		return resource
	}
	return action
}

func (op *Op) render(value any) string {
	if table, ok := (Reply{Op: op, Value: value}).Table(); ok {
		return table.String()
	}
	raw, err := encode(value)
	if err != nil {
		panic(err) // see Reply.encoded
	}
	return strings.Join(lines(raw), "\n")
}

// member is one field of an object, in the order in which it came.
type member struct {
	name  string
	value jsontext.Value
}

func members(raw jsontext.Value) []member {
	dec := jsontext.NewDecoder(strings.NewReader(string(raw)))
	if _, err := dec.ReadToken(); err != nil {
		return nil
	}
	var all []member
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			return all
		}
		text := name.String() // valid only until the next read
		value, err := dec.ReadValue()
		if err != nil {
			return all
		}
		all = append(all, member{text, value.Clone()})
	}
	return all
}

func elements(raw jsontext.Value) []jsontext.Value {
	dec := jsontext.NewDecoder(strings.NewReader(string(raw)))
	if _, err := dec.ReadToken(); err != nil {
		return nil
	}
	var all []jsontext.Value
	for dec.PeekKind() != ']' {
		value, err := dec.ReadValue()
		if err != nil {
			return all
		}
		all = append(all, value.Clone())
	}
	return all
}

// scalar returns a value as a reader writes it; null is nothing.
func scalar(v jsontext.Value) string {
	switch v.Kind() {
	case '"':
		s, _ := jsontext.AppendUnquote(nil, v)
		return string(s)
	case 'n':
		return ""
	case '[':
		var parts []string
		for _, e := range elements(v) {
			parts = append(parts, scalar(e))
		}
		return strings.Join(parts, ", ")
	}
	return string(v)
}

// lines lists an object's fields, those of objects inside it with a dotted name.
func lines(raw jsontext.Value) []string {
	var out []string
	for _, m := range members(raw) {
		if m.value.Kind() == '{' {
			for _, inner := range lines(m.value) {
				out = append(out, m.name+"."+inner)
			}
			continue
		}
		out = append(out, m.name+": "+scalar(m.value))
	}
	return out
}

// tableOf makes a table of a page of rows. A column that is empty in every row is left out.
func tableOf(raw jsontext.Value, noun string) Table {
	var (
		t             Table
		count, offset int
	)
	for _, m := range members(raw) {
		switch m.name {
		case "count":
			_, _ = fmt.Sscan(string(m.value), &count)
		case "offset":
			_, _ = fmt.Sscan(string(m.value), &offset)
		case "results":
			t = tableOfRows(elements(m.value))
		}
	}
	t.Note = pageNote(len(t.Rows), count, offset, noun)
	return t
}

func tableOfRows(rows []jsontext.Value) Table {
	var t Table
	at := map[string]int{}
	for _, row := range rows {
		for _, m := range members(row) {
			if _, ok := at[m.name]; !ok {
				at[m.name] = len(t.Header)
				t.Header = append(t.Header, m.name)
			}
		}
	}
	for _, row := range rows {
		cells := make([]string, len(t.Header))
		for _, m := range members(row) {
			cells[at[m.name]] = scalar(m.value)
		}
		t.Rows = append(t.Rows, cells)
	}
	return t
}

// pageNote says how many there are in all, and how to see the others.
func pageNote(shown, count, offset int, noun string) string {
	switch {
	case count == 0:
		return "No " + noun + "."
	case shown == 0:
		return fmt.Sprintf("No %s from offset %d; there are %d in all.", noun, offset, count)
	case shown == count:
		return plural(count, strings.TrimSuffix(noun, "s")) + "."
	case offset+shown < count:
		return fmt.Sprintf("%d to %d of %d %s; more with offset %d.", offset+1, offset+shown, count, noun, offset+shown)
	}
	return fmt.Sprintf("%d to %d of %d %s.", offset+1, offset+shown, count, noun)
}
