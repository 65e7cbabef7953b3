package cli

import (
	"fmt"
	"net"
	"time"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/runner"
)

type simulatorFlags struct {
	simulator.Options
	listen, style string
}

func simulatorCommand(c *cli) *cobra.Command {
	var flags simulatorFlags
	cmd := &cobra.Command{
		Use: "simulator", Short: "Serve a simulated VPS.org API", Long: helpText("simulator"), Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.simulate(cmd, flags) },
	}
	f := cmd.Flags()
	f.StringVar(&flags.listen, "listen", "127.0.0.1:8585", "`ADDRESS` to listen on; port 0 takes a free one")
	f.IntVar(&flags.Servers, "servers", 2, "how many servers the account has")
	f.DurationVar(&flags.Latency, "latency", 0, "how long each answer takes, such as 50ms")
	f.Float64Var(&flags.FailRate, "fail", 0, "which part of the requests fail, from 0 to 1")
	f.StringVar(&flags.style, "style", "docs", "answers in the `STYLE` docs, as VPS.org's pages have them, or vendor, as its newer tools suggest: UUIDs, pages of 20, prices as text")
	f.Float64Var(&flags.Speed, "speed", 60, "how much faster than at VPS.org work goes on")
	return cmd
}

func (f simulatorFlags) check() error {
	switch {
	case f.Servers < 1 || f.Servers > 10_000:
		return app.Errorf(runner.Invalid, "--servers must be from 1 to 10000")
	case f.Latency < 0 || f.Latency > time.Minute:
		return app.Errorf(runner.Invalid, "--latency must be from 0s to 1m")
	case !(0 <= f.FailRate && f.FailRate <= 1):
		return app.Errorf(runner.Invalid, "--fail must be from 0 to 1")
	case !(f.Speed > 0):
		return app.Errorf(runner.Invalid, "--speed must be above 0")
	case f.style != "docs" && f.style != "vendor":
		return app.Errorf(runner.Invalid, "--style must be docs or vendor")
	}
	return nil
}

func (c *cli) simulate(cmd *cobra.Command, flags simulatorFlags) error {
	if err := flags.check(); err != nil {
		return err
	}
	listener, err := app.Listen(cmd.Context(), "--listen", flags.listen)
	if err != nil {
		return err
	}
	flags.Seed = uint64(c.Clock().UnixNano()) //nolint:gosec // any number will do
	flags.Now, flags.Vendor = c.Clock, flags.style == "vendor"
	sim := simulator.New(flags.Options)
	if err := c.io.println(greeting(listener.Addr())); err != nil {
		return err
	}
	return simulator.Serve(cmd.Context(), listener, sim)
}

// greeting has the address, the tokens and a command to try.
func greeting(at net.Addr) string {
	everywhere := ""
	if tcp, ok := at.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		everywhere = fmt.Sprintf("\nIt listens to the whole network, at %s: everybody who reaches this machine can use it.\n", at)
		at = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: tcp.Port} // every address: this one is for here
	}
	url := "http://" + at.String() + "/api/v1"
	return fmt.Sprintf(`VPS.org simulator at %s
%s
  vps_demo       may do everything
  vps_readonly   may only list
  vps_expiring   may do everything, for five days

Try it in another terminal:
  VPS_API_URL=%s VPS_API_TOKEN=vps_demo vpsbot servers list

Ctrl-C ends it.`, url, everywhere, url)
}
