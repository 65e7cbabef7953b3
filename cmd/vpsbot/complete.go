package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
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

// serverNames lists the names that are fit to be typed. The read goes the way of any other, so that it is refused where that is.
func (a *app) serverNames(ctx context.Context) []string {
	p, err := a.operating(ctx)
	if err != nil {
		return nil
	}
	defer p.store.close() //nolint:errcheck // what was written is committed
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	defer cancel()
	reply := p.runner.Run(ctx, runner.Call{
		Operation: "servers.list", Input: fmt.Appendf(nil, `{"limit":%d}`, tools.MaxLimit), Actor: p.actor, Surface: permissions.Terminal,
	})
	servers, _ := reply.Value.(tools.Listing[apiclient.Server])
	return typeable(servers.Results)
}

// completeServerFlag completes --server, where a list can be narrowed to one.
func (a *app) completeServerFlag(cmd *cobra.Command) {
	if cmd.Flags().Lookup("server") == nil {
		return
	}
	err := cmd.RegisterFlagCompletionFunc("server", func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return a.serverNames(cmd.Context()), cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil {
		panic(err) // the flag is there, and nobody else completes it
	}
}

// typeable returns the names that a shell may be given: whoever names a server may not be
// whoever completes. A name is left out that would be read as something else (an id, a
// flag, a word of the completion's own protocol), that a shell would take apart, that
// cleaning would change, or that two servers share.
func typeable(servers []apiclient.Server) []string {
	count := map[string]int{}
	for _, s := range servers {
		count[s.Name]++
	}
	var names []string
	for _, s := range servers {
		name := s.Name
		plain := shellWord(name) == name && text.Clean(name) == name
		misread := apiclient.LooksLikeID(name) || strings.ContainsAny(name[:min(1, len(name))], "-_:@.")
		if plain && !misread && count[name] == 1 {
			names = append(names, name)
		}
	}
	return names
}
