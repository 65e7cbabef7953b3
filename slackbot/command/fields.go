package command

import (
	"slices"
	"strings"

	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/tools"
)

// The bot's own flags: how to answer, never what to do.
const (
	shareFlag = "share"
	csvFlag   = "csv"
)

// How people write booleans.
var booleans = map[string]string{"true": "true", "yes": "true", "on": "true", "false": "false", "no": "false", "off": "false"}

// fieldReader reads the words after an operation.
type fieldReader struct {
	reader
	c     Command
	given []word
	at    int
}

func (r reader) fields(kind Kind, op *tools.Op, given []word) (Command, error) {
	f := &fieldReader{reader: r, c: Command{Kind: kind, Op: op, Input: map[string]string{}}, given: given}
	for f.at < len(given) {
		if err := f.next(); err != nil {
			return Command{}, err
		}
		f.at++
	}
	if f.c.CSV && (kind != Operation || !op.IsList()) {
		without := slices.DeleteFunc(slices.Clone(given), func(w word) bool { return w.isFlag() && fieldName(w) == csvFlag })
		return Command{}, f.mistake(f.whole(without), "--csv is for commands that answer a list; %s makes no file", op.Name)
	}
	return f.c, nil
}

// whole returns the whole command with other words after the operation.
func (f *fieldReader) whole(given []word) []word {
	resource, action := parts(f.c.Op)
	return append([]word{bare(resource), bare(action)}, given...)
}

// instead returns the whole command with n words from the current one on replaced.
func (f *fieldReader) instead(n int, by ...word) []word {
	return f.whole(with(f.given, f.at, f.at+n, by...))
}

// next takes the current word, and the one after it where a flag needs it.
func (f *fieldReader) next() error {
	w := f.given[f.at]
	switch {
	case w.set && strings.Trim(w.field, "-") == "":
		return f.mistake(nil, "a field and its value are written together: field=value, without spaces around =")
	case w.isFlag():
		return f.flag(w)
	case w.set:
		return f.field(fieldName(w), w)
	}
	return f.alone(w)
}

// fieldName is the field that a word names, as the operation spells it.
func fieldName(w word) string {
	text := w.text
	if w.set {
		text = w.field
	}
	return strings.ToLower(strings.ReplaceAll(strings.TrimLeft(text, "-"), "-", "_"))
}

// flag reads --field=value, --field value, and a boolean that stands alone.
func (f *fieldReader) flag(w word) error {
	named := fieldName(w)
	if single := !strings.HasPrefix(w.plain(), "--"); single {
		return f.singleDash(w, named)
	}
	if w.set {
		return f.field(named, w)
	}
	field, known := f.known(named)
	switch {
	case !known:
		return f.noField(named, w)
	case field.Kind == tools.Boolean:
		return f.switchOn(field, w)
	case !f.valueFollows():
		return f.mistake(nil, "%s has no value; write %s=value", w.text, field.Name)
	}
	f.at++
	return f.put(field, f.given[f.at].plain())
}

// singleDash refuses -wait, which may as well be a name that begins with a hyphen.
func (f *fieldReader) singleDash(w word, named string) error {
	var fixed []word
	if _, known := f.known(named); known {
		fixed = f.instead(1, renamed(w, named))
	}
	return f.mistake(fixed, "%s is no flag; flags begin with two hyphens, and a name that begins with one stands in quotes", name(w.plain()))
}

// switchOn reads a boolean without "=". Its true or false as a word of its own would be taken
// for a name by the next reader, so it is no way to write one.
func (f *fieldReader) switchOn(field tools.Field, w word) error {
	if f.at+1 < len(f.given) && f.given[f.at+1].isBare() {
		if value, ok := booleans[f.given[f.at+1].command()]; ok {
			return f.mistake(f.instead(2, word{field: w.text, set: true, text: value}), "%s stands alone or has its value behind =, as in %s=%s", w.text, w.text, value)
		}
	}
	return f.put(field, "true")
}

// valueFollows reports whether the next word can be the value of a flag.
func (f *fieldReader) valueFollows() bool {
	if f.at+1 == len(f.given) {
		return false
	}
	next := f.given[f.at+1]
	_, isField := f.known(fieldName(next))
	return !next.isFlag() && (!next.set || !isField)
}

// field files field=value.
func (f *fieldReader) field(named string, w word) error {
	field, known := f.known(named)
	if !known {
		return f.noField(named, w)
	}
	if w.text == "" && !w.quoted { // "name= web-1": the value would become the name of what is acted on
		return f.mistake(nil, `%s= has no value; write %s=value without a space, or %s="" for an empty one`, field.Name, field.Name, field.Name)
	}
	return f.put(field, w.text)
}

// known finds a field of the operation, or one of the bot's own.
func (f *fieldReader) known(named string) (tools.Field, bool) {
	if named == shareFlag || named == csvFlag {
		return tools.Field{Name: named, Kind: tools.Boolean}, true
	}
	i := slices.IndexFunc(f.c.Op.Fields, func(field tools.Field) bool { return field.Name == named })
	if i < 0 {
		return tools.Field{}, false
	}
	return f.c.Op.Fields[i], true
}

func (f *fieldReader) put(field tools.Field, text string) error {
	if value, ok := booleans[strings.ToLower(text)]; ok && field.Kind == tools.Boolean {
		text = value
	}
	if field.Name == shareFlag || field.Name == csvFlag {
		return f.putOwn(field.Name, text)
	}
	if before, twice := f.c.Input[field.Name]; twice && before != text {
		return f.mistake(nil, "%s is given twice, as %s and as %s; leave one out", field.Name, name(before), name(text))
	}
	f.c.Input[field.Name] = text
	return nil
}

func (f *fieldReader) putOwn(flag, text string) error {
	if text != "true" && text != "false" {
		return f.mistake(nil, "--%s stands alone; it takes no value but true or false", flag)
	}
	if flag == shareFlag {
		f.c.Share = text == "true"
	} else {
		f.c.CSV = text == "true"
	}
	return nil
}

// noField says that the operation has no such field, and which one may be meant.
func (f *fieldReader) noField(named string, w word) error {
	takes := fieldNames(f.c.Op)
	var fixed []word
	if meant := near(named, append(slices.Clone(takes), shareFlag, csvFlag)); meant != "" {
		fixed = f.instead(1, renamed(w, meant))
	}
	if len(takes) == 0 {
		return f.mistake(fixed, "%s has no field %s; it takes none", f.c.Op.Name, name(named))
	}
	return f.mistake(fixed, "%s has no field %s; it takes %s", f.c.Op.Name, name(named), strings.Join(takes, ", "))
}

func renamed(w word, field string) word {
	if !w.set {
		w.text = "--" + field
		return w
	}
	w.field = "--" + field
	return w
}

func fieldNames(op *tools.Op) []string {
	names := make([]string, len(op.Fields))
	for i, field := range op.Fields {
		names[i] = field.Name
	}
	return names
}

// alone files a word without a field: the name or id of what the operation is about.
func (f *fieldReader) alone(w word) error {
	positional := f.c.Op.Positional()
	if before, taken := f.c.Input[positional]; positional == "" || taken && before != w.text {
		return f.tooMany(w, positional, before)
	}
	f.c.Input[positional] = w.text
	return nil
}

// tooMany says what to do with a word that nothing asks for.
func (f *fieldReader) tooMany(w word, positional, before string) error {
	op := f.c.Op
	if missing := f.open(positional); missing != "" {
		return f.mistake(f.instead(1, word{field: missing, set: true, text: w.text, quoted: w.quoted}),
			"%s stands alone; say which field it is, as in %s=%s", name(w.text), missing, quoteWord(short(w.text)))
	}
	switch {
	case positional != "":
		return f.mistake(nil, `%s is one word too many; %s takes one %s, which is %s already: put a name of several words in quotes, "like this"`,
			name(w.text), op.Name, positional, name(before))
	case len(op.Fields) == 0:
		return f.mistake(f.whole(nil), "%s takes no names and no fields, so not %s either", op.Name, name(w.text))
	}
	return f.mistake(nil, "%s stands alone; write field=value. %s takes %s", name(w.text), op.Name, strings.Join(fieldNames(op), ", "))
}

// open returns the first required field that the command gives nowhere, or "".
func (f *fieldReader) open(positional string) string {
	for _, field := range f.c.Missing() {
		later := func(w word) bool { return (w.set || w.isFlag()) && fieldName(w) == field.Name }
		if field.Name != positional && !slices.ContainsFunc(f.given, later) {
			return field.Name
		}
	}
	return ""
}

// short leaves out what is too long to repeat.
func short(typed string) string {
	if len(typed) > longestName {
		return "…"
	}
	return text.Clean(typed)
}
