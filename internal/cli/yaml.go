package cli

import (
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/vpsbot/vpsbot/internal/text"
)

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
