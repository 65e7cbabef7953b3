package command

import (
	"strings"
	"unicode"

	"github.com/vpsbot/vpsbot/internal/fieldtext"
	"github.com/vpsbot/vpsbot/tools"
)

// String returns the command as it could have been typed after /vps, in one fixed spelling:
// Parse reads it as the same command. It is not escaped for Slack unless Parse would else
// take a part of it for Slack's own.
func (c Command) String() string {
	switch {
	case c.Kind.takesText():
		return escape(string(c.Kind) + c.freeText())
	case c.Kind == Help && c.Op == nil:
		return strings.TrimSpace(string(Help) + " " + c.Rest)
	case c.Op == nil:
		return string(c.Kind)
	}
	all := make([]string, 0, 4+len(c.Input))
	if c.Kind != Operation {
		all = append(all, string(c.Kind))
	}
	resource, action := cutName(c.Op)
	all = append(all, resource, action)
	return escape(strings.Join(append(all, c.fieldWords()...), " "))
}

// freeText is the text of a command that ends in one, in quotes where it would be read otherwise
// without them.
func (c Command) freeText() string {
	isFlag := (c.Kind == Approvals || c.Kind == Audit) && isLongFlag(c.Rest)
	switch {
	case c.Rest == "":
		return ""
	case isHelpMark(c.Rest), isQuoted(c.Rest), isFlag:
		return ` "` + c.Rest + `"`
	}
	return " " + c.Rest
}

func (c Command) fieldWords() []string {
	var all []string
	positional := c.Op.Positional()
	if text, ok := c.Input[positional]; ok {
		all = append(all, quoteWord(text))
	}
	for _, field := range c.Op.Fields {
		text, ok := c.Input[field.Name]
		switch {
		case !ok || field.Name == positional:
		case field.Kind == tools.Boolean && text == "true":
			all = append(all, flag(field.Name))
		default:
			all = append(all, field.Name+"="+quoteWord(text))
		}
	}
	for _, own := range Slack.Own {
		if c.Has(own.Name) {
			all = append(all, flag(own.Name))
		}
	}
	return all
}

func flag(field string) string { return "--" + fieldtext.Flag(field) }

func quoteWord(text string) string {
	odd := func(c rune) bool {
		return !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune("-_.:/@+,", c)
	}
	if text != "" && text[0] != '-' && strings.IndexFunc(text, odd) < 0 {
		return text
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// Usage returns how an operation is typed: "/vps servers restore SERVER backup_id=…
// [--dry-run] [--wait=false]". What is in brackets may be left out.
func Usage(op *tools.Op) string {
	resource, action := cutName(op)
	all := []string{slashCommand, resource, action}
	positional := op.Positional()
	if field, ok := op.Field(positional); ok {
		all = append(all, optional(field, strings.ToUpper(field.Name)))
	}
	for _, field := range op.Fields {
		if field.Name != positional {
			all = append(all, optional(field, usageOf(field)))
		}
	}
	return strings.Join(all, " ")
}

func usageOf(field tools.Field) string {
	switch {
	case field.Name == "wait": // Slack waits unless it is told not to
		return "--wait=false"
	case field.Name == "dry_run":
		return flag(field.Name)
	case field.Kind == tools.Boolean:
		return field.Name + "=true|false"
	}
	return field.Name + "=…"
}

func optional(field tools.Field, text string) string {
	if field.Required {
		return text
	}
	return "[" + text + "]"
}
