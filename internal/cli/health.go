package cli

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
)

// healthTimeout is longer than serve takes to find out that its store does not answer.
const healthTimeout = 3 * time.Second

// healthReply is what serve answered.
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
