package tools

import (
	"embed"
	"strings"

	"github.com/go-json-experiment/json"
)

// The schemas of results are made from their types by a test (go test ./tools -update) and read as
// bytes: making them at every start would cost more than the start itself.
//
//go:embed schemas
var schemaFiles embed.FS

// InputSchema returns the JSON Schema of the operation's input, compact.
func (op *Op) InputSchema() []byte {
	var b strings.Builder
	b.WriteString(`{"type":"object","properties":{`)
	var required []string
	for i, f := range op.Fields {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(QuotedJSON(f.Name))
		b.WriteString(`:{"type":"` + f.SchemaType() + `"`)
		if f.Doc != "" {
			b.WriteString(`,"description":` + string(QuotedJSON(f.Doc)))
		}
		b.WriteByte('}')
		if f.Required {
			required = append(required, f.Name)
		}
	}
	b.WriteByte('}')
	if required != nil {
		names, _ := json.Marshal(required) //nolint:errcheck // texts are always JSON
		b.WriteString(`,"required":` + string(names))
	}
	b.WriteString(`,"additionalProperties":false}`)
	return []byte(b.String())
}

// OutputSchema returns the JSON Schema of what the operation answers, compact; nothing where none was made.
func (op *Op) OutputSchema() []byte {
	out, _ := schemaFiles.ReadFile("schemas/" + op.Name + ".output.json")
	return []byte(strings.TrimSpace(string(out)))
}
