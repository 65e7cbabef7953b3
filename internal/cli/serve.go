package cli

import (
	"context"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

const serveHelp = `Serves people in Slack, assistants over HTTP, or both: what the variables set up.

Assistants call /mcp with an access key (Authorization: Bearer vpsbot_…), which vpsbot keys create
NAME makes. It is there if VPSBOT_PUBLIC_URL is set or Slack is not; VPSBOT_MCP=true or false says
otherwise. Where other machines reach it there must be a policy.

  VPSBOT_PUBLIC_URL       the https address that people use, of a proxy that ends TLS
  VPSBOT_ORIGINS          web pages that may call /mcp, such as https://app.example.com
  VPSBOT_TRUSTED_PROXIES  the proxies (127.0.0.0/8,::1) that may say from where a call came

Slack's tokens come from the app: vpsbot slack manifest prints what to make it from. With
SLACK_BOT_TOKEN set, one of two others says how Slack reaches this process:

  SLACK_APP_TOKEN         Socket Mode: this process calls Slack, no address needs to be reachable
  SLACK_SIGNING_SECRET    HTTP: Slack calls /slack/commands, /slack/interactivity and /slack/events

VPSBOT_LISTEN (127.0.0.1:8484) is the address it listens on. There GET /healthz shows that it runs
and GET /readyz whether it is ready; VPSBOT_METRICS_LISTEN is the address of GET /metrics. The policy
decides who may do what: without VPSBOT_POLICY_FILE everybody in the workspace and everybody with a
key may read, and nobody may change anything.

SIGTERM or Ctrl-C ends it within 15 seconds: what was acknowledged is finished, or left to the
store for the next process. SIGHUP makes it read the policy and the files of tokens and secrets
again; variables count as they were at its start. As a service of systemd (Type=notify) it says how
it does, and feeds the watchdog while it can serve.`

func serveCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "Serve people in Slack, and assistants over HTTP", Long: serveHelp, Args: noArgs,
		RunE: c.run(anyone, func(ctx context.Context, s *session, _ []string) error { return s.Serve(ctx, c.io.hangups()) }),
	}
}

const mcpHelp = `Serves the operations to an AI assistant over MCP, on stdin and stdout. An editor or a desktop
app starts this command by itself, by its configuration:

  {"mcpServers": {"vpsbot": {
    "command": "/path/to/vpsbot", "args": ["mcp"],
    "env": {"VPS_API_TOKEN_FILE": "/path/to/token"}}}}

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
