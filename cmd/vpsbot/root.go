package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/sethvargo/go-envconfig"
	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/tools"
)

const rootHelp = `vpsbot is one guarded door to your VPS.org account. Assistants (over MCP) and people at a
terminal run the same operations through the same checks: the token's permissions, a card that
shows what will happen, your own yes, and a log of what was done.

Try it on the built-in simulator, which needs no account:
  VPS_API_URL=simulator vpsbot run servers.list
  VPS_API_URL=simulator vpsbot run servers.reboot web-server-01
  vpsbot doctor
For your own account set VPS_API_TOKEN to a token from https://admin.vps.org/account/developers/`

// app is what commands share: everything that comes from outside enters here.
type app struct {
	env    envconfig.Lookuper
	io     stdio
	goos   string
	now    func() time.Time
	random io.Reader
}

// run is the program: args without its name. The error, if any, says how it ended and is
// printed by the caller.
func run(ctx context.Context, args []string, env envconfig.Lookuper, io stdio) (err error) {
	a := &app{env: env, io: io, goos: runtime.GOOS, now: time.Now, random: rand.Reader}
	defer func() {
		if broken := recover(); broken != nil {
			err = a.internal(broken, debug.Stack())
		}
	}()
	root := a.root(args)
	root.SetArgs(args)
	return root.ExecuteContext(ctx)
}

// internal makes an error of a panic. The stack is for whoever looks for the mistake.
func (a *app) internal(broken any, stack []byte) error {
	if level, _ := a.env.Lookup("VPSBOT_LOG_LEVEL"); level == "debug" {
		_, _ = a.io.Err.Write(a.hidden(stack))
	}
	text := a.hidden([]byte(fmt.Sprint(broken)))
	return fail(tools.Failed, "an internal error: %s; VPSBOT_LOG_LEVEL=debug shows where", text)
}

// root makes the command tree. The operations are put in only where args may name one.
func (a *app) root(args []string) *cobra.Command {
	root := &cobra.Command{
		Use: "vpsbot", Short: "One guarded door to a VPS.org account", Long: rootHelp,
		SilenceErrors: true, SilenceUsage: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fail(tools.Invalid, "there is no command %q; vpsbot --help lists them", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(a.io.In)
	root.SetOut(a.io.Out)
	root.SetErr(a.io.Err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fail(tools.Invalid, "%v; %s --help shows what it takes", err, cmd.CommandPath())
	})
	root.AddCommand(a.runCommand(slices.Contains(args, "run")))
	root.AddCommand(a.commands()...)
	root.InitDefaultCompletionCmd(args...)
	if completion, _, err := root.Find([]string{"completion"}); err == nil {
		for _, shell := range completion.Commands() {
			shell.Args = noArgs // cobra's own error has another exit code
		}
	}
	return root
}

// noArgs refuses arguments with the code of bad input.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fail(tools.Invalid, "%s takes no argument, but got %q; %s --help shows what it takes", cmd.CommandPath(), args[0], cmd.CommandPath())
	}
	return nil
}

// oneArg wants one argument, which what names for the error.
func oneArg(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			return nil
		}
		return fail(tools.Invalid, "%s takes %s and nothing else; %s --help shows how", cmd.CommandPath(), what, cmd.CommandPath())
	}
}
