package tools

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/text"
)

// MaxInput is how long an input may be, in bytes.
const MaxInput = 64 << 10

// Input is a call's input after decoding.
type Input struct {
	Fields map[string]jsontext.Value // what was given, checked; ids and refs as JSON strings
	Value  any                       // the operation's own input type, without ids that are not known yet
	Words  []string                  // the fields with a word whose id is not known yet
	Limit  int
	Offset int
	DryRun bool
	Wait   bool
}

// Text returns the text of a ref or id field, or "".
func (in Input) Text(name string) string {
	s, _ := jsontext.AppendUnquote(nil, in.Fields[name])
	return string(s)
}

// With returns the input with one field replaced, as when a name became an id.
func (in Input) With(op *Op, name, text string) (Input, error) {
	in.Fields = maps.Clone(in.Fields)
	in.Fields[name] = QuotedJSON(text)
	in.Words = slices.DeleteFunc(slices.Clone(in.Words), func(word string) bool { return word == name })
	return in.decoded(op)
}

func (in Input) decoded(op *Op) (_ Input, err error) {
	ids := Input{Fields: maps.Clone(in.Fields)}
	for _, name := range in.Words {
		delete(ids.Fields, name)
	}
	in.Value, err = op.Decode(ids.Canonical())
	return in, err
}

// Canonical returns the input without the Runner's own fields, in one fixed spelling.
func (in Input) Canonical() []byte {
	raw, err := json.Marshal(in.Fields, json.Deterministic(true))
	if err != nil {
		panic(err) // every value was decoded a moment ago
	}
	return raw
}

// ParseInput reads and checks an input. Each error says what to write instead.
func (op *Op) ParseInput(raw []byte) (Input, error) {
	in, err := op.readFields(raw)
	if err != nil {
		return in, err
	}
	for _, f := range op.Fields {
		if _, ok := in.Fields[f.Name]; f.Required && !ok {
			return in, fmt.Errorf("%s is missing: %s", f.Name, f.Doc)
		}
	}
	return in.decoded(op)
}

func (op *Op) readFields(raw []byte) (Input, error) {
	in := Input{Fields: map[string]jsontext.Value{}, Limit: cmp.Or(op.shown, DefaultLimit)}
	given, err := DecodeObject(raw)
	if err != nil {
		return in, err
	}
	names := make([]string, 0, len(given)) // slices.Sorted makes five allocations of every call
	for name := range given {
		names = append(names, name)
	}
	slices.Sort(names) // the same mistake gives the same message
	for _, name := range names {
		if err := in.Set(op, name, given[name]); err != nil {
			return in, err
		}
	}
	return in, nil
}

// CheckFields checks the fields of an input, each by itself: some may be missing.
func (op *Op) CheckFields(raw []byte) error {
	_, err := op.readFields(raw)
	return err
}

// RestoreInput reads the input of a record, which was checked when it was made: its server is an
// id, in whatever form the API gives ids.
func (op *Op) RestoreInput(raw []byte) (Input, error) {
	in := Input{Fields: map[string]jsontext.Value{}, Limit: DefaultLimit}
	if err := json.Unmarshal(raw, &in.Fields); err != nil {
		return in, err
	}
	return in.decoded(op)
}

// DecodeObject splits a JSON object into its members. Nothing at all is an empty object.
func DecodeObject(raw []byte) (map[string]jsontext.Value, error) {
	if len(raw) > MaxInput {
		return nil, fmt.Errorf("the input is %d bytes long; at most %d are allowed", len(raw), MaxInput)
	}
	var given map[string]jsontext.Value
	if len(bytes.TrimSpace(raw)) == 0 {
		return given, nil
	}
	if jsontext.Value(raw).Kind() != '{' {
		return nil, errors.New("the input is not a JSON object")
	}
	if err := json.Unmarshal(raw, &given); err != nil {
		return nil, fmt.Errorf("the input is not valid JSON: %s", text.Clean(syntaxError(err)))
	}
	return given, nil
}

func syntaxError(err error) string {
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return fmt.Sprintf("%v near byte %d", syntax.Err, syntax.ByteOffset)
	}
	return err.Error()
}

// Set checks one member and files it. null is the same as leaving it out.
func (in *Input) Set(op *Op, name string, v jsontext.Value) error {
	f, known := op.Field(name)
	if !known {
		return fmt.Errorf("unknown field %s; %s%s", text.Quote(text.Cut(text.Clean(name), 60)), op.suggestField(name), op.valid())
	}
	if v.Kind() == 'n' {
		return nil
	}
	value, err := f.read(v)
	if err != nil {
		return fmt.Errorf("%s %w", name, err)
	}
	switch name {
	case limitField.Name:
		in.Limit, _ = strconv.Atoi(string(value))
	case offsetField.Name:
		in.Offset, _ = strconv.Atoi(string(value))
	case dryRunField.Name:
		in.DryRun = value.Kind() == 't'
	case waitField.Name:
		in.Wait = value.Kind() == 't'
	default:
		in.Fields[name] = value
		if f.TakesWords() && !apiclient.LooksLikeID(in.Text(name)) {
			in.Words = append(in.Words, name)
		}
	}
	return nil
}

// suggestField asks whether a field's name is a slip or another style of one that the operation has: "dryRun".
func (op *Op) suggestField(name string) string {
	if len(name) > LongestName {
		return ""
	}
	plain := func(s string) string {
		return strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(s))
	}
	named, known := map[string]string{}, make([]string, len(op.Fields))
	for i, f := range op.Fields {
		known[i] = plain(f.Name)
		named[known[i]] = f.Name
	}
	near := text.Nearest(plain(name), known, min(2, max(0, len(name)/2-1)))
	if near == nil {
		return ""
	}
	return "did you mean " + named[near[0]] + "? "
}

func (op *Op) valid() string {
	if len(op.Fields) == 0 {
		return op.Name + " takes no fields"
	}
	return op.Name + " takes " + strings.Join(op.FieldNames(), ", ")
}

// read checks one value and returns it in the spelling that is kept.
func (f Field) read(v jsontext.Value) (jsontext.Value, error) {
	switch f.Kind {
	case Boolean:
		switch bare(v) {
		case "true", "false":
			return jsontext.Value(bare(v)), nil
		}
		return nil, fmt.Errorf("must be true or false, not %s", Describe(v))
	case Integer:
		n, err := wholeNumber(bare(v))
		if err != nil || n < f.Min || n > f.Max {
			return nil, fmt.Errorf("must be a whole number from %d to %d, not %s", f.Min, f.Max, Describe(v))
		}
		return jsontext.Value(strconv.Itoa(n)), nil
	}
	text, err := f.text(v)
	return QuotedJSON(text), err
}

// bare returns the text of a scalar, whether or not it came as a JSON string: some clients send
// "10" and "true" where the schema says integer and boolean.
func bare(v jsontext.Value) string {
	if v.Kind() != '"' {
		return string(v)
	}
	s, _ := jsontext.AppendUnquote(nil, v)
	return string(s)
}

// wholeNumber reads what JSON Schema calls an integer: 10, 10.0 and 1e1 are the same.
func wholeNumber(text string) (int, error) {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !jsontext.Value(text).IsValid() || n != math.Trunc(n) || math.Abs(n) > math.MaxInt32 {
		return 0, errors.New("not a whole number")
	}
	return int(n), nil
}

// wholeID returns the digits of a number that is an id; a client's float of it, 12345.0, is the same id.
func wholeID(v jsontext.Value) string {
	digits, zeros, _ := strings.Cut(string(v), ".")
	if strings.Trim(zeros, "0") != "" {
		return string(v)
	}
	return digits
}

// text reads a string, or for ids and refs a whole number too.
func (f Field) text(v jsontext.Value) (string, error) {
	number := v.Kind() == '0' && f.Kind != Text
	if v.Kind() != '"' && !number {
		return "", fmt.Errorf("must be a string, not %s", Describe(v))
	}
	text := bare(v)
	if number {
		text = wholeID(v)
	}
	isWord := f.Kind == Ref || f.TakesWords() && text != ""
	if number || f.Kind == IDKind && !isWord || isWord && apiclient.LooksLikeID(text) {
		if _, err := apiclient.ParseID(text); err != nil {
			return "", fmt.Errorf("is not an id: ids are whole numbers or UUIDs, such as 12345, not %s", Describe(v))
		}
		return NormalizeUnicode(text), nil
	}
	return text, f.check(text)
}

// check reports why a text does not fit, with the field's own words where the rule has none.
func (f Field) check(text string) error {
	r := f.rule
	if r.says == "" {
		r.says = "one word"
		if hint, _, _ := strings.Cut(f.Doc, ";"); hint != "" {
			r.says += ": " + strings.ToLower(hint[:1]) + hint[1:]
		}
	}
	return r.Check(text)
}

// NormalizeUnicode writes an id the one way in which ids are compared; any other text stays as it is.
func NormalizeUnicode(text string) string {
	if !apiclient.LooksLikeID(text) {
		return text
	}
	if id, err := apiclient.ParseID(text); err == nil {
		return id.Key()
	}
	return text
}

// Describe names a value in an error without repeating what may be huge or hostile.
func Describe(v jsontext.Value) string {
	switch v.Kind() {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "the text " + text.Quote(text.Cut(text.Clean(bare(v)), 40))
	}
	return text.Cut(string(v), 40)
}

// QuotedJSON is a text as a JSON string.
func QuotedJSON(s string) jsontext.Value {
	v, _ := jsontext.AppendQuote(nil, s)
	return v
}

// TextFields returns the fields of free text that an input has, in the order of the operation's own.
func (in Input) TextFields(op *Op) []string {
	var names []string
	for _, f := range op.Fields {
		if _, given := in.Fields[f.Name]; given && f.Kind == Text {
			names = append(names, f.Name)
		}
	}
	return names
}

// LongestName is how much of a wrong name an error repeats.
const LongestName = 40
