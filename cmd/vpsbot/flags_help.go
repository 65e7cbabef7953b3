package main

import (
	"fmt"
	"strings"

	"github.com/vpsbot/vpsbot/internal/fieldtext"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// usage is the operation with its arguments: "servers.get SERVER".
func usage(op *tools.Op) string {
	use := op.Name
	if positional := op.Positional(); positional != "" {
		word := strings.ToUpper(fieldtext.Flag(positional))
		if f, _ := op.Field(positional); !f.Required {
			word = "[" + word + "]"
		}
		use += " " + word
	}
	return use + " [flags]"
}

// What a risk means at a terminal.
var asks = map[permissions.Risk]string{
	permissions.Read:        "changes nothing",
	permissions.Change:      "runs at once",
	permissions.Disruptive:  "asks [y/N] first",
	permissions.Billable:    "costs money; asks [y/N] first",
	permissions.Destructive: "cannot be undone; asks you to type the name first",
}

// describe is an operation's help text.
func describe(op *tools.Op) string {
	needs := op.Needs.String()
	if needs == "" {
		needs = "any valid token"
	}
	what := asks[op.Risk]
	if op.MayAskMore() {
		what += "; switching automatic backups off asks [y/N] first"
	}
	return fmt.Sprintf("%s\n\nRisk:    %s (%s)\nNeeds:   %s\nRequest: %s", op.Description, op.Risk, what, needs, op.Request)
}

// examples renders the operation's examples as command lines.
func examples(op *tools.Op) string {
	var lines []string
	for _, raw := range op.Examples {
		lines = append(lines, "  "+commandLine(op, raw))
	}
	return strings.Join(lines, "\n")
}

func commandLine(op *tools.Op, raw []byte) string {
	values, err := fieldtext.Decode(raw)
	if err != nil {
		panic(err) // the catalogue has encoded it
	}
	words := []string{"vpsbot", "run", op.Name}
	positional := op.Positional()
	if value, ok := values[positional]; ok {
		words = append(words, shellWord(value))
	}
	for _, f := range op.Fields {
		value, ok := values[f.Name]
		switch flag := "--" + fieldtext.Flag(f.Name); {
		case !ok || f.Name == positional:
		case f.Kind == tools.Boolean && value == "true":
			words = append(words, flag)
		case f.Kind == tools.Boolean:
			words = append(words, flag+"="+value)
		default:
			words = append(words, flag, shellWord(value))
		}
	}
	return strings.Join(words, " ")
}

// shellWord quotes what a shell would take apart.
func shellWord(s string) string {
	plain := func(c rune) bool {
		return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.ContainsRune("-_./:@", c)
	}
	if s != "" && strings.TrimFunc(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
