package tools

import (
	"embed"
	"strings"
)

// The schemas are made from the types by a test (go test ./tools -update) and read as
// bytes: making them at every start would cost more than the start itself.
//
//go:embed schemas
var schemaFiles embed.FS

func schemas(operation string) (input, output string) {
	in, _ := schemaFiles.ReadFile("schemas/" + operation + ".input.json")
	out, _ := schemaFiles.ReadFile("schemas/" + operation + ".output.json")
	return strings.TrimSpace(string(in)), strings.TrimSpace(string(out))
}

// InputSchema returns the JSON Schema of the operation's input, compact.
func (op *Op) InputSchema() []byte { return []byte(op.input) }

// OutputSchema returns the JSON Schema of what the operation answers, compact.
func (op *Op) OutputSchema() []byte { return []byte(op.output) }
