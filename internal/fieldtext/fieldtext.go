// Package fieldtext converts the input of an operation between JSON and the texts in which people
// write its fields: flags at a terminal, field=value in Slack, the inputs of a form.
package fieldtext

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/vpsbot/vpsbot/tools"
)

// Name returns the name of the field that a person wrote: "--Backup-ID" is backup_id.
func Name(written string) string {
	return strings.ToLower(strings.ReplaceAll(strings.TrimLeft(written, "-"), "-", "_"))
}

// Flag returns the name of a field as a flag, without the leading hyphens: backup_id is backup-id.
func Flag(field string) string { return strings.ReplaceAll(field, "_", "-") }

// Missing returns the required fields that have no value, in the operation's order.
func Missing(op *tools.Op, values map[string]string) (missing []tools.Field) {
	for _, field := range op.Fields {
		if _, given := values[field.Name]; field.Required && !given {
			missing = append(missing, field)
		}
	}
	return missing
}

var booleans = map[string]string{"true": "true", "yes": "true", "on": "true", "false": "false", "no": "false", "off": "false"}

// Boolean returns "true" or "false" for the words that people write for them.
func Boolean(text string) (value string, ok bool) {
	value, ok = booleans[strings.ToLower(text)]
	return value, ok
}

// Encode returns the input as JSON. A boolean or a whole number is encoded as such where the field
// has that type, every other text as a string: whether it is valid is for the Runner to decide.
func Encode(op *tools.Op, values map[string]string) ([]byte, error) {
	input := make(map[string]any, len(values))
	for name, text := range values {
		if !utf8.ValidString(text) {
			return nil, fmt.Errorf("%s is not valid UTF-8 text", name)
		}
		field, _ := op.Field(name)
		input[name] = typed(field.Kind, text)
	}
	return json.Marshal(input, json.Deterministic(true))
}

func typed(kind tools.Kind, text string) any {
	switch kind {
	case tools.Boolean:
		if text == "true" || text == "false" {
			return text == "true"
		}
	case tools.Integer:
		if n, err := strconv.Atoi(text); err == nil {
			return n
		}
	}
	return text
}

// Decode returns the fields of an input as texts that [Encode] makes the same input of. null is the same as
// no field.
func Decode(input []byte) (map[string]string, error) {
	var fields map[string]jsontext.Value
	if err := json.Unmarshal(input, &fields); err != nil {
		return nil, err
	}
	values := make(map[string]string, len(fields))
	for name, value := range fields {
		switch value.Kind() {
		case 'n':
		case '"':
			unquoted, _ := jsontext.AppendUnquote(nil, value) // Unmarshal has checked it
			values[name] = string(unquoted)
		default:
			values[name] = string(value)
		}
	}
	return values, nil
}

// Check checks the text of one field, as a form does before it is sent.
func Check(op *tools.Op, name, text string) error {
	input, err := Encode(op, map[string]string{name: text})
	if err != nil {
		return err
	}
	return op.CheckFields(input)
}
