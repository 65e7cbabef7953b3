package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/slackbot"
)

func slackCommand(c *cli) *cobra.Command {
	return parent("slack", "Make the app for Slack",
		"vpsbot slack manifest prints what Slack needs to know to make the app; vpsbot serve then runs it.", manifestCommand(c))
}

const manifestHelp = `Prints a manifest, as JSON. At https://api.slack.com/apps choose Create New App, From a manifest,
and paste it. Each flag adds a feature and the one permission that it needs:

  --socket   vpsbot calls Slack (Socket Mode): no address of yours needs to be reachable
  --home     the Home tab: the fleet, what runs, what waits for you
  --files    long lists as a CSV file (files:write)
  --groups   Slack's user groups in the policy (usergroups:read; Slack has them in paid plans)

To switch a feature on later, print it anew, replace the manifest in the app's settings, and
install the app again.`

func manifestCommand(c *cli) *cobra.Command {
	var f slackbot.Features
	cmd := &cobra.Command{
		Use: "manifest", Short: "Print the manifest of the app", Long: manifestHelp, Args: noArgs,
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
