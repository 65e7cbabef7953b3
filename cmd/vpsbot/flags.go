package main

import (
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
		f.BoolVar(&r.flags.yes, "yes", false, "at a terminal, answer [y/N] with yes; never enough for what asks for a name")
	}
	if r.op.Risk.WantsName() {
		f.StringVar(&r.flags.confirm, "confirm", "", "the `NAME` that the card asks to type, for a script that the policy lets answer")
	}
}

// addFieldFlags makes a flag of each field of the operation's input.
func addFieldFlags(op *tools.Op, flags *pflag.FlagSet) {
	for _, f := range op.Fields {
		doc := flagDoc(f)
		for _, other := range tools.Operations() { // the docs name operations as a model knows them
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

// Help for fields whose names say enough in a schema.
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

// isSetting reports whether a field's false is something else than leaving it out.
func isSetting(f tools.Field) bool {
	return f.Kind == tools.Boolean && f.Name != "dry_run" && f.Name != "wait"
}

// strayWord finds the flag whose true or false was written as a word of its own, which
// would be taken for an argument.
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

// inputOf makes the input of the flags that were given and of the argument. What is missing
// is told all at once; whether the rest is right is the Runner's to say.
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
	if missing := missingFlags(op, values); len(missing) > 0 {
		return nil, fmt.Errorf("%s needs %s; vpsbot run %s --help says more", op.Name, text.Join(missing, "and"), op.Name)
	}
	return fieldtext.Encode(op, values)
}

// readLimit reads how many rows are wanted. At a terminal that may be any number; whoever reads
// JSON gets them all, because a program does not notice that some are missing.
func (r *operationRun) readLimit(flags *pflag.FlagSet) error {
	flag := flags.Lookup("limit")
	switch {
	case !r.op.IsList():
		return nil
	case !flag.Changed && r.flags.json:
		r.limit = math.MaxInt
	case flag.Changed:
		r.limit, _ = strconv.Atoi(flag.Value.String())
		if r.limit < 1 {
			return fmt.Errorf("--limit must be a whole number above 0, not %d", r.limit)
		}
	}
	return nil
}

func missingFlags(op *tools.Op, values map[string]string) (missing []string) {
	for _, f := range fieldtext.Missing(op, values) {
		name := "--" + fieldtext.Flag(f.Name)
		if f.Name == op.Positional() {
			name = strings.ToUpper(fieldtext.Flag(f.Name))
		}
		missing = append(missing, name)
	}
	return missing
}
