package tools_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/tools"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file, or writes it under -update.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, got, 0o644))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "a golden file is missing: go test ./tools -update")
	require.Equal(t, string(want), string(got), "%s differs: if that is meant, go test ./tools -update", path)
}

// The schemas are those of the types: that of an input is made when it is asked for, that of a result is a file.
func TestSchemasAreThoseOfTheTypes(t *testing.T) {
	t.Parallel()
	for _, op := range tools.Default.Operations() {
		want := compactJSON(t, inputSchema(op))
		require.Equal(t, string(want), string(op.InputSchema()))
		golden(t, "testdata/"+op.Name+".input.json", append(want, '\n'))
		golden(t, "schemas/"+op.Name+".output.json", append(compactJSON(t, outputSchema(t, op)), '\n'))
	}
	files, err := filepath.Glob("schemas/*")
	require.NoError(t, err)
	require.Len(t, files, len(tools.Default.Operations()), "a schema is left over from an operation that is gone")
}

// Clients differ in what they can read: an input schema is a flat object of plain types.
func TestInputSchemasAreFlat(t *testing.T) {
	t.Parallel()
	for _, op := range tools.Default.Operations() {
		var s map[string]any
		require.NoError(t, json.Unmarshal(op.InputSchema(), &s), op.Name)
		require.Equal(t, "object", s["type"], op.Name)
		properties, _ := s["properties"].(map[string]any)
		for name, p := range properties {
			kind := p.(map[string]any)["type"]
			require.Contains(t, []any{"string", "boolean", "integer"}, kind, "%s.%s", op.Name, name)
		}
	}
}

func inputSchema(op *tools.Op) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "object", Properties: map[string]*jsonschema.Schema{}, AdditionalProperties: &jsonschema.Schema{Not: &jsonschema.Schema{}}}
	for _, f := range op.Fields {
		p := &jsonschema.Schema{Type: f.SchemaType(), Description: f.Doc}
		s.Properties[f.Name] = p
		s.PropertyOrder = append(s.PropertyOrder, f.Name)
		if f.Required {
			s.Required = append(s.Required, f.Name)
		}
	}
	return s
}

// outputSchema is made of the Go type. What a change answers is the envelope around it.
func outputSchema(t *testing.T, op *tools.Op) *jsonschema.Schema {
	out := schemaOf(t, op.Out)
	if op.IsList() && op.View.Compact {
		out = schemaOf(t, op.View.Row)
	}
	isText := func(f tools.Field) bool { return f.Kind == tools.Text }
	if op.PostCheck != nil || op.IsList() && slices.ContainsFunc(op.Fields, isText) { // it may say something beside what was asked for
		out.Properties["notice"] = &jsonschema.Schema{Type: "string"}
		out.PropertyOrder = append(out.PropertyOrder, "notice")
	}
	if op.IsRead() {
		return out
	}
	e := schemaOf(t, reflect.TypeFor[runner.Envelope[map[string]any]]())
	e.Properties["outcome"].Enum = runner.Outcomes
	e.Properties["card"] = &jsonschema.Schema{Type: "object"}
	e.Properties["request"].Properties["body"] = &jsonschema.Schema{Type: "object"}
	e.Properties["result"] = out
	if op.Out == reflect.TypeFor[tools.None]() {
		delete(e.Properties, "result")
		e.PropertyOrder = slices.DeleteFunc(e.PropertyOrder, func(p string) bool { return p == "result" })
	}
	return e
}

func schemaOf(t *testing.T, typ reflect.Type) *jsonschema.Schema {
	text := &jsonschema.Schema{Type: "string"}
	s, err := jsonschema.ForType(typ, &jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[apiclient.ID]():          text,
		reflect.TypeFor[apiclient.Time]():        text,
		reflect.TypeFor[apiclient.Amount]():      {Types: []string{"number", "string"}},
		reflect.TypeFor[apiclient.Permissions](): {Type: "array", Items: text},
	}})
	require.NoError(t, err)
	open(s)
	return s
}

// open allows for members that VPS.org may add, and takes out what no reader needs.
func open(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	s.AdditionalProperties = nil
	delete(s.Properties, "Extra")
	s.PropertyOrder = slices.DeleteFunc(s.PropertyOrder, func(p string) bool { return p == "Extra" })
	s.Required = slices.DeleteFunc(s.Required, func(p string) bool { return p == "Extra" })
	if i := slices.Index(s.Types, "null"); i >= 0 && len(s.Types) == 2 {
		s.Type, s.Types = s.Types[1-i], nil
	}
	for _, p := range s.Properties {
		open(p)
	}
	open(s.Items)
}

func compactJSON(t *testing.T, v any) []byte {
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, json.Compact(&b, raw))
	return b.Bytes()
}

// What a field says of where its ids are from is an operation that answers a list.
func TestFieldsNameTheirLists(t *testing.T) {
	t.Parallel()
	named := 0
	for _, op := range tools.Default.Operations() {
		for _, f := range op.Fields {
			if f.List == "" {
				continue
			}
			list, ok := tools.Default.Lookup(f.List)
			require.True(t, ok && list.IsList(), "%s.%s", op.Name, f.Name)
			named++
		}
		_, ok := op.Field(op.Positional())
		require.True(t, ok || op.Positional() == "", "%s has no field %s", op.Name, op.Positional())
	}
	require.Positive(t, named)
}
