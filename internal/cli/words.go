package cli

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/command"
	"github.com/vpsbot/vpsbot/internal/fieldtext"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// Operations are typed as in Slack, and parsed by the same code: "vpsbot servers list", "vpsbot reboot web-1",
// "vpsbot run servers.list". Cobra has commands for them too, made where it needs them: for help and completion.

// grammar is how operations are written at a terminal.
func grammar() command.Grammar {
	changes := func(op *tools.Op) bool { return !op.IsRead() }
	asksName := func(op *tools.Op) bool { return op.Risk.NeedsTypedName() }
	const change = "is for commands that change something"
	all := tools.Field{Name: "all", Kind: tools.Boolean, Doc: "the whole list, however long"}
	timeout := tools.Field{Name: "timeout", Doc: "how long --wait waits, a `TIME` such as 90s or 10m; 30m without it"}
	request := tools.Field{Name: "request_id", Doc: "your own name, an `ID`, for this request: the same within 24 hours gives the same outcome, and sends nothing again"}
	yes := tools.Field{Name: "yes", Kind: tools.Boolean, Doc: "at a terminal, answer [y/N] with yes; never enough for what asks for a name"}
	confirm := tools.Field{Name: "confirm", Doc: "the `NAME` that the card asks to type, for a script that the policy lets answer"}
	return command.Grammar{Program: "vpsbot", Shell: true, Own: append(
		slices.Clone(outputFlags),
		command.Flag{Field: all, For: (*tools.Op).IsList, Says: isForLists},
		command.Flag{Field: timeout, For: func(op *tools.Op) bool { return op.Settles }, Says: "is for commands that --wait can wait for"},
		command.Flag{Field: request, For: changes, Says: change},
		command.Flag{Field: yes, For: changes, Says: change, Quiet: true},
		command.Flag{Field: confirm, For: asksName, Says: "is for commands that ask for a name", Quiet: true},
	)}
}

// asWords returns the words of an operation, or of why, in the arguments of the program. All else is a command of cobra's.
func asWords(root *cobra.Command, args []string) ([]string, bool) {
	switch {
	case needsPages(args) || args[0] == "--version":
		return nil, false
	case args[0] == "run":
		return args[1:], true
	}
	isCommand := slices.ContainsFunc(root.Commands(), func(cmd *cobra.Command) bool { return cmd.Name() == args[0] })
	return args, !isCommand
}

// needsPages reports whether cobra needs the commands that [cli.addPages] adds: it does for help and completion.
func needsPages(args []string) bool {
	return len(args) == 0 || isCompletion(args) || slices.Contains([]string{"-h", "--help", "help"}, args[0])
}

// runWords runs the operation that words name, or shows its help.
func (c *cli) runWords(ctx context.Context, root *cobra.Command, words []string) error {
	typed, err := grammar().ParseArgs(c.Catalogue, words)
	if err != nil {
		return c.mistyped(err, root, words)
	}
	switch typed.Kind {
	case command.Nothing:
		return c.withApp(ctx, required, func(s *session) error { return s.listOperations(ctx, false) })
	case command.Help:
		return c.operationHelp(root, typed)
	case command.Operation, command.Why:
		if c.output, err = outputOf(typed.Own); err != nil {
			return err
		}
		if typed.Kind == command.Why {
			return c.withApp(ctx, required, func(s *session) error { return s.why(ctx, typed) })
		}
		return c.runOperation(ctx, typed)
	}
	return app.Errorf(runner.Invalid, "%s is no operation; write: %s", typed.Kind, spelled(typed)) // after "run"
}

// mistyped adds to what is wrong with a command what may be meant.
func (c *cli) mistyped(err error, root *cobra.Command, words []string) error {
	says := err.Error()
	if wrong := (*command.ParseError)(nil); errors.As(err, &wrong) && wrong.Suggestion != nil {
		says += "; did you mean: " + spelled(*wrong.Suggestion)
	} else {
		c.addPages(root)
		near := text.Suggest(words[0], text.Map(root.Commands(), (*cobra.Command).Name))
		if page, _ := descend(root, []string{near}); page.IsAdditionalHelpTopicCommand() {
			near = "help " + near
		}
		if near != "" && near != words[0] {
			says += "; did you mean: vpsbot " + near
		}
	}
	return app.Errorf(runner.Invalid, "%s", says)
}

// helpOfWords shows the help of what words name in Slack's way: "rm", "delete server".
func (c *cli) helpOfWords(root *cobra.Command, words []string) error {
	typed, err := grammar().ParseArgs(c.Catalogue, append([]string{string(command.Help)}, words...))
	if err != nil {
		return c.mistyped(err, root, words)
	}
	return c.operationHelp(root, typed)
}

func (c *cli) operationHelp(root *cobra.Command, about command.Command) error {
	c.addPages(root)
	path := []string{cmp.Or(about.Rest, "run")}
	if about.Op != nil {
		path = strings.Split(about.Op.Name, ".")
	}
	cmd, _, err := root.Find(path)
	if err != nil {
		return err
	}
	return cmd.Help()
}

func (c *cli) whyCommand() *cobra.Command {
	return c.withOutput(&cobra.Command{
		Use: "why OPERATION [SERVER] [flags]", Short: "Say what decides about an operation, and what it would need", GroupID: groupUse,
		Long: "Says what decides about an operation that you would run, and what it would need: the policy, the token,\n" +
			"whose yes. It takes the words and the flags of the operation, and runs nothing.",
		DisableFlagsInUseLine: true,
		RunE:                  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}, false)
}

// why says what decides about an operation, and what it would need.
func (s *session) why(ctx context.Context, typed command.Command) error {
	input, err := fieldtext.Encode(typed.Op, typed.Input)
	if err != nil {
		return app.Invalid(err)
	}
	atTerminal := s.io.atTerminal()
	says := s.Runner.Why(ctx, runner.Call{
		Operation: typed.Op.Name, Input: input, Actor: s.Actor, Surface: permissions.Terminal, CanPrompt: atTerminal, Interactive: atTerminal,
	})
	asked := typed
	asked.Kind = command.Operation
	shown := strings.Replace(says, typed.Op.Name+" is ", spelled(asked)+" is ", 1)
	if notice, err := s.FreezeNotice(ctx); err == nil && notice != "" && !typed.Op.IsRead() {
		shown += "\nBut " + notice + "."
	}
	return s.print(result{value: map[string]string{"operation": typed.Op.Name, "says": says}, text: shown, names: []string{typed.Op.Name}})
}

// spelled is a command as it is typed at a terminal: "vpsbot servers get web-1".
func spelled(c command.Command) string {
	g := grammar()
	return g.Program + " " + g.Spell(c)
}

// CommandLine is the command that runs an operation with an input.
func CommandLine(op *tools.Op, raw []byte) string {
	values, _ := fieldtext.Decode(raw) // none of a record that an earlier version made
	return spelled(command.Command{Kind: command.Operation, Op: op, Input: values})
}
