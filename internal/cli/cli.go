// Package cli is the command line, one file a command: it reads flags, asks the person at the terminal, and
// prints results.
package cli

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log"
	"runtime/debug"

	"github.com/sethvargo/go-envconfig"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/redact"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/store"
)

// cli is the command line before a command has an App.
type cli struct {
	*app.Environment
	io     IO
	output output
}

// Run runs the program with its arguments, without its name. The caller prints the error, which [Report]
// turns into an exit code.
func Run(ctx context.Context, args []string, variables envconfig.Lookuper, io IO) (err error) {
	c := &cli{Environment: app.NewEnvironment(variables, io.Err), io: io}
	c.io.Err, c.Catalogue = c.Stderr, io.Catalogue
	log.SetOutput(c.Stderr) // of the standard library, as by an HTTP server
	defer func() {
		if value := recover(); value != nil {
			err = c.panicError(value, debug.Stack())
		}
		err = c.redact(err)
		if own, ok := err.(*app.Error); ok && asksForJSON(args) {
			err = &jsonError{own}
		}
	}()
	if args, c.Profile, err = takeProfile(args); err != nil {
		return err
	}
	c.io.profile = c.Profile
	if isCompletion(args) {
		c.io.Out = completionOut{c.io.Out}
	}
	root := rootCommand(c, args)
	if words, ok := asWords(root, args); ok {
		return c.runWords(ctx, root, words)
	}
	if needsPages(args) {
		c.addPages(root)
	}
	if isCompletion(args) {
		c.completeValues(root)
	}
	root.SetArgs(args)
	return root.ExecuteContext(ctx)
}

// redact redacts an error, for a program where -o json is given. Its class stays.
func (c *cli) redact(err error) error {
	if err == nil {
		return nil
	}
	redacted := &app.Error{Class: app.ClassOf(err), Message: c.Redact(c.io.forProfile(err.Error()))}
	if c.output.isJSON() {
		return &jsonError{redacted}
	}
	return redacted
}

// panicError makes an error of a panic. The stack is printed at the log level debug alone.
func (c *cli) panicError(value any, stack []byte) error {
	if captured, ok := value.(capturedPanic); ok {
		value, stack = captured.value, captured.stack
	}
	if level, _ := c.Variables.Lookup("VPSBOT_LOG_LEVEL"); level == "debug" {
		c.io.say("%s", stack)
	}
	return app.Errorf(runner.Failed, "an internal error: %v; VPSBOT_LOG_LEVEL=debug shows where", value)
}

type session struct {
	*cli
	*app.App
	db *store.Store // set by openStore
}

// identity is how much a command needs to know of the person or assistant that it works for.
type identity int

const (
	anyone   identity = iota // nothing
	ifKnown                  // who it is; nobody is fine, an invalid access key is an error
	required                 // who it is, under a valid policy
)

// withApp calls run with an App, and closes its store afterwards.
func (c *cli) withApp(ctx context.Context, need identity, run func(*session) error) error {
	a, err := app.New(ctx, c.Environment)
	if err != nil {
		return err
	}
	defer a.Runner.Tracer.Close()
	defer a.Store.Close() //nolint:errcheck // what was written is committed
	a.WarnOfVariables()
	switch {
	case need == anyone:
		return run(&session{cli: c, App: a})
	case need == required && a.PolicyErr != nil:
		return app.Invalid(a.PolicyErr)
	}
	err = a.Authenticate(ctx)
	if err != nil && !(need == ifKnown && errors.Is(err, app.ErrNoIdentity)) {
		return err
	}
	return run(&session{cli: c, App: a})
}

// run makes the RunE of a command that has an App.
func (c *cli) run(need identity, run func(ctx context.Context, s *session, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		return c.withApp(cmd.Context(), need, func(s *session) error { return run(cmd.Context(), s, args) })
	}
}

func (c *cli) runOnStore(run func(ctx context.Context, s *session, args []string) error) func(*cobra.Command, []string) error {
	return c.run(ifKnown, func(ctx context.Context, s *session, args []string) error {
		if err := s.openStore(ctx); err != nil {
			return err
		}
		return run(ctx, s, args)
	})
}

func (s *session) openStore(ctx context.Context) (err error) {
	s.db, err = s.Store.Open(ctx)
	return err
}

// The groups of commands in the help.
const (
	groupUse   = "use"
	groupShort = "short"
	groupSetup = "setup"
)

func rootCommand(c *cli, args []string) *cobra.Command {
	var version bool
	root := &cobra.Command{
		Use: "vpsbot COMMAND", DisableFlagsInUseLine: true, Short: "One guarded door to a VPS.org account", Long: helpText("vpsbot"),
		SilenceErrors: true, SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if version {
				return c.io.println(app.ReadVersion())
			}
			return cmd.Help()
		},
	}
	root.Flags().BoolVar(&version, "version", false, "print the version")
	addProfileFlag(c, root)
	root.SetIn(c.io.In)
	root.SetOut(c.io.Out)
	root.SetErr(c.io.Err)
	root.SetFlagErrorFunc(flagError)
	for _, group := range []struct {
		id, title string
		commands  []*cobra.Command
	}{
		{groupUse, "Use it:", []*cobra.Command{runCommand(), operationsCommand(c), approvalsCommand(c), auditCommand(c)}},
		{"team", "Share it:", []*cobra.Command{
			policyCommand(c), keysCommand(c), freezeCommand(c), unfreezeCommand(c), storeCommand(c), serveCommand(c), slackCommand(c),
		}},
		{groupShort, "Servers, without the word:", nil},
		{groupSetup, "Set it up:", []*cobra.Command{
			loginCommand(c), logoutCommand(c), profileCommand(c), doctorCommand(c), installCommand(c), uninstallCommand(c), healthCommand(c), mcpCommand(c), simulatorCommand(c), versionCommand(c),
		}},
	} {
		root.AddGroup(&cobra.Group{ID: group.id, Title: group.title})
		for _, cmd := range group.commands {
			cmd.GroupID = group.id
		}
		root.AddCommand(group.commands...)
	}
	root.SetHelpCommand(c.helpCommand())
	root.SetHelpCommandGroupID(groupSetup)
	root.SetCompletionCommandGroupID(groupSetup)
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { _, _ = io.WriteString(cmd.OutOrStdout(), helpPage(cmd)) })
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd(args...)
	if completion, _, err := root.Find([]string{"completion"}); err == nil {
		completion.Args, completion.RunE = noArgs, func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		completion.Use, completion.Short = "completion COMMAND", "Make the script by which a shell completes vpsbot's words"
		completion.Long = "Prints the script by which a shell completes commands, flags and values, such as the names of servers. The\nhelp of each shell says where it goes."
		completion.DisableFlagsInUseLine = true
		for _, shell := range completion.Commands() {
			shell.Args = noArgs // cobra's own error has another exit code
		}
	}
	return root
}

func parent(use, short, long string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use + " COMMAND", DisableFlagsInUseLine: true, Short: short, Long: long, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(commands...)
	return cmd
}

func versionCommand(c *cli) *cobra.Command {
	return c.withOutput(&cobra.Command{
		Use: "version", Short: "Print the version", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			version := app.ReadVersion()
			return c.print(result{value: version, text: version.String(), names: []string{version.Version}})
		},
	}, false)
}

// noArgs refuses arguments, with the exit code of bad input.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 && cmd.HasSubCommands() {
		return noSubcommand(cmd, args[0])
	}
	if len(args) > 0 {
		return app.Errorf(runner.Invalid, "%s takes no argument, but got %q; %s --help shows what it takes", cmd.CommandPath(), args[0], cmd.CommandPath())
	}
	return nil
}

// oneArg requires one argument, which the error calls what.
func oneArg(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			return nil
		}
		return app.Errorf(runner.Invalid, "%s takes %s and nothing else; %s --help shows how", cmd.CommandPath(), what, cmd.CommandPath())
	}
}

// flagKinds are the values that a flag of each of pflag's types takes.
var flagKinds = map[string]string{
	"bool": "true or false", "int": "a whole number", "float64": "a number", "duration": "a time such as 50ms, 30s or 10m",
}

// flagError makes a sentence of an error of pflag's parser.
func flagError(cmd *cobra.Command, err error) error {
	if unknown := noSuchFlag(cmd, err); unknown != "" {
		return app.Errorf(runner.Invalid, "%s", unknown)
	}
	bad, ok := errors.AsType[*pflag.InvalidValueError](err)
	if !ok {
		return app.Errorf(runner.Invalid, "%v; %s --help shows what it takes", err, cmd.CommandPath())
	}
	if own, ok := errors.AsType[*app.Error](bad.Unwrap()); ok {
		return own
	}
	kind := cmp.Or(flagKinds[bad.GetFlag().Value.Type()], "something else")
	value := bad.GetValue()
	if looksSecret(value) {
		value = redact.Mark
	}
	return app.Errorf(runner.Invalid, "--%s must be %s, not %q; %s --help shows what it takes", bad.GetFlag().Name, kind, value, cmd.CommandPath())
}
