package command

import (
	"cmp"
	"slices"
	"strings"

	"github.com/vpsbot/vpsbot/internal/fieldtext"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/tools"
)

type fieldParser struct {
	*parser
	c     Command
	words []word
	at    int
}

func (p *fieldParser) parse() (Command, error) {
	for ; p.at < len(p.words); p.at++ {
		if err := p.next(p.words[p.at]); err != nil {
			return Command{}, err
		}
	}
	for name := range p.c.Own {
		own, _ := p.own(name)
		if why := own.unfit(p.c); why != "" {
			p.drop(name)
			if err := p.mistake(true, "%s %s", flag(name), why); err != nil {
				return Command{}, err
			}
		}
	}
	return p.c, nil
}

// next parses the current word, and the one after it where a flag needs it.
func (p *fieldParser) next(w word) error {
	switch {
	case w.set && strings.Trim(w.field, "-") == "":
		return p.fail("a field and its value are written together: field=value, without spaces around =")
	case w.isFlag():
		return p.flag(w)
	case w.set:
		return p.assignment(w)
	}
	return p.positional(w)
}

// flag parses --field=value, --field value, and a boolean that stands alone.
func (p *fieldParser) flag(w word) error {
	if !strings.HasPrefix(w.plain(), "--") { // -wait may as well be a name that begins with a hyphen
		_, known := p.known(w.name())
		if err := p.mistake(known, "%s is no flag; flags begin with two hyphens, and a name that begins with one is written field=name", quoted(w.plain())); err != nil {
			return err
		}
	}
	if w.set {
		return p.assignment(w)
	}
	field, err := p.find(w)
	switch {
	case err != nil:
		return err
	case field.Kind == tools.Boolean:
		return p.switchOn(field, w)
	case !p.valueFollows():
		return p.fail("%s has no value; write %s=value", w.text, w.text)
	}
	p.at++
	return p.put(field, p.words[p.at].plain())
}

// switchOn parses a boolean without "=". Its true or false as a word of its own would be taken for a
// name by the next reader, so that it is an error.
func (p *fieldParser) switchOn(field tools.Field, w word) error {
	if p.at+1 < len(p.words) && p.words[p.at+1].isBare() {
		if value, ok := fieldtext.Boolean(p.words[p.at+1].text); ok {
			p.at++
			if err := p.mistake(true, "%s stands alone or has its value behind =, as in %s=%s", w.text, w.text, value); err != nil {
				return err
			}
			return p.put(field, value)
		}
	}
	return p.put(field, "true")
}

func (p *fieldParser) valueFollows() bool {
	if p.at+1 == len(p.words) {
		return false
	}
	next := p.words[p.at+1]
	_, isField := p.known(next.name())
	return !next.isFlag() && (!next.set || !isField)
}

func (p *fieldParser) assignment(w word) error {
	field, err := p.find(w)
	switch {
	case err != nil:
		return err
	case w.text == "" && !w.quoted: // "name= web-1": the value would become the name of what is acted on
		return p.fail(`%s= has no value; write %s=value without a space, or %s="" for an empty one`, field.Name, field.Name, field.Name)
	}
	return p.put(field, w.text)
}

// known finds a field of the operation, or a flag of the surface's own.
func (p *fieldParser) known(name string) (tools.Field, bool) {
	if own, ok := p.own(name); ok {
		return own.Field, true
	}
	return p.c.Op.Field(name)
}

// find finds the field that a word names, or suggests one: in the form of flags where the word is one.
func (p *fieldParser) find(w word) (tools.Field, error) {
	name := w.name()
	if field, ok := p.known(name); ok {
		return field, nil
	}
	names, kind, typed := p.c.Op.FieldNames(), "field", quoted(name)
	takes := strings.Join(names, ", ")
	if w.isFlag() {
		kind, typed, takes = "flag", quoted(cmp.Or(w.field, w.text)), strings.Join(text.Map(names, flag), ", ")
	}
	for _, own := range p.Own {
		if !own.Quiet && own.unfit(p.c) == "" {
			names = append(names, own.Name)
		}
	}
	field, ok := p.known(text.Suggest(name, names))
	return field, p.mistake(ok, "%s has no %s %s; it takes %s", p.c.Op.Name, kind, typed, cmp.Or(takes, "none"))
}

func (p *fieldParser) put(field tools.Field, text string) error {
	if value, ok := fieldtext.Boolean(text); ok && field.Kind == tools.Boolean {
		text = value
	}
	_, own := p.own(field.Name)
	before, twice := p.c.Input[field.Name]
	if own {
		before, twice = p.c.Own[field.Name]
	}
	switch {
	case own && field.Kind == tools.Boolean && text != "true" && text != "false":
		return p.fail("%s stands alone; it takes no value but true or false", flag(field.Name))
	case own && field.Kind == tools.Boolean && text == "false":
		p.drop(field.Name)
	case twice && before != text:
		return p.fail("%s is given twice, as %s and as %s; leave one out", field.Name, quoted(before), quoted(text))
	case own:
		if p.c.Own == nil {
			p.c.Own = map[string]string{}
		}
		p.c.Own[field.Name] = text
	default:
		p.c.Input[field.Name] = text
	}
	return nil
}

// drop takes a flag of the surface's own back. A command without any has a nil map, so that equal ones are equal.
func (p *fieldParser) drop(name string) {
	if delete(p.c.Own, name); len(p.c.Own) == 0 {
		p.c.Own = nil
	}
}

// positional parses a word without a field: the name or id of what the operation is about.
func (p *fieldParser) positional(w word) error {
	op, field := p.c.Op, p.c.Op.Positional()
	before, taken := p.c.Input[field]
	if field != "" && (!taken || before == w.text) {
		p.c.Input[field] = w.text
		return nil
	}
	if missing := p.missing(field); missing != "" {
		p.c.Input[missing] = w.text
		return p.mistake(true, "%s stands alone; say which field it is, as in %s=%s", quoted(w.text), missing, quoteWord(abbreviated(w.text)))
	}
	switch {
	case field != "":
		return p.fail(`%s is one word too many; %s takes one %s, which is %s already: put a name of several words in quotes, "like this"`,
			quoted(w.text), op.Name, field, quoted(before))
	case len(op.Fields) == 0:
		return p.mistake(true, "%s takes no names and no fields; leave %s out", op.Name, quoted(w.text))
	}
	return p.fail("%s stands alone; write field=value. %s takes %s", quoted(w.text), op.Name, strings.Join(op.FieldNames(), ", "))
}

// missing returns the first required field that is given nowhere in the command, or "".
func (p *fieldParser) missing(positional string) string {
	for _, field := range p.c.Missing() {
		later := func(w word) bool { return (w.set || w.isFlag()) && w.name() == field.Name }
		if field.Name != positional && !slices.ContainsFunc(p.words, later) {
			return field.Name
		}
	}
	return ""
}

// abbreviated leaves out what is too long to repeat.
func abbreviated(typed string) string {
	if len(typed) > longestName {
		return "…"
	}
	return text.Clean(typed)
}
