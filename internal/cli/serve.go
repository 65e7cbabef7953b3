package cli

import (
	"context"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/slackbot"
)

func serveCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "Serve people in Slack, and assistants over HTTP", Long: helpText("serve"), Args: noArgs,
		RunE: c.run(anyone, func(ctx context.Context, s *session, _ []string) error { return s.Serve(ctx, c.io.hangups()) }),
	}
}

func mcpCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "mcp", Short: "Serve an AI assistant over MCP, on stdin and stdout", Long: helpText("mcp"), Args: noArgs,
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

func slackCommand(c *cli) *cobra.Command {
	return parent("slack", "Make the app for Slack",
		"vpsbot slack manifest prints what Slack needs to know to make the app; vpsbot serve then runs it.", manifestCommand(c))
}

func manifestCommand(c *cli) *cobra.Command {
	var f slackbot.Features
	cmd := &cobra.Command{
		Use: "manifest", Short: "Print the manifest of the app", Long: helpText("slack-manifest"), Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.printManifest(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.Socket, "socket", false, "Socket Mode instead of HTTP")
	flags.BoolVar(&f.Home, "home", false, "with the Home tab")
	flags.BoolVar(&f.Files, "files", false, "with CSV files")
	flags.BoolVar(&f.Groups, "groups", false, "with Slack's user groups in the policy")
	flags.StringVar(&f.URL, "url", "", "`ADDRESS` at which Slack reaches vpsbot serve, https://…; left out, VPSBOT_PUBLIC_URL")
	return cmd
}

func (c *cli) printManifest(ctx context.Context, f slackbot.Features) error {
	cfg, err := c.Config(ctx)
	if err != nil {
		return err
	}
	if f.Socket && f.URL != "" {
		return app.Errorf(runner.Invalid, "--socket and --url exclude each other: in Socket Mode Slack sends nothing to an address")
	}
	if !f.Socket {
		setting := "--url"
		if f.URL == "" {
			setting, f.URL = "VPSBOT_PUBLIC_URL", cfg.PublicURL
		}
		if f.URL == "" {
			return app.Errorf(runner.Invalid, "where does Slack reach vpsbot serve? Give --url https://vpsbot.example.com or set VPSBOT_PUBLIC_URL; "+
				"with --socket it need not be reachable")
		}
		if f.URL, err = config.PublicAddress(f.URL); err != nil {
			return app.Errorf(runner.Invalid, "%s %v", setting, err)
		}
	}
	_, err = c.io.Out.Write(slackbot.Manifest(f))
	return err
}
