package cli

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/vpsbot/vpsbot/internal/fieldtext"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// addFlags adds a flag for each field of the operation's input, and those that suit its risk.
func (r *operationRun) addFlags(c *tools.Catalogue, cmd *cobra.Command) {
	f := cmd.Flags()
	addFieldFlags(c, r.op, f)
	f.BoolVar(&r.json, "json", false, "the whole answer as one line of JSON")
	if r.op.Settles {
		f.DurationVar(&r.timeout, "timeout", 30*time.Minute, "how long --wait waits")
	}
	if !r.op.IsRead() {
		f.StringVar(&r.requestID, "request-id", "", "your own name, an `ID`, for this request: the same within 24 hours gives the same outcome, and sends nothing again")
		f.BoolVar(&r.yes, "yes", false, "at a terminal, answer [y/N] with yes; never enough for what asks for a name")
	}
	if r.op.Risk.NeedsTypedName() {
		f.StringVar(&r.typedName, "confirm", "", "the `NAME` that the card asks to type, for a script that the policy lets answer")
	}
}

func addFieldFlags(c *tools.Catalogue, op *tools.Op, flags *pflag.FlagSet) {
	for _, f := range op.Fields {
		doc := flagDoc(f)
		for _, other := range c.Operations() { // the docs name operations as a model knows them
			doc = strings.ReplaceAll(doc, other.ToolName(), other.Name)
		}
		if f.Required {
			doc = strings.TrimSpace(doc + " (required)")
		}
		switch f.Kind {
		case tools.Boolean:
			flags.Bool(fieldtext.Flag(f.Name), false, doc)
		case tools.Integer:
			flags.Int(fieldtext.Flag(f.Name), 0, doc)
		default:
			flags.String(fieldtext.Flag(f.Name), "", doc)
		}
	}
}

// flagDocs is the help for fields whose names say enough in a schema.
var flagDocs = map[string]string{
	"limit": "Show at most so many; without it 50, and all with --json", "offset": "Leave out the first so many", "name": "Its name", "hostname": "Its host name", "description": "What it is for, in your words",
	"location": "Where it runs", "status": "Only those with this status",
}

func flagDoc(f tools.Field) string {
	doc := f.Doc
	if own := flagDocs[f.Name]; doc == "" || f.Name == "limit" {
		doc = own
	}
	if isSetting(f) {
		doc += "; write --" + fieldtext.Flag(f.Name) + "=true or --" + fieldtext.Flag(f.Name) + "=false"
	}
	return doc
}

// isSetting reports whether the value false of a field differs from leaving the field out.
func isSetting(f tools.Field) bool {
	return f.Kind == tools.Boolean && f.Name != "dry_run" && f.Name != "wait"
}

// strayWord finds the flag whose true or false was written as a word of its own, which would be an argument.
func strayWord(op *tools.Op, flags *pflag.FlagSet, args []string) string {
	if !slices.Contains(args, "true") && !slices.Contains(args, "false") {
		return ""
	}
	for _, f := range op.Fields {
		if flag := flags.Lookup(fieldtext.Flag(f.Name)); f.Kind == tools.Boolean && flag.Changed {
			return flag.Name
		}
	}
	return ""
}

// inputOf makes the input of the flags that were given and of the argument. It reports all fields that are
// missing at once; the Runner checks the others.
func inputOf(op *tools.Op, flags *pflag.FlagSet, args []string) ([]byte, error) {
	values := map[string]string{}
	for _, f := range op.Fields {
		if flag := flags.Lookup(fieldtext.Flag(f.Name)); flag.Changed && f.Name != "limit" {
			values[f.Name] = flag.Value.String()
		}
	}
	if positional := op.Positional(); len(args) == 1 {
		if _, twice := values[positional]; twice {
			return nil, fmt.Errorf("%s is given twice: as an argument and as --%s; leave one out", fieldtext.Flag(positional), fieldtext.Flag(positional))
		}
		values[positional] = args[0]
	}
	var missing []string
	for _, f := range fieldtext.Missing(op, values) {
		name := "--" + fieldtext.Flag(f.Name)
		if f.Name == op.Positional() {
			name = strings.ToUpper(fieldtext.Flag(f.Name))
		}
		missing = append(missing, name)
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("%s needs %s; vpsbot run %s --help says more", op.Name, text.Join(missing, "and"), op.Name)
	}
	return fieldtext.Encode(op, values)
}

// readLimit reads how many rows are wanted. With --json it is all of them unless --limit is given, because a
// program does not notice that some are missing.
func (r *operationRun) readLimit(flags *pflag.FlagSet) error {
	flag := flags.Lookup("limit")
	switch {
	case !r.op.IsList():
		return nil
	case !flag.Changed && r.json:
		r.limit = math.MaxInt
	case flag.Changed:
		r.limit, _ = strconv.Atoi(flag.Value.String())
		if r.limit < 1 {
			return fmt.Errorf("--limit must be a whole number above 0, not %d", r.limit)
		}
	}
	return nil
}

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

var riskDocs = map[permissions.Risk]string{
	permissions.Read:        "changes nothing",
	permissions.Change:      "runs at once",
	permissions.Disruptive:  "asks [y/N] first",
	permissions.Billable:    "costs money; asks [y/N] first",
	permissions.Destructive: "cannot be undone; asks you to type the name first",
}

func describe(op *tools.Op) string {
	what := riskDocs[op.Risk]
	if op.MayAskMore() {
		what += "; switching automatic backups off asks [y/N] first"
	}
	return fmt.Sprintf("%s\n\n  Risk:    %s (%s)\n  Needs:   %s\n  Request: %s", op.Description, op.Risk, what, cmp.Or(op.Needs.String(), "any valid token"), op.Request)
}

// examples renders the operation's examples as command lines.
func examples(op *tools.Op) string {
	var lines []string
	for _, raw := range op.Examples {
		lines = append(lines, "  "+CommandLine(op, raw))
	}
	return strings.Join(lines, "\n")
}

// CommandLine is the command that runs an operation with an input.
func CommandLine(op *tools.Op, raw []byte) string {
	values, err := fieldtext.Decode(raw)
	if err != nil { // of a record that an earlier version made
		return "vpsbot run " + op.Name
	}
	words := []string{"vpsbot", "run", op.Name}
	positional := op.Positional()
	if value, ok := values[positional]; ok {
		words = append(words, text.ShellWord(value))
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
			words = append(words, flag, text.ShellWord(value))
		}
	}
	return strings.Join(words, " ")
}
