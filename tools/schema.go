package tools

import (
	"embed"
	"strings"
)

// The schemas of results are made from their types by a test (go test ./tools -update) and read as
// bytes: making them at every start would cost more than the start itself.
//
//go:embed schemas
var schemaFiles embed.FS

// InputSchema returns the JSON Schema of the operation's input, compact.
func (op *Op) InputSchema() []byte {
	var properties, required []string
	for _, f := range op.Fields {
		name, doc := string(QuotedJSON(f.Name)), ""
		if f.Doc != "" {
			doc = `,"description":` + string(QuotedJSON(f.Doc))
		}
		properties = append(properties, name+`:{"type":"`+f.SchemaType()+`"`+doc+"}")
		if f.Required {
			required = append(required, name)
		}
	}
	schema := `{"type":"object","properties":{` + strings.Join(properties, ",") + "}"
	if required != nil {
		schema += `,"required":[` + strings.Join(required, ",") + "]"
	}
	return []byte(schema + `,"additionalProperties":false}`)
}

// OutputSchema returns the JSON Schema of what the operation answers, compact; nothing where none was made.
func (op *Op) OutputSchema() []byte {
	out, _ := schemaFiles.ReadFile("schemas/" + op.Name + ".output.json")
	return []byte(strings.TrimSpace(string(out)))
}
