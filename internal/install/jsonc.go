package install

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tailscale/hujson"
)

// jsonFormat is JSON as clients read it, with comments and trailing commas. The parser gives the places of names,
// values and commas; what is written is cut out of the text and put into it, so that all else keeps its bytes.
type jsonFormat struct{}

const whitespace = " \t\r\n"

// decode returns the whole file as values.
func (jsonFormat) decode(raw []byte) (map[string]any, error) {
	tree := map[string]any{}
	if len(bytes.Trim(raw, whitespace)) == 0 {
		return tree, nil
	}
	value, err := parse(raw)
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "hujson: "))
	}
	if _, isObject := value.Value.(*hujson.Object); !isObject {
		return nil, fmt.Errorf("%s: the file holds no object, which begins with {", position(raw, value.StartOffset))
	}
	value.Standardize()
	return tree, json.Unmarshal(value.Pack(), &tree)
}

// parse parses a copy of a text. A comment may end with the file, and what is nested deeper than encoding/json takes is refused
// first: the parser's stack grows without a limit.
func parse(raw []byte) (hujson.Value, error) {
	depth, deeper := 0, [256]int{'{': 1, '[': 1, '}': -1, ']': -1}
	for at, b := range raw {
		if depth += deeper[b]; depth > 10_000 {
			return hujson.Value{}, fmt.Errorf("%s: it is nested too deep", position(raw, at))
		}
	}
	raw = bytes.Clone(raw)
	if bytes.Contains(raw[lineStart(raw, len(raw)):], []byte("//")) {
		raw = append(raw, '\n')
	}
	return hujson.Parse(raw)
}

func (jsonFormat) show(_, name string, entry any) string {
	return oneLine(name) + ": " + onLines(entry, "", "  ")
}

// object is an object in the text of a file.
type object struct {
	*hujson.Object
	start, end int // from { to behind }
}

func objectOf(raw []byte, v *hujson.Value, name string) (object, error) {
	o, ok := v.Value.(*hujson.Object)
	if !ok {
		return object{}, fmt.Errorf("%s: %q is no object, which begins with {", position(raw, v.StartOffset), name)
	}
	return object{o, v.StartOffset, v.EndOffset}, nil
}

// member returns the index of the member with a name, or -1. Which of two counts differs by client.
func (o object) member(raw []byte, name string) (int, error) {
	found := -1
	for i, m := range o.Members {
		if m.Name.Value.(hujson.Literal).String() != name {
			continue
		}
		if found >= 0 {
			return -1, fmt.Errorf("%s: %q is there twice: take one of them out", position(raw, m.Name.StartOffset), name)
		}
		found = i
	}
	return found, nil
}

func (o object) hasTrailingComma() bool {
	last := len(o.Members) - 1
	return last >= 0 && o.end-1-len(o.AfterExtra) > o.Members[last].Value.EndOffset
}

// set returns the file with an entry in a table of the root, which is made if it is not there.
func (f jsonFormat) set(raw []byte, table, name string, entry any) ([]byte, error) {
	switch {
	case len(raw) == 0:
		raw = []byte("{}\n")
	case len(bytes.Trim(raw, whitespace)) == 0:
		raw = slices.Concat([]byte("{}"), raw)
	}
	root, servers, at, err := f.locate(raw, table, name)
	switch {
	case err != nil:
		return nil, err
	case servers.Object == nil:
		return root.insert(raw, unitOf(raw, root), table, map[string]any{name: entry}), nil
	case at < 0:
		return servers.insert(raw, unitOf(raw, root), name, entry), nil
	}
	own := servers.Members[at]
	text := servers.valueText(raw, entry, lineIndent(raw, own.Name.StartOffset), unitOf(raw, root))
	return splice(raw, cut{own.Value.StartOffset, own.Value.EndOffset, text}), nil
}

// remove returns the file without an entry, with its comma and the white space before it.
func (f jsonFormat) remove(raw []byte, table, name string) ([]byte, error) {
	_, servers, at, err := f.locate(raw, table, name)
	if err != nil || at < 0 {
		return raw, err
	}
	own := servers.Members[at]
	beside := slices.Concat(raw[servers.start+1:own.Name.StartOffset], raw[own.Value.EndOffset:servers.end-1])
	if len(bytes.Trim(beside, whitespace+",")) == 0 {
		return splice(raw, cut{servers.start + 1, servers.end - 1, ""}), nil
	}
	from, to := len(bytes.TrimRight(raw[:own.Name.StartOffset], whitespace)), own.Value.EndOffset
	cuts := []cut{{from, to, ""}}
	if comma := to + len(own.Value.AfterExtra); raw[comma] == ',' {
		cuts = append(cuts, cut{comma, comma + 1, ""})
		to = comma + 1
	} else if at > 0 {
		before := servers.Members[at-1].Value
		comma := before.EndOffset + len(before.AfterExtra)
		cuts = slices.Insert(cuts, 0, cut{comma, comma + 1, ""})
	}
	rest, _, _ := bytes.Cut(raw[to:], []byte("\n"))
	if len(bytes.Trim(rest, whitespace)) > 0 && bytes.Contains(raw[from:own.Name.StartOffset], []byte("\n")) {
		cuts[len(cuts)-1].end += len(rest) - len(bytes.TrimLeft(rest, " \t")) // what follows comes to where the entry was,
		i := slices.IndexFunc(cuts, func(c cut) bool { return c.start == from })
		cuts[i].start = own.Name.StartOffset // and not behind a comment that ends with its line
	}
	return splice(raw, cuts...), nil
}

// locate finds the table of servers, without an Object where there is none, and the entry in it, -1 where there is none.
func (jsonFormat) locate(raw []byte, table, name string) (root, servers object, at int, err error) {
	value, err := parse(raw)
	if err != nil {
		return root, servers, -1, err
	}
	if root, err = objectOf(raw, &value, "the file"); err != nil {
		return root, servers, -1, err
	}
	i, err := root.member(raw, table)
	if err != nil || i < 0 {
		return root, servers, -1, err
	}
	if servers, err = objectOf(raw, &root.Members[i].Value, table); err != nil {
		return root, servers, -1, err
	}
	at, err = servers.member(raw, name)
	return root, servers, at, err
}

// insert puts a member behind the last one, in the way in which the others are written.
func (o object) insert(raw []byte, unit, name string, value any) []byte {
	end, comma := cut{start: len(bytes.TrimRight(raw[:o.end-1], whitespace))}, "" // behind comments
	if o.hasTrailingComma() {
		comma = ","
	}
	if o.isOneLine(raw) {
		end.text = " " + oneLine(name) + ": " + oneLine(value) + comma
	} else {
		nl, outer := newline(raw), lineIndent(raw, o.start)
		indent := outer + unit
		if last := len(o.Members) - 1; last >= 0 && startsLine(raw, o.Members[last].Name.StartOffset) {
			indent = lineIndent(raw, o.Members[last].Name.StartOffset)
		}
		end.text = nl + indent + oneLine(name) + ": " + o.valueText(raw, value, indent, unit) + comma
		if !bytes.Contains(raw[end.start:o.end-1], []byte("\n")) {
			end.text += nl + outer
		}
	}
	end.end = end.start
	if len(o.Members) == 0 || comma != "" {
		return splice(raw, end)
	}
	last := o.Members[len(o.Members)-1].Value.EndOffset
	return splice(raw, cut{last, last, ","}, end)
}

// isOneLine reports whether an object that is not empty stands on one line.
func (o object) isOneLine(raw []byte) bool {
	return len(o.Members) > 0 && !bytes.Contains(raw[o.start:o.end], []byte("\n"))
}

// unitOf is by how much the file indents: two spaces where it does not say.
func unitOf(raw []byte, root object) string {
	if len(root.Members) > 0 && startsLine(raw, root.Members[0].Name.StartOffset) {
		if unit := strings.TrimPrefix(lineIndent(raw, root.Members[0].Name.StartOffset), lineIndent(raw, root.start)); unit != "" {
			return unit
		}
	}
	return "  "
}

// valueText is a value as the others of an object are written: on lines of its own, or on the line of the object.
func (o object) valueText(raw []byte, value any, indent, unit string) string {
	if o.isOneLine(raw) {
		return oneLine(value)
	}
	return strings.ReplaceAll(onLines(value, indent, unit), "\n", newline(raw))
}

// onLines is a value of many lines, the first of which stands behind something.
func onLines(value any, indent, unit string) string {
	var b bytes.Buffer
	_ = json.Indent(&b, []byte(oneLine(value)), indent, unit) // of valid JSON
	return b.String()
}

func oneLine(value any) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value) // of texts
	return strings.TrimSuffix(b.String(), "\n")
}

// cut takes a part of a text out and puts another in its place.
type cut struct {
	start, end int
	text       string
}

// splice makes cuts, which are in the order of the text, and leaves the text as it is.
func splice(raw []byte, cuts ...cut) []byte {
	var out []byte
	at := 0
	for _, c := range cuts {
		out = append(append(out, raw[at:c.start]...), c.text...)
		at = c.end
	}
	return append(out, raw[at:]...)
}

// position is a place in a text for people, as editors count it.
func position(raw []byte, offset int) string {
	line := bytes.Count(raw[:offset], []byte("\n")) + 1
	return fmt.Sprintf("line %d, column %d", line, offset-bytes.LastIndexByte(raw[:offset], '\n'))
}

// newline is the end of a line as the text has it.
func newline(raw []byte) string {
	if i := bytes.IndexByte(raw, '\n'); i > 0 && raw[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// lineStart is where the line of a place begins.
func lineStart(raw []byte, at int) int { return bytes.LastIndexByte(raw[:at], '\n') + 1 }

// lineIndent is the white space at the beginning of the line of a place.
func lineIndent(raw []byte, at int) string {
	line := raw[lineStart(raw, at):at]
	return string(line[:len(line)-len(bytes.TrimLeft(line, " \t"))])
}

// startsLine reports whether there is only white space before a place on its line.
func startsLine(raw []byte, at int) bool {
	start := lineStart(raw, at)
	return start > 0 && len(bytes.TrimLeft(raw[start:at], " \t")) == 0
}
