package runner

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/mattn/go-runewidth"

	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
)

// A result's text is made from its JSON, so that the two cannot differ.

// Table returns a list's page as a table that fits a screen, and whether the reply is one.
func (r Reply) Table() (Table, bool) {
	t, ok := r.table()
	if ok && len(r.Op.View.Wide) > 0 {
		t = t.without(r.Op.View.Wide)
	}
	return t, ok
}

func (r Reply) table() (Table, bool) {
	if r.Op == nil || r.Value == nil || !r.Op.IsList() {
		return Table{}, false
	}
	rows := r.model
	if rows == nil || !r.Op.View.Compact {
		rows = mustEncode(r.Op.View.Rows(r.Value))
	}
	t := tableOf(jsontext.Value(rows), r.Op.Noun())
	if r.none != "" {
		t.Note = r.none
	}
	return t, true
}

// render returns a read's result as a reader sees it.
func (r Reply) render() string {
	if table, ok := r.table(); ok {
		return table.String()
	}
	raw := r.withoutNotice()
	lines := appendLines(make([]byte, 0, len(raw)), "", decoderOf(raw))
	return string(bytes.TrimSuffix(lines, []byte("\n")))
}

// decoderOf reads JSON of ours, in which no name is twice in an object.
func decoderOf(raw []byte) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewBuffer(raw), jsontext.AllowDuplicateNames(true))
}

// eachMember calls do for each member of the object that comes next, in order. do reads the value; the name is good
// until it returns.
func eachMember(dec *jsontext.Decoder, do func(name []byte)) {
	if token, err := dec.ReadToken(); err != nil || token.Kind() != '{' {
		return
	}
	name := make([]byte, 0, 64) // longer than ours
	for dec.PeekKind() == '"' {
		quoted, err := dec.ReadValue()
		if err != nil {
			return
		}
		name, _ = jsontext.AppendUnquote(name[:0], quoted)
		do(name)
	}
	_, _ = dec.ReadToken()
}

// eachElement calls do for each element of the array that comes next; do reads it.
func eachElement(dec *jsontext.Decoder, do func()) {
	if token, err := dec.ReadToken(); err != nil || token.Kind() != '[' {
		return
	}
	for kind := dec.PeekKind(); kind != ']' && kind != 0; kind = dec.PeekKind() {
		do()
	}
	_, _ = dec.ReadToken()
}

// appendScalar appends the value that comes next as a reader writes it; null is nothing.
func appendScalar(to []byte, dec *jsontext.Decoder) []byte {
	if dec.PeekKind() == '[' {
		first := true
		eachElement(dec, func() {
			if !first {
				to = append(to, ", "...)
			}
			first, to = false, appendScalar(to, dec)
		})
		return to
	}
	v, _ := dec.ReadValue()
	switch v.Kind() {
	case '"':
		to, _ = jsontext.AppendUnquote(to, v)
		return to
	case 'n':
		return to
	}
	return append(to, v...)
}

// appendLines lists the fields of the object that comes next, those of objects inside it with a dotted name.
func appendLines(to []byte, prefix string, dec *jsontext.Decoder) []byte {
	eachMember(dec, func(name []byte) {
		if dec.PeekKind() == '{' {
			to = appendLines(to, prefix+string(name)+".", dec)
			return
		}
		to = append(append(append(to, prefix...), name...), ": "...)
		to = append(appendScalar(to, dec), '\n')
	})
	return to
}

func tableOf(raw jsontext.Value, noun string) Table {
	var (
		t   Table
		dec = decoderOf(raw)
		of  = map[string]int{}
	)
	eachMember(dec, func(name []byte) {
		if string(name) == "results" {
			t = tableOfRows(dec)
			return
		}
		v, _ := dec.ReadValue()
		of[string(name)], _ = strconv.Atoi(string(v))
	})
	t.Note, t.Part = pageNote(len(t.Rows), of["count"], of["offset"], noun), len(t.Rows) != of["count"]
	return t
}

// tableOfRows takes the columns as they come: not every row has every field.
func tableOfRows(dec *jsontext.Decoder) Table {
	var (
		t    Table
		cell []byte
		at   = map[string]int{}
	)
	eachElement(dec, func() {
		cells := make([]string, len(t.Header))
		eachMember(dec, func(name []byte) {
			column, ok := at[string(name)]
			if !ok {
				column = len(t.Header)
				at[string(name)] = column
				t.Header, cells = append(t.Header, string(name)), append(cells, "")
			}
			cell = appendScalar(cell[:0], dec)
			cells[column] = string(cell)
		})
		t.Rows = append(t.Rows, cells)
	})
	for i, cells := range t.Rows { // Rows that came before a column did
		t.Rows[i] = append(cells, make([]string, len(t.Header)-len(cells))...)
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
		return text.Plural(count, strings.TrimSuffix(noun, "s")) + "."
	case offset+shown < count:
		return fmt.Sprintf("%d to %d of %d %s; more with offset %d.", offset+1, offset+shown, count, noun, offset+shown)
	}
	return fmt.Sprintf("%d to %d of %d %s.", offset+1, offset+shown, count, noun)
}

// Table is a list as a reader sees it.
type Table struct {
	Header []string
	Rows   [][]string
	Note   string // below the table: how many there are in all
	Part   bool   // there are more rows than these
}

// Column returns the cells of a column; nil if there is none of that name.
func (t Table) Column(name string) []string {
	i := slices.Index(t.Header, name)
	if i < 0 {
		return nil
	}
	return text.Map(t.Rows, func(row []string) string { return row[i] })
}

func (t Table) without(columns []string) Table {
	keep := func(cells []string) []string {
		var kept []string
		for i, cell := range cells {
			if !slices.Contains(columns, t.Header[i]) {
				kept = append(kept, cell)
			}
		}
		return kept
	}
	return Table{Header: keep(t.Header), Rows: text.Map(t.Rows, keep), Note: t.Note, Part: t.Part}
}

// widest is how many columns a cell may take; the rest is cut off.
const widest = 48

// String returns the table with two spaces between its columns.
func (t Table) String() string {
	widths := t.widths()
	var b strings.Builder
	line := func(cells []string) {
		for i, cell := range cells {
			cell = runewidth.Truncate(cell, widest, "…")
			b.WriteString(cell)
			if i < len(cells)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-runewidth.StringWidth(cell)+2))
			}
		}
		b.WriteByte('\n')
	}
	if len(t.Rows) > 0 {
		line(t.Header)
	}
	for _, cells := range t.Rows {
		line(cells)
	}
	b.WriteString(t.Note)
	return b.String()
}

func (t Table) widths() []int {
	widths := make([]int, len(t.Header))
	for i, name := range t.Header {
		widths[i] = runewidth.StringWidth(name)
	}
	for _, row := range t.Rows {
		for i, cell := range row {
			widths[i] = max(widths[i], min(widest, runewidth.StringWidth(cell)))
		}
	}
	return widths
}

// Select returns a page of those items of a list that belong to the servers that want names. r is the
// reply of a whole list whose items belong to servers; any other reply is returned as it is.
func (r Reply) Select(want func(permissions.TargetServer) bool, limit, offset int) Reply {
	if r.Class != OK || r.Value == nil || r.Op.View.Keep == nil {
		return r
	}
	return Reply{Op: r.Op, Message: r.Message, Value: r.Op.View.Page(r.Op.View.Keep(r.Value, want), limit, offset), none: r.none}
}
