package tools

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/vpsbot/vpsbot/apiclient"
)

// Kind is the type of an input field, as a surface must read it.
type Kind string

// The kinds. A Ref is a server's id or name, an IDKind an id alone; both are strings in a
// schema, and a JSON number is taken too.
const (
	Text    Kind = "string"
	Ref     Kind = "server"
	IDKind  Kind = "id"
	Boolean Kind = "boolean"
	Integer Kind = "integer"
)

// Field is one field of an operation's input: what flags, forms and schemas are made of.
type Field struct {
	Name     string
	Kind     Kind
	Doc      string
	Required bool
	Min, Max int // of an Integer
	rule     rule
}

// SchemaType returns the field's type in JSON Schema.
func (f Field) SchemaType() string {
	switch f.Kind {
	case Boolean, Integer:
		return string(f.Kind)
	}
	return "string"
}

// Limit and Offset page a list; the Runner applies them.
const (
	DefaultLimit = 50
	MaxLimit     = 500
)

var (
	limitField  = Field{Name: "limit", Kind: Integer, Doc: "Default 50, at most 500", Min: 1, Max: MaxLimit}
	offsetField = Field{Name: "offset", Kind: Integer, Min: 0, Max: 1 << 30}
	dryRunField = Field{Name: "dry_run", Kind: Boolean, Doc: "Show effect and request, send nothing"}
	waitField   = Field{Name: "wait", Kind: Boolean, Doc: "Wait until it has settled"}
)

// fieldsOf reads the fields of an input type from its tags.
func fieldsOf(t reflect.Type) []Field {
	var fields []Field
	for i := range t.NumField() {
		fields = append(fields, fieldOf(t.Field(i)))
	}
	return fields
}

func fieldOf(f reflect.StructField) Field {
	name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	field := Field{Name: name, Doc: f.Tag.Get("doc"), Required: options != "omitzero", Kind: kindOf(name, f.Type)}
	if field.Kind == Text || field.Kind == Ref {
		word := f.Tag.Get("rule")
		if field.Kind == Ref {
			word = "server"
		}
		r, ok := Rules[word]
		if !ok {
			panic(fmt.Sprintf("input field %s has no rule", name))
		}
		field.rule = r
	}
	return field
}

func kindOf(name string, t reflect.Type) Kind {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case name == "server":
		return Ref
	case t == reflect.TypeFor[apiclient.ID]():
		return IDKind
	case t.Kind() == reflect.Bool:
		return Boolean
	case t.Kind() == reflect.String:
		return Text
	}
	panic(fmt.Sprintf("input field %s has a type that no surface can fill in: %s", name, t))
}
