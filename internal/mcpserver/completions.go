package mcpserver

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/internal/ttl"
	"github.com/vpsbot/vpsbot/tools"
)

const (
	listAge   = 10 * time.Second // of what completions are taken from
	listPause = 2 * time.Second  // after a read that failed: clients ask with each key that is pressed
	mostLists = 1000
	mostWords = 100 // the protocol's limit of one completion
)

// completer completes the variables of resources and the arguments of prompts. What it may not read it completes
// with nothing, as a terminal does.
type completer struct {
	*Server
	lists ttl.Cache[[]string]
}

func (s *Server) newCompleter() *completer {
	pause := func(error) time.Duration { return listPause }
	return &completer{Server: s, lists: ttl.Cache[[]string]{Fresh: listAge, Pause: pause, Max: mostLists, Now: s.Runner.Now}}
}

// CompleteResourceArgument completes the variable of a resource template.
func (c *completer) CompleteResourceArgument(ctx context.Context, uri string, arg mcp.CompleteArgument, _ mcp.CompleteContext) (*mcp.Completion, error) {
	return guard(c.Server, "completing a resource", func() (*mcp.Completion, error) {
		known := slices.ContainsFunc(resources, func(r mcpResource) bool { return r.uri == uri })
		if !known || !strings.Contains(uri, "{"+arg.Name+"}") {
			return nil, invalidParams("no resource template " + text.Quote(uri) + " has the variable " + text.Quote(arg.Name) + "; resources/templates/list has them")
		}
		return c.complete(ctx, arg, "")
	})
}

// CompletePromptArgument completes an argument of a prompt.
func (c *completer) CompletePromptArgument(ctx context.Context, name string, arg mcp.CompleteArgument, others mcp.CompleteContext) (*mcp.Completion, error) {
	return guard(c.Server, "completing a prompt", func() (*mcp.Completion, error) {
		known := slices.ContainsFunc(prompts, func(p prompt) bool { return p.name == name && p.takes(arg.Name) })
		if !known {
			return nil, invalidParams("no prompt " + text.Quote(name) + " has the argument " + text.Quote(arg.Name) + "; prompts/list has them")
		}
		return c.complete(ctx, arg, others.Arguments["server"])
	})
}

// complete returns what begins with the value, and after it what has the value elsewhere. server is whose copies
// are completed.
func (c *completer) complete(ctx context.Context, arg mcp.CompleteArgument, server string) (*mcp.Completion, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	begin, within, typed := []string{}, []string(nil), runner.Folded(arg.Value)
	for _, word := range c.list(ctx, arg.Name, server) {
		switch at := strings.Index(runner.Folded(word), typed); {
		case at == 0:
			begin = append(begin, word)
		case at > 0:
			within = append(within, word)
		}
	}
	all := append(begin, within...)
	return &mcp.Completion{Values: all[:min(len(all), mostWords)], Total: len(all), HasMore: len(all) > mostWords}, nil
}

// list returns what a variable can be. Each caller has lists of their own, for what the token and the policy in
// force let them read.
func (c *completer) list(ctx context.Context, variable, server string) []string {
	token, err := c.Runner.Token()
	if err != nil {
		return nil
	}
	ctx = apiclient.UseToken(ctx, token)
	key := sha256.Sum256(fmt.Appendf(nil, "%q %p %q %q %q", token, c.Runner.Policy().Book, callerOf(ctx), variable, server)) // server is as long as the client likes
	words, _ := c.lists.Get(ctx, string(key[:]), func(ctx context.Context) ([]string, error) {
		return guard(c.Server, "listing for completions", func() ([]string, error) {
			switch {
			case variable == serverArgument.Name:
				return c.serverNames(ctx)
			case variable == copyArgument.Name && server != "":
				return c.copyIDs(ctx, server)
			case variable == "id":
				return c.approvalIDs(ctx)
			}
			return nil, nil
		})
	})
	return words
}

// serverNames returns the names of the servers; of one that its name does not identify, the id.
func (c *completer) serverNames(ctx context.Context) ([]string, error) {
	reply := c.run(ctx, "servers.list", "", math.MaxInt)
	servers, count := tools.Results[apiclient.Server](reply.Value), map[string]int{}
	for _, s := range servers {
		count[s.Name]++
	}
	names := text.Map(servers, func(s apiclient.Server) string {
		if count[s.Name] > 1 || s.Name == "" || apiclient.LooksLikeID(s.Name) || text.Clean(s.Name) != s.Name {
			return text.Clean(s.ID.String())
		}
		return s.Name
	})
	slices.Sort(names)
	return names, c.asError(reply)
}

// copyIDs returns the ids of a server's backups and snapshots, the newest first.
func (c *completer) copyIDs(ctx context.Context, server string) (_ []string, err error) {
	var copies [][]string // when each was made, and its id
	for _, operation := range []string{"backups.list", "snapshots.list"} {
		reply := c.run(ctx, operation, server, math.MaxInt)
		err = errors.Join(err, c.asError(reply))
		table, _ := reply.Table()
		made, id := slices.Index(table.Header, "created_at"), slices.Index(table.Header, "id")
		for _, row := range table.Rows {
			copies = append(copies, []string{row[made], row[id]})
		}
	}
	slices.SortFunc(copies, func(x, y []string) int { return slices.Compare(y, x) })
	if len(copies) > 0 {
		err = nil
	}
	return text.Map(copies, func(made []string) string { return made[1] }), err
}

func (c *completer) approvalIDs(ctx context.Context) ([]string, error) {
	documents, err := c.listApprovals(ctx, "")
	return text.Map(documents, func(d approvalDocument) string { return d.ID }), err
}
