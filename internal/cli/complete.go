package cli

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// completionTimeout bounds how long the shell waits: for more servers than can be read in that time it completes
// nothing, rather than a part that looks like all.
const completionTimeout = 5 * time.Second

type completer = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective)

// complete completes words with those that find returns. An error completes nothing, and prints nothing.
func (c *cli) complete(cmd *cobra.Command, need identity, find func(context.Context, *session) []string) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
	defer cancel()
	var words []string
	_ = c.withApp(ctx, need, func(s *session) error {
		words = find(ctx, s)
		return nil
	})
	return words, cobra.ShellCompDirectiveNoFileComp
}

func (c *cli) completeTarget(op *tools.Op) completer {
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if f, _ := op.Field(op.Positional()); f.Kind != tools.Ref || len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return c.completeServer(cmd, args, word)
	}
}

func (c *cli) completeServer(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return c.complete(cmd, required, serverNames)
}

func completeFlag(cmd *cobra.Command, name string, with completer) {
	if err := cmd.RegisterFlagCompletionFunc(name, with); err != nil {
		panic(err) // the flag exists, and nothing else completes it
	}
}

// serverNames lists all names that can be typed, by the operation servers.list: it is refused where that is.
func serverNames(ctx context.Context, s *session) []string {
	reply := s.Runner.Run(ctx, runner.Call{
		Operation: s.Catalogue.ServerList().Name, Limit: math.MaxInt, Actor: s.Actor, Surface: permissions.Terminal,
	})
	servers, _ := reply.Value.(tools.Listing[apiclient.Server])
	return typeable(servers.Results)
}

// typeable returns the names that are safe in a shell: the person who names a server may be another than the
// one who completes. It leaves out a name that would be read as something else (an id, a flag, a word of the
// completion's own protocol), that a shell would split, that cleaning would change, or that two servers share.
func typeable(servers []apiclient.Server) []string {
	count := map[string]int{}
	for _, s := range servers {
		count[s.Name]++
	}
	var names []string
	for _, s := range servers {
		name := s.Name
		plain := text.ShellWord(name) == name && text.Clean(name) == name
		misread := apiclient.LooksLikeID(name) || strings.ContainsAny(name[:min(1, len(name))], "-_:@.")
		if plain && !misread && count[name] == 1 {
			names = append(names, name)
		}
	}
	return names
}

func (c *cli) completeApprovals(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	switch {
	case len(args) == 1 && cmd.Name() == "settle":
		return []string{"done", "not_applied"}, cobra.ShellCompDirectiveNoFileComp
	case len(args) > 0:
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return c.complete(cmd, anyone, func(ctx context.Context, s *session) (ids []string) {
		if s.openStore(ctx) != nil {
			return nil
		}
		records, _ := s.findRecords(ctx, approval.Query{}, false)
		for _, rec := range records {
			ids = append(ids, cobra.CompletionWithDesc(rec.ID, rec.Operation))
		}
		return ids
	})
}

func (c *cli) completeKeys(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return c.complete(cmd, ifKnown, func(ctx context.Context, s *session) (names []string) {
		if s.openStore(ctx) != nil {
			return nil
		}
		all, _ := s.db.Keys(ctx)
		for _, k := range all {
			if k.RevokedAt.IsZero() {
				names = append(names, k.Name)
			}
		}
		return names
	})
}
