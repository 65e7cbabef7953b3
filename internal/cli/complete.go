package cli

import (
	"context"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/fieldtext"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/tools"
)

// completionTimeout bounds how long the shell waits: for more servers than can be read in that time it completes
// nothing, rather than a part that looks like all.
const completionTimeout = 3 * time.Second

const mostIDs = 50 // of approvals, the newest

type completer = cobra.CompletionFunc

const (
	noFiles = cobra.ShellCompDirectiveNoFileComp
	files   = cobra.ShellCompDirectiveKeepOrder // the names of files; not 0, of which completionOut makes nothing
)

func isCompletion(args []string) bool {
	return len(args) > 0 && (args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd)
}

// completionOut completes nothing after an error and to what has no values, where cobra completes the names of files.
type completionOut struct{ io.Writer }

func (w completionOut) Write(p []byte) (int, error) {
	if string(p) == ":0\n" {
		p = []byte(":4\n")
	}
	return w.Writer.Write(p)
}

// completeValues makes the flags and arguments of a command, and of those below it, complete to their values.
func (c *cli) completeValues(cmd *cobra.Command) {
	if with := c.argumentValues(cmd); with != nil && cmd.ValidArgsFunction == nil {
		cmd.ValidArgsFunction = with
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		f.Usage = strings.ReplaceAll(f.Usage, "`", "") // it is shown as it is
		with := c.flagValues(cmd, f.Name)
		if kind := f.Value.Type(); kind == "bool" || kind == "boolfunc" {
			with = fixed("true", "false")
		}
		if with != nil {
			_ = cmd.RegisterFlagCompletionFunc(f.Name, with) // or it has values of its own
		}
	})
	for _, sub := range cmd.Commands() {
		c.completeValues(sub)
	}
}

func (c *cli) argumentValues(cmd *cobra.Command) completer {
	switch strings.TrimPrefix(cmd.CommandPath(), "vpsbot ") {
	case "policy check", "store backup", "audit verify":
		return completeFiles
	case "policy explain", "why":
		return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			switch len(args) {
			case 0:
				return c.operationNames(false), noFiles
			case 1:
				return c.completeServer(cmd, args, word)
			}
			return nil, noFiles
		}
	}
	return nil
}

func (c *cli) flagValues(cmd *cobra.Command, name string) completer {
	switch name {
	case "file", "out":
		return completeFiles
	case "server", "target":
		return c.completeServer
	case "approval":
		return func(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
			return c.completeApprovals(cmd, nil, word)
		}
	case "operation":
		return cobra.FixedCompletions(c.operationNames(true), noFiles)
	case "who", "actor":
		return c.completePeople
	case "from":
		return cobra.FixedCompletions([]string{"sqlite:"}, noFiles|cobra.ShellCompDirectiveNoSpace)
	case "to":
		return cobra.FixedCompletions([]string{"postgres://"}, noFiles|cobra.ShellCompDirectiveNoSpace)
	case "columns", "sort":
		return completeColumns(map[string]reflect.Type{
			"approvals list": reflect.TypeFor[recordJSON](), "audit list": reflect.TypeFor[audit.Row](),
			"keys list": reflect.TypeFor[keyJSON](), "operations": reflect.TypeFor[offerJSON](),
		}[strings.TrimPrefix(cmd.CommandPath(), "vpsbot ")])
	}
	if words := fewValues()[name]; words != nil {
		return fixed(words...)
	}
	return nil
}

// fewValues are the values of flags that take one of a few, and what is often meant of others.
func fewValues() map[string][]string {
	return map[string][]string{
		"output":   outputFormats,
		"decision": text.Strings(audit.Decisions),
		"outcome":  text.Strings(audit.Outcomes),
		"where":    {"slack", "mcp", "terminal"},
		"since":    timesBefore(),
		"until":    timesBefore(),
		"expires":  {"30d", "90d", "365d"},
		"timeout":  {"5m", "10m", "30m", "1h"},
		"latency":  {"50ms", "200ms", "1s"},
		"style":    {"docs", "vendor"},
	}
}

func timesBefore() []string {
	return []string{"1h\tan hour ago", "24h\ta day ago", "7d\ta week ago", "30d\ta month ago", time.Now().Format(time.DateOnly) + "\ttoday"}
}

func fixed(values ...string) completer {
	return cobra.FixedCompletions(values, noFiles|cobra.ShellCompDirectiveKeepOrder)
}

func completeFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, files
}

// operationNames lists the operations with their titles, and globs for all of a resource where a glob is taken.
func (c *cli) operationNames(globs bool) (names []string) {
	for _, op := range c.Catalogue.Operations() {
		resource, _, _ := strings.Cut(op.Name, ".")
		if glob := resource + ".*"; globs && !slices.Contains(names, glob) {
			names = append(names, glob)
		}
		names = append(names, cobra.CompletionWithDesc(op.Name, op.Title))
	}
	return names
}

// completePeople completes the people of the policy with their identities, the access keys, and who runs this.
func (c *cli) completePeople(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return c.complete(cmd, ifKnown, func(ctx context.Context, s *session) (who []string) {
		if s.Actor != "" {
			who = append(who, string(s.Actor))
		}
		if book := s.Runner.Policy().Book; book != nil {
			for _, person := range book.People {
				who = append(append(who, person.ID), text.Strings(person.Identities)...)
			}
		}
		if s.HasStore() && s.openStore(ctx) == nil {
			all, _ := s.db.Keys(ctx)
			for _, key := range all {
				who = append(who, "key:"+key.Name)
			}
		}
		slices.Sort(who)
		return slices.Compact(who)
	})
}

func completeColumns(row reflect.Type) completer {
	return func(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		before := word[:strings.LastIndex(word, ",")+1]
		if strings.HasPrefix(word, "-") { // of --sort
			before = "-"
		}
		names := text.Map(fieldNames(row), func(name string) string { return before + name })
		return names, noFiles | cobra.ShellCompDirectiveKeepOrder
	}
}

// fieldNames are the names that the fields of a struct have in JSON; nil has none.
func fieldNames(row reflect.Type) (names []string) {
	if row == nil || row.Kind() != reflect.Struct {
		return nil
	}
	for _, f := range reflect.VisibleFields(row) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
			names = append(names, name)
		}
	}
	return names
}

func rowOf(op *tools.Op) reflect.Type {
	rows, _ := op.View.Row.FieldByName("Results")
	return rows.Type.Elem()
}

// completeFields makes the flags and the argument of an operation complete to what the account has.
func (c *cli) completeFields(cmd *cobra.Command, op *tools.Op) {
	for _, field := range op.Fields {
		with := c.completeField(op, field)
		_ = cmd.RegisterFlagCompletionFunc(fieldtext.Flag(field.Name), with) // the flag exists
		if field.Name == op.Positional() {
			cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
				if len(args) > 0 {
					return nil, noFiles
				}
				return with(cmd, args, word)
			}
		}
	}
	if op.IsList() {
		for _, flag := range []string{"columns", "sort"} {
			_ = cmd.RegisterFlagCompletionFunc(flag, completeColumns(rowOf(op)))
		}
	}
}

func (c *cli) completeField(op *tools.Op, field tools.Field) completer {
	switch {
	case field.Kind == tools.Boolean:
		return fixed("true", "false")
	case field.Kind == tools.Ref:
		return c.completeServer
	case field.Name == op.Resource.ServerName: // a new one
		return fixed()
	}
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		values := map[string]string{}
		for _, f := range op.Fields {
			if flag := cmd.Flags().Lookup(fieldtext.Flag(f.Name)); flag.Changed {
				values[f.Name] = flag.Value.String()
			}
		}
		if len(args) > 0 {
			values[op.Positional()] = args[0]
		}
		words, directive := c.complete(cmd, required, func(ctx context.Context, s *session) []string {
			return asking{s, op, values, map[string]runner.Reply{}}.words(ctx, field)
		})
		return words, directive | cobra.ShellCompDirectiveKeepOrder
	}
}

// words are what a field can be, of them those that can be typed, with what else is known of each.
func (a asking) words(ctx context.Context, field tools.Field) (words []string) {
	table := a.offerOf(ctx, field).table
	if len(table.Rows) == 0 && a.op.IsList() && field.Kind == tools.Text { // it keeps the rows that have this value
		all, _ := a.list(ctx, a.op.Name).Table()
		table.Header = []string{field.Name}
		table.Rows = text.Map(all.Column(field.Name), func(value string) []string { return []string{value} })
	}
	if list := a.lists[field.List].Op; list != nil && list.View.Dated && a.values["server"] != "" && len(table.Rows) > 0 {
		words = append(words, "latest\tthe newest")
	}
	seen := map[string]bool{"": true}
	for _, row := range readable(table).Rows {
		about := slices.DeleteFunc(row[1:], func(cell string) bool { return cell == "" })
		if isTypeable(row[0]) && !seen[row[0]] {
			words = append(words, cobra.CompletionWithDesc(row[0], text.Cut(strings.Join(about, ", "), 72)))
		}
		seen[row[0]] = true
	}
	return words
}

// complete completes words with those that find returns. An error completes nothing, and prints nothing.
func (c *cli) complete(cmd *cobra.Command, need identity, find func(context.Context, *session) []string) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
	defer cancel()
	var words []string
	_ = c.withApp(ctx, need, func(s *session) error {
		words = find(ctx, s)
		return nil
	})
	return words, noFiles
}

func (c *cli) completeServer(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return c.complete(cmd, required, serverNames)
}

// serverNames lists all names that can be typed, by the operation servers.list: it is refused where that is.
func serverNames(ctx context.Context, s *session) []string {
	return typeable(tools.Results[apiclient.Server](s.wholeList(ctx, s.Catalogue.ServerList().Name, nil).Value))
}

// typeable returns the names that are safe in a shell: the person who names a server may be another than the
// one who completes. It leaves out a name that would be read as something else (an id, a flag, a word of the
// completion's own protocol), that a shell would split, that cleaning would change, or that two servers share.
func typeable(servers []apiclient.Server) []string {
	count := map[string]int{}
	for _, s := range servers {
		count[s.Name]++
	}
	var names []string
	for _, s := range servers {
		if isTypeable(s.Name) && !apiclient.LooksLikeID(s.Name) && count[s.Name] == 1 {
			names = append(names, s.Name)
		}
	}
	return names
}

func isTypeable(word string) bool {
	return word != "" && text.ShellWord(word) == word && text.Clean(word) == word && !strings.ContainsAny(word[:1], "-_:@.")
}

func (c *cli) completeApprovals(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	switch {
	case len(args) == 1 && cmd.Name() == "settle":
		return []string{"done", "not_applied"}, noFiles
	case len(args) > 0 && !strings.Contains(cmd.Use, "..."):
		return nil, noFiles
	}
	return c.complete(cmd, anyone, func(ctx context.Context, s *session) (ids []string) {
		if s.openStore(ctx) != nil {
			return nil
		}
		records, _ := s.findRecords(ctx, approval.Query{}, cmd.Name() == "show") // what has ended is shown too
		for _, rec := range records[:min(len(records), mostIDs)] {
			if !slices.Contains(args, rec.ID) {
				ids = append(ids, cobra.CompletionWithDesc(rec.ID, rec.Operation+" "+text.Clean(rec.TargetName)))
			}
		}
		return ids
	})
}

func (c *cli) completeKeys(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, noFiles
	}
	return c.complete(cmd, ifKnown, func(ctx context.Context, s *session) (names []string) {
		if s.openStore(ctx) != nil {
			return nil
		}
		all, _ := s.db.Keys(ctx)
		for _, k := range all {
			if k.RevokedAt.IsZero() {
				names = append(names, k.Name)
			}
		}
		return names
	})
}
