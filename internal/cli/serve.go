package cli

import (
	"context"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

const serveHelp = `Serves people in Slack: the command /vps, cards, forms, and the questions of others' assistants.

Slack's tokens come from the app: vpsbot slack manifest prints what to make it from. With
SLACK_BOT_TOKEN set, one of two others says how Slack reaches this process:

  SLACK_APP_TOKEN        Socket Mode: this process calls Slack, no address needs to be reachable
  SLACK_SIGNING_SECRET   HTTP: Slack calls /slack/commands, /slack/interactivity and /slack/events

VPSBOT_LISTEN (127.0.0.1:8484) is the address it listens on, behind a proxy that ends TLS. There
GET /healthz shows that it runs and GET /readyz whether it is ready. The policy decides who may do
what: without VPSBOT_POLICY_FILE everybody in the workspace may read, and nobody may change anything.

VPSBOT_METRICS_LISTEN, such as 127.0.0.1:9484, is the address of GET /metrics for Prometheus.

SIGTERM or Ctrl-C ends it within 15 seconds: what was acknowledged is finished, or left to the
store for the next process.`

func serveCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "Serve people in Slack", Long: serveHelp, Args: noArgs,
		RunE: c.run(anyone, func(ctx context.Context, s *session, _ []string) error { return s.Serve(ctx) }),
	}
}

const mcpHelp = `Serves the operations to an AI assistant over MCP, on stdin and stdout. An editor or a desktop
app starts this command by itself, by its configuration:

  {"mcpServers": {"vpsbot": {"command": "/path/to/vpsbot", "args": ["mcp"], "env": {"VPS_API_TOKEN_FILE": "/path/to/token"}}}}

What destroys data, interrupts a server or costs money asks you first, in the assistant's own
window or, where that cannot ask, by: vpsbot approvals approve ID`

func mcpCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "mcp", Short: "Serve an AI assistant over MCP, on stdin and stdout", Long: mcpHelp, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.serveMCP(cmd.Context()) },
	}
}

func (c *cli) serveMCP(ctx context.Context) error {
	signal.Ignore(syscall.SIGPIPE) // a client that closed its end of the log is served on
	if !c.io.errTerminal {
		log := newLossyWriter(c.Stderr)
		c.io.Err, c.Stderr = log, log
		defer log.flush(exitGrace)
	}
	return c.withApp(ctx, required, func(s *session) error {
		if s.io.atTerminal() {
			s.io.say("This speaks MCP with an assistant's program, which starts it by itself; vpsbot mcp --help says how. Ctrl-D ends it.")
		}
		s.WarnOfPolicy()
		return s.ServeMCP(ctx, s.io.In, s.io.Out)
	})
}
