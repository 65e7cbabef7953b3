package command

import (
	"strings"
	"unicode"

	"github.com/vpsbot/vpsbot/internal/fieldtext"
	"github.com/vpsbot/vpsbot/internal/text"
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
	}
	return escape(Slack.Spell(c))
}

// Spell returns a command of an operation, or another one in plain words, as it could have been typed after the
// program's name.
func (g Grammar) Spell(c Command) string {
	var all []string
	if c.Kind != Operation {
		all = append(all, string(c.Kind))
	}
	if c.Op == nil {
		return strings.Join(append(all, text.Map(strings.Fields(c.Rest), g.quote)...), " ")
	}
	resource, action := cutName(c.Op)
	all = append(all, resource, action)
	positional := c.Op.Positional()
	value, given := c.Input[positional]
	switch {
	case given && g.Shell && (strings.HasPrefix(value, "-") || strings.Contains(value, "=")): // alone it is read as a flag or as field=value
		all = append(all, flag(positional)+"="+g.quote(value))
	case given:
		all = append(all, g.quote(value))
	}
	for _, f := range c.Op.Fields {
		if value, given := c.Input[f.Name]; given && f.Name != positional {
			all = append(all, g.setting(f, value))
		}
	}
	for _, own := range g.Own {
		if value, given := c.Own[own.Name]; given && !own.Quiet {
			all = append(all, g.setting(own.Field, value))
		}
	}
	return strings.Join(all, " ")
}

// setting is a field with its value: --dry-run, --backup-id 501, backup_id=501.
func (g Grammar) setting(f tools.Field, value string) string {
	switch {
	case f.Kind == tools.Boolean && value == "true":
		return flag(f.Name)
	case !g.Shell:
		return f.Name + "=" + quoteWord(value)
	case f.Kind == tools.Boolean, strings.HasPrefix(value, "-"):
		return flag(f.Name) + "=" + text.ShellWord(value)
	}
	return flag(f.Name) + " " + text.ShellWord(value)
}

func (g Grammar) quote(word string) string {
	if g.Shell {
		return text.ShellWord(word)
	}
	return quoteWord(word)
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
