package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/sethvargo/go-envconfig"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/command"
	"github.com/vpsbot/vpsbot/internal/fieldtext"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/tools"
)

// IO is where a command reads and writes. Results go to Out, everything else to Err.
type IO struct {
	Catalogue *tools.Catalogue // the operations; nil: those of the product
	In        io.Reader
	Out, Err  io.Writer

	// Again is closed by the second Ctrl-C; the first ends the context. nil: there is none.
	Again <-chan struct{}
	// Hangups makes SIGHUP a message on the channel that it returns, and no longer an end; nil: there is none.
	Hangups func() <-chan struct{}

	terminal                 *terminal // where a person can be asked; nil: nowhere
	profile                  string    // the one of --profile
	outTerminal, errTerminal bool
}

func (s IO) hangups() <-chan struct{} {
	if s.Hangups == nil {
		return nil
	}
	return s.Hangups()
}

func (s IO) say(format string, args ...any) {
	fmt.Fprintln(s.Err, straight(s.forProfile(fmt.Sprintf(format, args...))))
}

// println prints a text for a person; what is for a program goes to printRaw.
func (s IO) println(line any) error { return s.printRaw(straight(s.forProfile(fmt.Sprint(line)))) }

func (s IO) printf(format string, args ...any) error { return s.println(fmt.Sprintf(format, args...)) }

func (s IO) printRaw(line string) error {
	_, err := fmt.Fprintln(s.Out, line)
	return err
}

// toType finds the commands in a message that a person may type next.
var toType = regexp.MustCompile(`\bvpsbot (account|approvals|audit|backups|dns|doctor|domains|freeze|keys|operations|plans|servers|snapshots|store|unfreeze|why)\b`)

// forProfile adds --profile, where it was given, to the commands in a message: without it they are about another account.
func (s IO) forProfile(message string) string {
	flag := profileFlag(s.profile)
	if flag == "" || strings.Contains(message, flag) {
		return message
	}
	return toType.ReplaceAllString(message, "vpsbot"+flag+" $1")
}

// straight puts the quotation marks of a keyboard in the place of our own, so that a name can be copied with them.
func straight(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "“", `"`), "”", `"`)
}

// Report prints an error, and returns the exit code. It is the one place where an error is printed.
func Report(w io.Writer, err error) int {
	class := app.ClassOf(err)
	switch {
	case err == nil || err.Error() == "":
	case errors.As(err, new(*jsonError)):
		raw, _ := encodeJSON(map[string]any{"error": errorObject{int(class), class.String(), printable(err.Error())}}) // of texts and a number
		fmt.Fprintln(w, string(raw))
	default:
		fmt.Fprintln(w, "vpsbot: "+straight(printable(err.Error())))
	}
	return int(class)
}

// jsonError is an error that a program reads, because -o json was asked for.
type jsonError struct{ cause *app.Error }

func (e *jsonError) Error() string { return e.cause.Message }
func (e *jsonError) Unwrap() error { return e.cause }

type errorObject struct {
	ExitCode int    `json:"exit_code"`
	Class    string `json:"class"`
	Message  string `json:"message"`
}

// asksForJSON reports whether the arguments of the program ask for JSON, even where something else in them is wrong.
func asksForJSON(args []string) (asked bool) {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlags, flags.Usage = true, func() {}
	flags.FuncP("output", "o", "", func(format string) error {
		asked = asked || format == "json"
		return nil
	})
	isJSON := flags.Bool("json", false, "")
	_ = flags.Parse(args) // another parser says what is wrong
	return asked || *isJSON
}

// printable drops the characters that could steer a terminal: an argument may come from anywhere.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if (unicode.IsControl(r) || text.Hidden(r)) && r != '\n' {
			return -1
		}
		return r
	}, s)
}

// output is how a command prints its result: the flags -o, --columns, --sort and --no-headers.
type output struct {
	format    string // table, json, yaml or name; "": the command's own for people
	columns   []string
	sort      string // a column; with - before it downwards
	noHeaders bool
	first     int // so many rows of a sorted list; 0: all
}

func (o output) isJSON() bool { return o.format == "json" }

func (o output) isForData() bool { return o.format == "json" || o.format == "yaml" }

// isForProgram reports whether what is printed is for a program, which is not told of what is left out.
func (o output) isForProgram() bool { return o.format != "" && o.format != "table" }

var outputFormats = []string{"table", "json", "yaml", "name"}

const isForLists = "is for commands that print a list"

var outputFlags = []command.Flag{
	{Field: tools.Field{Name: "output", Kind: tools.Text, Doc: "print the result in a `FORMAT`: table, json, yaml or name"}, Short: "o"},
	{Field: tools.Field{Name: "json", Kind: tools.Boolean, Doc: "the same as -o json"}},
	ofLists(tools.Field{Name: "columns", Kind: tools.Text, Doc: "`NAMES` of columns, such as name,status,plan.name: any field of -o json"}),
	ofLists(tools.Field{Name: "sort", Kind: tools.Text, Doc: "by the column `NAME`; by -NAME downwards"}),
	ofLists(tools.Field{Name: "no_headers", Kind: tools.Boolean, Doc: "leave out the names of the columns, and notes"}),
}

func ofLists(f tools.Field) command.Flag {
	return command.Flag{Field: f, For: (*tools.Op).IsList, Says: isForLists}
}

// outputOf reads the flags of output from the words of a command, by their fields' names.
func outputOf(values map[string]string) (o output, err error) {
	for _, f := range outputFlags {
		if value, given := values[f.Name]; given && err == nil {
			err = o.set(f.Name, value)
		}
	}
	return o, err
}

func (o *output) set(name, value string) error {
	switch name {
	case "output":
		return o.setFormat(value)
	case "columns":
		o.columns = strings.Split(value, ",")
		return nil
	case "sort":
		o.sort = value
		return nil
	}
	yes, err := strconv.ParseBool(value)
	switch {
	case err != nil:
		return app.Errorf(runner.Invalid, "--%s must be true or false, not %q", fieldtext.Flag(name), value)
	case name == "no_headers":
		o.noHeaders = yes
	case yes:
		return o.setFormat("json")
	}
	return nil
}

func (o *output) setFormat(format string) error {
	if !slices.Contains(outputFormats, format) {
		next := ""
		if near := text.Suggest(format, outputFormats); near != "" {
			next = "; did you mean " + near + "?"
		}
		return app.Errorf(runner.Invalid, "--output must be %s, not %q%s", text.Join(outputFormats, "or"), format, next)
	}
	if o.format != "" && o.format != format {
		return app.Errorf(runner.Invalid, "the output is given twice: as %s and as %s; leave one out", o.format, format)
	}
	o.format = format
	return nil
}

func (c *cli) withOutput(cmd *cobra.Command, isList bool) *cobra.Command {
	for _, f := range outputFlags {
		if f.For != nil && !isList {
			continue
		}
		set := func(value string) error { return c.output.set(f.Name, value) }
		if f.Kind == tools.Boolean {
			cmd.Flags().BoolFunc(fieldtext.Flag(f.Name), f.Doc, set)
		} else {
			cmd.Flags().FuncP(fieldtext.Flag(f.Name), f.Short, f.Doc, set)
		}
	}
	return cmd
}

type result struct {
	value any           // of -o json and yaml: encodable as JSON, or json.RawMessage
	lines bool          // of -o json: value is a list, and each of its elements has a line
	table *runner.Table // of a list
	rows  any           // what the table's rows are made of, where that is not value
	row   reflect.Type  // which fields they may have, where that is not an element of value
	names []string      // of -o name: what the other commands take as the argument, one a line
	text  string        // of -o table, where there is no table
}

// print prints the result of a command on stdout, as the flags of output say.
func (c *cli) print(r result) error {
	if len(c.output.columns) > 0 && c.output.isForProgram() || c.output.sort != "" && c.output.isForData() {
		return app.Errorf(runner.Invalid, "--columns and --sort are for tables: -o %s has everything as it is", c.output.format)
	}
	if c.output.isForProgram() && r.table != nil && r.table.Part {
		c.io.say("%s", r.table.Note)
	}
	shown := straight(c.io.forProfile(r.text))
	if r.table != nil && !c.output.isForData() {
		table, names, err := c.output.arrange(r)
		if err != nil {
			return err
		}
		r.names = names
		if c.output.format != "name" {
			shown = straight(c.io.forProfile(c.tableText(table)))
		}
	}
	switch c.output.format {
	case "json":
		return c.printJSON(r)
	case "yaml":
		return c.printYAML(r)
	case "name":
		shown = strings.Join(r.names, "\n")
	}
	if shown == "" {
		return nil
	}
	return c.page(shown)
}

func (c *cli) printYAML(r result) error {
	raw, err := encodeJSON(r.value)
	if err != nil || raw == nil {
		return err
	}
	return c.page(strings.Join(yamlOf(jsontext.Value(raw)), "\n"))
}

func (c *cli) printJSON(r result) error {
	raw, err := encodeJSON(r.value)
	if err != nil || raw == nil {
		return err
	}
	rows := []json.RawMessage{raw}
	if r.lines {
		err = json.Unmarshal(raw, &rows)
	}
	for _, row := range rows {
		if err == nil {
			err = c.io.printRaw(string(row))
		}
	}
	return err
}

// encodeJSON returns a value as JSON in one line.
func encodeJSON(value any) (json.RawMessage, error) {
	if raw, ok := value.(json.RawMessage); ok {
		return raw, nil
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// style is whether a text is coloured: only where a person reads it at a terminal.
type style struct{ colour bool }

// style is that of stdout.
func (c *cli) style() style { return c.styleAt(c.io.outTerminal) }

// errStyle is that of stderr, where questions are asked.
func (c *cli) errStyle() style { return c.styleAt(c.io.errTerminal) }

func (c *cli) styleAt(terminal bool) style {
	no, _ := c.Variables.Lookup("NO_COLOR")
	return style{terminal && no == "" && !isDumb(c.Variables)}
}

func isDumb(variables envconfig.Lookuper) bool {
	kind, _ := variables.Lookup("TERM")
	return kind == "dumb"
}

const (
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	reset  = "\x1b[0m"
)

// colours are the colours of status words; a word that is not here has none.
var colours = map[string]string{
	"active": green, "completed": green, "done": green, "ok": green, "yes": green,
	"provisioning": yellow, "starting": yellow, "stopping": yellow, "rebooting": yellow, "restoring": yellow,
	"in_progress": yellow, "pending": yellow, "approved": yellow, "executing": yellow, "warn": yellow,
	"stopped": dim, "no": dim,
	"suspended": red, "expired": red, "failed": red, "unknown": red, "needs_human": red, "FAIL": red,
}

// cell colours a cell of a table, whose header has the row -1: a bold header, and the words of states.
func (s style) cell(row int, column, cell string) string {
	switch {
	case !s.colour || strings.TrimSpace(cell) == "":
		return cell
	case row < 0:
		return bold + cell + reset
	case column == "status" || column == "state" || column == "allowed":
		return s.word(cell)
	}
	return cell
}

// card colours the lines of a card: its effect, what is lost and what warns.
func (s style) card(c runner.Card) string {
	lines := strings.Split(c.Text(), "\n")
	for i, line := range lines {
		mark, rest, _ := strings.Cut(line, " ")
		switch {
		case !s.colour:
		case i == 0:
			lines[i] = bold + line + reset
		case mark == "!":
			lines[i] = yellow + line + reset
		case mark == "-" && slices.Contains(c.Lost, rest):
			lines[i] = red + line + reset
		}
	}
	return strings.Join(lines, "\n")
}

func (s style) word(word string) string {
	if colour := colours[word]; s.colour && colour != "" {
		return colour + word + reset
	}
	return word
}

func yesOrNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}
