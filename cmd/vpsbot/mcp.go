package main

import (
	"context"
	"errors"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/mcpserver"
)

const mcpHelp = `Serves the operations to an AI assistant over MCP, on stdin and stdout. An editor or a desktop
app starts this command by itself; it is told so in its configuration:

  {"mcpServers": {"vpsbot": {"command": "/path/to/vpsbot", "args": ["mcp"], "env": {"VPS_API_TOKEN_FILE": "/path/to/token"}}}}

What destroys data, interrupts a server or costs money asks you first, in the assistant's own
window or, where that cannot ask, by: vpsbot approvals approve ID`

func (a *app) mcpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "mcp", Short: "Serve an AI assistant over MCP, on stdin and stdout", Long: mcpHelp, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.serveMCP(cmd.Context()) },
	}
}

func (a *app) serveMCP(ctx context.Context) error {
	signal.Ignore(syscall.SIGPIPE) // a client that closed its end of the log is served on
	if !a.io.ErrTerminal {
		log := newUnwaited(a.io.Err)
		a.io.Err = log
		defer log.flush(lastWords)
	}
	p, err := a.operating(ctx)
	if err != nil {
		return err
	}
	defer p.store.close() //nolint:errcheck // what was written is committed
	if a.io.atTerminal() {
		a.io.say("This speaks MCP with an assistant's program, which starts it by itself; vpsbot mcp --help says how. Ctrl-D ends it.")
	}
	p.warnOfPolicy()
	ctx, end := context.WithCancelCause(ctx)
	defer p.background(ctx, end)()
	s := &mcpserver.Server{Runner: p.runner, Actor: p.actor, Version: readVersion().Version, Log: p.runner.Log}
	if err := s.ServeStdio(ctx, a.io.In, a.io.Out); err != nil {
		return err
	}
	if exit, ok := errors.AsType[*exitError](context.Cause(ctx)); ok {
		return exit
	}
	return nil
}
