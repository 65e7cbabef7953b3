package main

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/tools"
)

// Groups of commands, in the order of the help.
var groups = []struct {
	group    cobra.Group
	commands []string
}{
	{cobra.Group{ID: "use", Title: "Use it:"}, []string{"run", "operations", "approvals", "audit"}},
	{cobra.Group{ID: "team", Title: "Share it:"}, []string{"policy", "keys", "freeze", "unfreeze", "store", "serve", "slack"}},
	{cobra.Group{ID: "setup", Title: "Set it up:"}, []string{"doctor", "mcp", "simulator", "completion", "version", "help"}},
}

// root makes the command tree. The operations are put in only where args may name one.
func (a *app) root(args []string) *cobra.Command {
	var version bool
	root := &cobra.Command{
		Use: "vpsbot", Short: "One guarded door to a VPS.org account", Long: rootHelp,
		SilenceErrors: true, SilenceUsage: true, Args: noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if version {
				return a.printVersion()
			}
			return cmd.Help()
		},
	}
	root.Flags().BoolVar(&version, "version", false, "say which version this is")
	root.SetIn(a.io.In)
	root.SetOut(a.io.Out)
	root.SetErr(a.io.Err)
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(a.runCommand(slices.Contains(args, "run")))
	root.AddCommand(a.commands()...)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd(args...)
	group(root)
	if completion, _, err := root.Find([]string{"completion"}); err == nil {
		for _, shell := range completion.Commands() {
			shell.Args = noArgs // cobra's own error has another exit code
		}
	}
	return root
}

func group(root *cobra.Command) {
	for _, g := range groups {
		root.AddGroup(&g.group)
		for _, cmd := range root.Commands() {
			if slices.Contains(g.commands, cmd.Name()) {
				cmd.GroupID = g.group.ID
			}
		}
	}
}

// noSuchCommand refuses what is no command, and knows an operation that lacks its "run".
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if _, ok := tools.Lookup(args[0]); ok {
		return fail(runner.Invalid, "there is no command %q; did you mean: vpsbot run %s", args[0], args[0])
	}
	var known []string
	for _, command := range cmd.Commands() {
		known = append(known, command.Name())
	}
	if near := text.Suggest(args[0], known); near != "" {
		return fail(runner.Invalid, "there is no command %q; did you mean: vpsbot %s", args[0], near)
	}
	return fail(runner.Invalid, "there is no command %q; vpsbot --help lists them", args[0])
}

// noArgs refuses arguments with the code of bad input.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fail(runner.Invalid, "%s takes no argument, but got %q; %s --help shows what it takes", cmd.CommandPath(), args[0], cmd.CommandPath())
	}
	return nil
}

// oneArg wants one argument, which what names for the error.
func oneArg(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			return nil
		}
		return fail(runner.Invalid, "%s takes %s and nothing else; %s --help shows how", cmd.CommandPath(), what, cmd.CommandPath())
	}
}
