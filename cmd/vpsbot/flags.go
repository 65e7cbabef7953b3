package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// runFlags are the flags of "run" that are not fields of an input.
type runFlags struct {
	json    bool
	timeout time.Duration
	yes     bool
	confirm string
}

// addFlags adds the flags that make sense for the operation.
func (r *operationRun) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&r.flags.json, "json", false, "the whole answer as one line of JSON")
	if r.op.Settles {
		f.DurationVar(&r.flags.timeout, "timeout", 30*time.Minute, "how long --wait waits")
	}
	if !r.op.IsRead() {
		f.BoolVar(&r.flags.yes, "yes", false, "answer [y/N] with yes; never enough for what asks for a name")
	}
	if r.op.Risk.WantsName() {
		f.StringVar(&r.flags.confirm, "confirm", "", "the `NAME` that the card asks to type")
	}
}

func flagName(field string) string { return strings.ReplaceAll(field, "_", "-") }
func fieldName(flag string) string { return strings.ReplaceAll(flag, "-", "_") }

// addFieldFlags makes a flag of each field of the operation's input.
func addFieldFlags(op *tools.Op, flags *pflag.FlagSet) {
	for _, f := range op.Fields {
		doc := f.Doc
		for _, other := range tools.Operations() { // the docs name operations as a model knows them
			doc = strings.ReplaceAll(doc, other.ToolName(), other.Name)
		}
		if f.Required {
			doc = strings.TrimSpace(doc + " (required)")
		}
		switch f.Kind {
		case tools.Boolean:
			flags.Bool(flagName(f.Name), false, doc)
		case tools.Integer:
			flags.Int(flagName(f.Name), 0, doc)
		default:
			flags.String(flagName(f.Name), "", doc)
		}
	}
}

// inputOf makes the input of the flags that were given and of the argument. Whether it is
// right is the Runner's to say.
func inputOf(op *tools.Op, flags *pflag.FlagSet, args []string) ([]byte, error) {
	input := map[string]any{}
	for _, f := range op.Fields {
		flag := flags.Lookup(flagName(f.Name))
		if !flag.Changed {
			continue
		}
		input[f.Name] = typed(f.Kind, flag.Value.String())
	}
	if positional := op.Positional(); len(args) == 1 {
		if _, twice := input[positional]; twice {
			return nil, fmt.Errorf("%s is given twice: as an argument and as --%s; leave one out", flagName(positional), flagName(positional))
		}
		input[positional] = args[0]
	}
	return json.Marshal(input)
}

// typed returns a flag's text as the JSON type of its field; the flag has parsed it.
func typed(kind tools.Kind, text string) any {
	switch kind {
	case tools.Boolean:
		return text == "true"
	case tools.Integer:
		n, _ := strconv.Atoi(text)
		return n
	}
	return text
}

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
	return fmt.Sprintf("%s\n\nRisk:    %s (%s)\nNeeds:   %s\nRequest: %s", op.Description, op.Risk, asks[op.Risk], needs, op.Request)
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
