package mcpserver

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// offer makes a tool of every operation, refused ones too: so that calling one of those
// gives the reason rather than an unknown tool. The operation's own name, which no list shows, gives
// the tool's: it runs nothing, since a client's rules about a tool go by the name of the tool.
func (s *Server) offer(who identify) []server.ServerTool {
	var all []server.ServerTool
	for _, op := range tools.Operations() {
		all = append(all,
			server.ServerTool{Tool: toolOf(op), Handler: s.handler(op, who)},
			server.ServerTool{Tool: mcp.Tool{Name: op.Name, RawInputSchema: json.RawMessage(`{"type":"object"}`)}, Handler: misnamed(op)})
	}
	return all
}

// misnamed answers a call of an operation by another name than its tool's.
func misnamed(op *tools.Op) server.ToolHandlerFunc {
	return func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return mcp.NewToolResultError("no tool is called " + op.Name + "; call " + op.ToolName() + " instead. Nothing was sent"), nil
	}
}

func toolOf(op *tools.Op) mcp.Tool {
	return mcp.Tool{
		Name: op.ToolName(), Title: op.Title, Description: toolNames(op.Description),
		RawInputSchema: schemaOr([]byte(toolNames(string(op.InputSchema()))), `{"type":"object"}`), RawOutputSchema: schemaOr(op.OutputSchema(), ""),
		Annotations: hints(op.Risk),
	}
}

// toolNames spells the names of operations in a text of ours as those of the tools.
func toolNames(text string) string { return tools.SpellNames(text, (*tools.Op).ToolName) }

func schemaOr(schema []byte, otherwise string) json.RawMessage {
	switch {
	case len(schema) > 0:
		return schema
	case otherwise != "":
		return json.RawMessage(otherwise)
	}
	return nil
}

// hints says of a risk what clients decide on. A new server costs money and destroys nothing.
func hints(risk permissions.Risk) mcp.ToolAnnotation {
	read := risk == permissions.Read
	harms := risk == permissions.Disruptive || risk == permissions.Destructive
	return mcp.ToolAnnotation{
		ReadOnlyHint: new(read), DestructiveHint: new(harms), IdempotentHint: new(read), OpenWorldHint: new(true),
	}
}

// listTime is how long a list may wait for the token's permissions.
const listTime = 2 * time.Second

// hideRefused leaves out of a list what policy or token refuses the caller. Where the
// permissions cannot be read in time, all that the policy lets exist is shown.
func (s *Server) hideRefused(who identify) server.OnAfterListToolsFunc {
	return func(ctx context.Context, _ any, _ *mcp.ListToolsRequest, result *mcp.ListToolsResult) {
		defer s.survive("listing the tools")
		result.Tools = slices.DeleteFunc(result.Tools, func(tool mcp.Tool) bool { return strings.Contains(tool.Name, ".") })
		s.calls.enter(math.MaxInt)
		defer s.calls.leave()
		// An end of the input must not cut the question short: everything would be shown.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), listTime)
		defer cancel()
		offered, _, err := s.Runner.Offered(ctx, runner.Call{Actor: who(ctx).actor, Surface: permissions.MCP})
		if err != nil {
			s.Log.Warn("the tools are listed without asking the token", "error", err)
		}
		names := map[string]bool{}
		for _, op := range offered {
			names[op.ToolName()] = true
		}
		shown := make([]mcp.Tool, 0, len(offered))
		for _, tool := range result.Tools {
			if names[tool.Name] {
				shown = append(shown, tool)
			}
		}
		result.Tools = shown
	}
}
