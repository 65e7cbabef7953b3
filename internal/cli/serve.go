package cli

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/slackbot"
)

func serveCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "Serve people in Slack, and assistants over HTTP", Long: helpText("serve"), Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			defer loseLog(c)()
			return c.withApp(cmd.Context(), anyone, func(s *session) error { return s.Serve(cmd.Context(), c.io.hangups()) })
		},
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
	defer loseLog(c)()
	return c.withApp(ctx, required, func(s *session) error {
		if s.io.atTerminal() {
			s.io.say("This speaks MCP with an assistant's program, which starts it by itself; vpsbot mcp --help says how. Ctrl-D ends it.")
		}
		s.WarnOfPolicy()
		return s.ServeMCP(ctx, s.io.In, s.io.Out)
	})
}

// loseLog makes a process that serves wait for nobody who does not read its log. The caller defers flush.
func loseLog(c *cli) (flush func()) {
	if c.io.errTerminal {
		return func() {}
	}
	log := newLossyWriter(c.Stderr)
	c.io.Err, c.Stderr = log, log
	return func() { log.flush(exitGrace) }
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

// healthTimeout is longer than serve takes to find out that its store does not answer.
const healthTimeout = 3 * time.Second

type healthReply struct {
	URL     string `json:"url"`
	Healthy bool   `json:"healthy"`
	Says    string `json:"says"`
}

func healthCommand(c *cli) *cobra.Command {
	var base string
	var ready bool
	cmd := &cobra.Command{
		Use: "health", Short: "Ask a running vpsbot serve whether it is well", Long: helpText("health"), Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.health(cmd.Context(), base, ready) },
	}
	cmd.Flags().StringVar(&base, "url", "", "`URL` of the service (http:// and VPSBOT_LISTEN)")
	cmd.Flags().BoolVar(&ready, "ready", false, "ask whether it is ready")
	return c.withOutput(cmd, false)
}

func (c *cli) health(ctx context.Context, base string, ready bool) error {
	address, err := c.healthURL(ctx, base)
	if err != nil {
		return err
	}
	reply, err := askHealth(ctx, address+map[bool]string{false: "/healthz", true: "/readyz"}[ready])
	if err != nil {
		return err
	}
	if !reply.Healthy {
		return app.Errorf(runner.Failed, "%s says: %s", reply.URL, reply.Says)
	}
	return c.print(result{value: reply, text: reply.Says, names: []string{reply.Says}})
}

// healthURL returns the address of serve without a path: base, or the one on which serve listens with these variables.
func (c *cli) healthURL(ctx context.Context, base string) (string, error) {
	if base != "" {
		parsed, err := url.Parse(base)
		if err != nil || parsed.Host == "" || parsed.User != nil || parsed.RawQuery+parsed.Fragment != "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
			return "", app.Errorf(runner.Invalid, "--url is no address of a service: write such as http://127.0.0.1:8484")
		}
		return strings.TrimRight(base, "/"), nil
	}
	cfg, err := c.Config(ctx)
	if err != nil {
		return "", err
	}
	host, port, _ := net.SplitHostPort(cfg.Listen) // it was checked
	if port == "0" {
		return "", app.Errorf(runner.Invalid, "VPSBOT_LISTEN has port 0, so the service has one that only its log says: name it, such as --url http://127.0.0.1:8484")
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "" // all addresses of this machine
	}
	return "http://" + net.JoinHostPort(cmp.Or(host, "localhost"), port), nil
}

// askHealth sends one request, past proxies: it is for this machine. A redirection is no answer of serve's.
func askHealth(ctx context.Context, address string) (healthReply, error) {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return healthReply{}, app.Invalid(err)
	}
	resp, err := new(http.Transport).RoundTrip(req)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return healthReply{}, app.Errorf(runner.Failed, "%s does not answer within 3 seconds", address)
	case err != nil:
		return healthReply{}, app.Errorf(runner.Failed, "nothing answers at %s: %v; vpsbot serve must run there", address, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if err != nil {
		return healthReply{}, app.Errorf(runner.Failed, "%s broke off its answer: %v", address, err)
	}
	says := text.Clean(strings.Join(strings.Fields(string(body)), " "))
	return healthReply{URL: address, Healthy: resp.StatusCode == http.StatusOK, Says: cmp.Or(says, resp.Status)}, nil
}
