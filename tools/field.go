package tools

import (
	"embed"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/text"
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
	List     string // the operation whose ids it takes; "" if that is not known
	Min, Max int    // of an Integer
	rule     rule
}

// TakesWords reports whether the field takes a word in the place of an id, such as "latest": the Runner looks for the
// id in the list.
func (f Field) TakesWords() bool { return f.Kind == IDKind && f.List != "" }

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

func fieldsOf(t reflect.Type) []Field {
	return text.Map(slices.Collect(t.Fields()), fieldOf)
}

func fieldOf(f reflect.StructField) Field {
	name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	field := Field{Name: name, Doc: f.Tag.Get("doc"), Required: options != "omitzero", Kind: kindOf(name, f.Type), List: f.Tag.Get("list")}
	if field.Kind == Text || field.Kind == Ref || field.TakesWords() {
		word := f.Tag.Get("rule")
		switch {
		case field.Kind == Ref:
			word = "server"
		case field.TakesWords():
			word = "text"
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

// rule is what a string of an input must look like. Rules refuse what could not be right
// before anything is sent; what VPS.org alone can know it is left to say.
type rule struct {
	max  int
	also string // allowed beside letters and digits of ASCII; "*": any visible character
	says string
}

// Rules are the rules for the text of fields, by the name that a field's tag gives.
var Rules = map[string]rule{
	"server":   {255, "*", "a server's id or exact name"},
	"name":     {63, "-", "letters, digits and hyphens"},
	"snapshot": {100, "-_", "letters, digits, hyphens and underscores"},
	"hostname": {253, "-.", "a fully qualified domain name such as web01.example.com"},
	"domain":   {253, "-.", "a domain name such as example.com"},
	"code":     {64, "-_", ""}, // the field's description has the words
	"text":     {500, "*", "one line of plain text"},
}

// Check reports why s does not fit, in words that follow a field's name.
func (r rule) Check(s string) error {
	switch {
	case s == "":
		return fmt.Errorf("is empty; it must be %s", r.says)
	case utf8.RuneCountInString(s) > r.max:
		return fmt.Errorf("is %d characters long; at most %d are allowed", utf8.RuneCountInString(s), r.max)
	case strings.IndexFunc(s, r.forbids) >= 0:
		return fmt.Errorf("has characters that are not allowed; it must be %s", r.says)
	}
	return nil
}

func (r rule) forbids(c rune) bool {
	if r.also == "*" {
		return c == utf8.RuneError || c != ' ' && !unicode.IsGraphic(c) || text.Hidden(c)
	}
	letter := 'a' <= c|0x20 && c|0x20 <= 'z'
	return !letter && !('0' <= c && c <= '9') && !strings.ContainsRune(r.also, c)
}

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
