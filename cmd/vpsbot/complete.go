package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// completionTime bounds what the shell waits for.
const completionTime = 2 * time.Second

type completer = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective)

// completeTarget completes the argument of an operation: servers by name. Anything that
// goes wrong completes nothing, and says nothing.
func (a *app) completeTarget(op *tools.Op) completer {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if op.Positional() != "server" || len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.serverNames(cmd.Context()), cobra.ShellCompDirectiveNoFileComp
	}
}

// serverNames lists the names that are fit to be typed: what cleaning would change is left
// out. The read goes the way of any other, so that it is refused where that is.
func (a *app) serverNames(ctx context.Context) []string {
	p, err := a.assemble(ctx)
	if err != nil {
		return nil
	}
	defer p.store.close() //nolint:errcheck // what was written is committed
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	defer cancel()
	reply := p.runner.Run(ctx, tools.Call{
		Operation: "servers.list", Input: fmt.Appendf(nil, `{"limit":%d}`, tools.MaxLimit), Actor: p.actor, Surface: permissions.Terminal,
	})
	servers, _ := reply.Value.(tools.Listing[apiclient.Server])
	var names []string
	for _, s := range servers.Results {
		if s.Name != "" && tools.Clean(s.Name) == s.Name {
			names = append(names, s.Name)
		}
	}
	return names
}
