package cli

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sethvargo/go-envconfig"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/tools"
)

const helpWidth = 80 // columns of a page of help

//go:embed help/*.txt
var helpTexts embed.FS

func helpText(name string) string {
	text, err := helpTexts.ReadFile("help/" + name + ".txt")
	if err != nil {
		panic(err) // of the source
	}
	return strings.TrimSuffix(string(text), "\n")
}

var exitCodes = []struct {
	class       runner.Class
	name, means string
}{
	{runner.OK, "done", "What was asked for was done, or was so already."},
	{runner.Failed, "failed", "VPS.org said no, the server is busy with another change, or what was waited for did not come in time."},
	{runner.Invalid, "bad input", "The command, a flag or a value is wrong. Nothing was sent; the message says what to write."},
	{runner.Refuse, "refused", "The token, the policy, a freeze or this installation does not allow it, or what the token may do cannot be read, as when VPS.org cannot be reached. Nothing was changed."},
	{runner.Waiting, "a person's answer is needed, was no, or came too late", "Nothing was changed. Where the message has an id, a person answers with vpsbot approvals approve ID, and the same command then carries it out."},
	{runner.Lost, "not known whether it happened", "The answer to a change was lost, and reading back has not settled it yet. Look before you repeat it: vpsbot approvals list shows it until it is settled."},
}

func exitCodeLine() string {
	var codes []string
	for _, code := range exitCodes {
		codes = append(codes, fmt.Sprintf("%d %s", code.class, code.name))
	}
	return "Exit codes: " + strings.Join(codes, "; ") + "."
}

// topics are pages of help that belong to no command: commands that do nothing, which cobra knows as topics.
func topics() []*cobra.Command {
	var variables, codes strings.Builder
	for _, v := range config.Variables() {
		describeTerm(&variables, v.Names, v.Meaning, v.Default)
	}
	for _, code := range exitCodes {
		describeTerm(&codes, fmt.Sprintf("%d  %s", code.class, code.name), code.means, "")
	}
	return []*cobra.Command{
		{Use: "environment", Short: "The variables that vpsbot reads", Long: strings.Replace(helpText("environment"), "VARIABLES\n", variables.String(), 1)},
		{Use: "exit-codes", Short: "What a command ends with", Long: strings.Replace(helpText("exit-codes"), "CODES\n", codes.String(), 1)},
		{Use: "names", Short: "How servers, copies and plans are named", Long: helpText("names")},
		{Use: "output", Short: "Formats, columns, paging, colours and times", Long: helpText("output")},
		{Use: "scripts", Short: "vpsbot in scripts, cron and CI", Long: helpText("scripts")},
	}
}

func describeTerm(b *strings.Builder, term, meaning, fallback string) {
	fmt.Fprintf(b, "  %s\n%s\n", term, wrap(meaning, "      "))
	if fallback != "" {
		fmt.Fprintf(b, "%s\n", wrap("Default: "+fallback, "      "))
	}
}

// helpCommand is "help". Unlike cobra's it fails for what it does not know.
func (c *cli) helpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND|TOPIC]", Short: "Show the help of a command or a topic", DisableFlagsInUseLine: true,
		Long: "Shows the help of a command, the same as --help behind it, or of a topic.",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			page, rest := descend(cmd.Root(), args)
			if len(rest) > 0 {
				return nil, noFiles
			}
			return text.Map(manualOf(page), func(sub *cobra.Command) string { return cobra.CompletionWithDesc(sub.Name(), sub.Short) }), noFiles
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			page, rest := descend(cmd.Root(), args)
			switch {
			case len(rest) == 0:
				return page.Help()
			case page == cmd.Root():
				return c.helpOfWords(page, rest)
			}
			return noSubcommand(page, rest[0])
		},
	}
}

// descend follows the names of commands as far as they lead.
func descend(cmd *cobra.Command, names []string) (found *cobra.Command, rest []string) {
	for i, name := range names {
		below := cmd.Commands()
		next := slices.IndexFunc(below, func(sub *cobra.Command) bool { return sub.Name() == name || sub.HasAlias(name) })
		if next < 0 {
			return cmd, names[i:]
		}
		cmd = below[next]
	}
	return cmd, nil
}

// noSubcommand refuses an unknown word behind a command that has others below it.
func noSubcommand(cmd *cobra.Command, word string) error {
	path := cmd.CommandPath()
	next := path + " --help lists them"
	if near := text.Suggest(word, text.Map(cmd.Commands(), (*cobra.Command).Name)); near != "" {
		next = "did you mean: " + path + " " + near
	}
	return app.Errorf(runner.Invalid, "%s has no command %q; %s", path, word, next)
}

// noSuchFlag says what is meant by a flag that a command does not have; "" for another error.
func noSuchFlag(cmd *cobra.Command, err error) string {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok {
		return ""
	}
	if unknown.GetSpecifiedShortnames() != "" {
		return fmt.Sprintf("%s has no flag -%s; %[1]s --help shows what it takes", cmd.CommandPath(), unknown.GetSpecifiedName())
	}
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			known = append(known, f.Name)
		}
	})
	name := unknown.GetSpecifiedName()
	if near := text.Suggest(name, known); near != "" {
		return fmt.Sprintf("%s has no flag --%s; did you mean --%s?", cmd.CommandPath(), name, near)
	}
	return fmt.Sprintf("%s has no flag --%s; %[1]s --help shows what it takes", cmd.CommandPath(), name)
}

// helpPage is the help of a command, at most helpWidth wide where its words can be parted.
func helpPage(cmd *cobra.Command) string {
	var b strings.Builder
	b.WriteString(reflow(cmp.Or(cmd.Long, cmd.Short+".")) + "\n")
	for _, s := range sectionsOf(cmd) {
		fmt.Fprintf(&b, "\n%s:\n%s\n", s.title, s.body)
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n%s COMMAND --help says more about a command", cmd.CommandPath())
		if !cmd.HasParent() {
			b.WriteString(",\nvpsbot help TOPIC about a topic")
		}
		b.WriteString(".\n")
	}
	return b.String()
}

// section is a part of a page of help below the text.
type section struct{ title, body string }

func sectionsOf(cmd *cobra.Command) (all []section) {
	cmd.InitDefaultHelpFlag()
	add := func(title, body string) {
		if body = strings.TrimRight(body, "\n"); body != "" {
			all = append(all, section{title, body})
		}
	}
	if cmd.Runnable() {
		add("Usage", usageLines(cmd))
	}
	add("Examples", exampleLines(examplesOf(cmd)))
	for _, group := range append(cmd.Groups(), &cobra.Group{Title: "Commands:"}) {
		add(strings.TrimSuffix(group.Title, ":"), commandLines(cmd, func(sub *cobra.Command) bool {
			return sub.GroupID == group.ID && (sub.IsAvailableCommand() || sub.Name() == "help")
		}))
	}
	cmd.InheritedFlags() // cobra adds them to Flags
	if cmd.Runnable() {  // not of a topic
		add("Flags", cmd.Flags().FlagUsagesWrapped(helpWidth))
	}
	add("Topics", commandLines(cmd, (*cobra.Command).IsAdditionalHelpTopicCommand))
	return all
}

func usageLines(cmd *cobra.Command) string {
	lines := "  " + cmd.UseLine()
	for _, alias := range cmd.Aliases {
		lines += "\n  " + strings.Replace(cmd.UseLine(), " "+cmd.Name(), " "+alias, 1)
	}
	if cmd.HasAvailableSubCommands() && !strings.Contains(cmd.Use, " ") {
		lines += "\n  " + cmd.CommandPath() + " COMMAND"
	}
	return lines
}

func commandLines(cmd *cobra.Command, wanted func(*cobra.Command) bool) string {
	subs := slices.DeleteFunc(slices.Clone(cmd.Commands()), func(sub *cobra.Command) bool { return !wanted(sub) })
	width := 10
	for _, sub := range subs {
		width = max(width, len(sub.Name()))
	}
	var b strings.Builder
	for _, sub := range subs {
		first, rest, _ := strings.Cut(wrap(sub.Short, strings.Repeat(" ", width+4)), "\n")
		fmt.Fprintf(&b, "  %-*s  %s\n", width, sub.Name(), strings.TrimSpace(first))
		if rest != "" {
			b.WriteString(rest + "\n")
		}
	}
	return b.String()
}

// examplesOf are the examples of a command: of an operation those of the catalogue.
func examplesOf(cmd *cobra.Command) string {
	var lines []string
	for line := range strings.Lines(helpText("examples")) {
		_, words, _ := strings.Cut(line, "vpsbot ") // behind variables
		of, _ := descend(cmd.Root(), strings.Fields(words))
		if of.Example != "" { // of run: the operation has its own
			of = of.Parent()
		}
		if of == cmd && cmd.HasParent() {
			lines = append(lines, "  "+strings.TrimSpace(line))
		}
	}
	return cmp.Or(cmd.Example, strings.Join(lines, "\n"))
}

// exampleLines parts a command that is too long before a flag, as a shell reads it.
func exampleLines(examples string) string {
	var lines []string
	for line := range strings.Lines(examples) {
		line = strings.TrimRight(line, "\n")
		for utf8.RuneCountInString(line) > helpWidth {
			end := strings.LastIndex(line[:helpWidth-1], " --")
			if end < 10 {
				break
			}
			lines = append(lines, line[:end]+` \`)
			line = "     " + line[end:]
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// reflow breaks paragraphs anew. What begins with a space stays as it is.
func reflow(s string) string {
	var out, paragraph []string
	flush := func() {
		if len(paragraph) > 0 {
			out, paragraph = append(out, wrap(strings.Join(paragraph, " "), "")), nil
		}
	}
	for line := range strings.Lines(strings.Trim(s, "\n") + "\n") {
		switch line = strings.ReplaceAll(strings.TrimRight(line, " \n"), "\t", "  "); {
		case line == "" || line[0] == ' ':
			flush()
			out = append(out, hang(line))
		default:
			paragraph = append(paragraph, line)
		}
	}
	flush()
	return strings.Join(out, "\n")
}

// hang breaks a line that begins with a space and is too long: what follows begins below the last column.
func hang(line string) string {
	if utf8.RuneCountInString(line) <= helpWidth {
		return line
	}
	column := strings.LastIndex(line[:helpWidth/2], "  ") + 2
	if column == 1 {
		return line
	}
	return line[:column] + strings.TrimLeft(wrap(line[column:], strings.Repeat(" ", column)), " ")
}

// wrap breaks a text into lines that begin with an indent.
func wrap(s, indent string) string {
	var lines []string
	line, width := indent, len(indent)
	for _, word := range strings.Fields(s) {
		long := utf8.RuneCountInString(word)
		switch {
		case width == len(indent):
		case width+1+long > helpWidth:
			lines, line, width = append(lines, line), indent, len(indent)
		default:
			line, width = line+" ", width+1
		}
		line, width = line+word, width+long
	}
	return strings.Join(append(lines, line), "\n")
}

// Tree returns all commands with the operations of a catalogue, for pages that are made of them.
func Tree(catalogue *tools.Catalogue) *cobra.Command {
	c := &cli{Environment: app.NewEnvironment(envconfig.MapLookuper(nil), io.Discard), io: IO{Out: io.Discard, Err: io.Discard}}
	c.Catalogue = catalogue
	root := rootCommand(c, nil)
	c.addPages(root)
	return root
}
