package cli

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/vpsbot/vpsbot/internal/text"
)

// rowsOf are the objects of a list in JSON: an array, or the results of a page; an object alone is the only row.
func rowsOf(raw json.RawMessage) (rows []jsontext.Value) {
	list := jsontext.Value(raw)
	if list.Kind() == '{' {
		for _, m := range membersOf(list) {
			if m.name == "results" && m.value.Kind() == '[' {
				return elementsOf(m.value)
			}
		}
		return []jsontext.Value{list}
	}
	return elementsOf(list)
}

type member struct {
	name  string
	value jsontext.Value
}

func membersOf(object jsontext.Value) (all []member) {
	dec := jsontext.NewDecoder(bytes.NewReader(object), jsontext.AllowDuplicateNames(true))
	if token, err := dec.ReadToken(); err != nil || token.Kind() != '{' {
		return nil
	}
	for dec.PeekKind() == '"' {
		token, err := dec.ReadToken()
		if err != nil {
			return all
		}
		name := text.Clean(token.String())
		value, err := dec.ReadValue()
		if err != nil {
			return all
		}
		all = append(all, member{name, value.Clone()})
	}
	return all
}

func elementsOf(array jsontext.Value) (all []jsontext.Value) {
	if json.Unmarshal(array, &all) != nil {
		return nil
	}
	return all
}

// addCells adds the fields of an object, and those of the objects in it by their paths, as plan.name. Those that no
// row before it had are added to the order.
func addCells(cells map[string]string, order *[]string, prefix string, object jsontext.Value) {
	for _, m := range membersOf(object) {
		path := prefix + m.name
		cells[path] = cellOf(m.value)
		if order != nil && !slices.Contains(*order, path) {
			*order = append(*order, path)
		}
		if m.value.Kind() == '{' {
			addCells(cells, order, path+".", m.value)
		}
	}
}

// cellOf is a value in one line: an object is its name or its id.
func cellOf(v jsontext.Value) string {
	switch v.Kind() {
	case '"':
		raw, _ := jsontext.AppendUnquote(nil, v)
		return text.Clean(string(raw))
	case 'n':
		return ""
	case '[':
		return strings.Join(text.Map(elementsOf(v), cellOf), ", ")
	case '{':
		cells := map[string]string{}
		for _, m := range membersOf(v) {
			if m.value.Kind() != '{' {
				cells[m.name] = cellOf(m.value)
			}
		}
		return cmp.Or(cells["name"], cells["id"], text.Clean(string(v)))
	}
	return string(v)
}

// yamlOf is a value in JSON as YAML, with its fields in the same order. A library would print characters that steer a
// terminal, and texts such as 1e3 as numbers.
func yamlOf(v jsontext.Value) (lines []string) {
	switch v.Kind() {
	case '{':
		for _, m := range membersOf(v) {
			inner, key := yamlOf(m.value), yamlText(m.name)+":"
			switch {
			case m.value.Kind() == '[' && inner[0] != "[]":
				lines = append(append(lines, key), inner...)
			case m.value.Kind() == '{' && inner[0] != "{}":
				lines = append(append(lines, key), indented("  ", "  ", inner)...)
			default:
				lines = append(lines, key+" "+inner[0])
			}
		}
		if lines == nil {
			lines = []string{"{}"}
		}
	case '[':
		for _, element := range elementsOf(v) {
			lines = append(lines, indented("- ", "  ", yamlOf(element))...)
		}
		if lines == nil {
			lines = []string{"[]"}
		}
	case '"':
		unquoted, _ := jsontext.AppendUnquote(nil, v)
		lines = []string{yamlText(string(unquoted))}
	default:
		lines = []string{string(v)}
	}
	return lines
}

func indented(first, others string, lines []string) (out []string) {
	for _, line := range lines {
		out = append(out, first+line)
		first = others
	}
	return out
}

// isBareYAML reports whether no reader of YAML takes a text for anything else, but for the words below.
func isBareYAML(s string) bool {
	for i, c := range s {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_'
		inner := '0' <= c && c <= '9' || strings.ContainsRune("./@*-", c)
		between := (c == ' ' || c == ':') && i < len(s)-1 && s[i+1] != ' ' && s[i+1] != ':'
		if !letter && (i == 0 || !inner && !between) {
			return false
		}
	}
	return s != ""
}

var yamlWords = []string{"true", "false", "yes", "no", "on", "off", "null", "y", "n"}

// yamlText is a text in YAML, which has the escapes of Go in double quotes.
func yamlText(s string) string {
	if isBareYAML(s) && !slices.Contains(yamlWords, strings.ToLower(s)) {
		return s
	}
	if strings.ContainsFunc(s, text.Hidden) {
		return strconv.QuoteToASCII(s)
	}
	return strconv.Quote(s)
}
