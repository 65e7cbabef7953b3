package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// usage is the operation with its arguments: "servers.get SERVER".
func usage(op *tools.Op) string {
	use := op.Name
	if positional := op.Positional(); positional != "" {
		word := strings.ToUpper(flagName(positional))
		if !required(op, positional) {
			word = "[" + word + "]"
		}
		use += " " + word
	}
	return use + " [flags]"
}

func required(op *tools.Op, name string) bool {
	for _, f := range op.Fields {
		if f.Name == name {
			return f.Required
		}
	}
	return false
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
	var fields map[string]any
	if json.Unmarshal(raw, &fields) != nil {
		return "vpsbot run " + op.Name
	}
	words := []string{"vpsbot", "run", op.Name}
	positional := op.Positional()
	if value, ok := fields[positional]; ok {
		words = append(words, shellWord(fmt.Sprint(value)))
	}
	for _, f := range op.Fields {
		value, ok := fields[f.Name]
		switch {
		case !ok || f.Name == positional:
		case value == true:
			words = append(words, "--"+flagName(f.Name))
		case value == false:
			words = append(words, "--"+flagName(f.Name)+"=false")
		default:
			words = append(words, "--"+flagName(f.Name), shellWord(fmt.Sprint(value)))
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
