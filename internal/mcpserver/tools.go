package mcpserver

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// tools returns the tools that read records, and a tool for every operation, refused ones included, so that a call of one returns the reason
// instead of an unknown tool. A second tool by the operation's name, which is in no list, returns the tool's
// name. It runs nothing, because a client's rules about a tool depend on its name.
func (s *Server) tools() []server.ServerTool {
	var all []server.ServerTool
	for _, t := range recordTools() {
		all = append(all, server.ServerTool{Tool: t.tool(), Handler: unread})
	}
	for _, op := range s.Runner.Catalogue.Operations() {
		all = append(all,
			server.ServerTool{Tool: s.toolOf(op), Handler: unread},
			server.ServerTool{Tool: mcp.Tool{Name: op.Name, RawInputSchema: json.RawMessage(`{"type":"object"}`)}, Handler: wrongName(op)})
	}
	return all
}

// unread answers a call that only mcp-go reads as one: it takes "Name" for "name". The front answers all others.
func unread(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	return mcp.NewToolResultError("the call cannot be read: the names of its members are written as the protocol writes them. Nothing was sent"), nil
}

func wrongName(op *tools.Op) server.ToolHandlerFunc {
	return func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return mcp.NewToolResultError("no tool is called " + op.Name + "; call " + op.ToolName() + " instead. Nothing was sent"), nil
	}
}

func (s *Server) toolOf(op *tools.Op) mcp.Tool {
	tool := mcp.Tool{
		Name: op.ToolName(), Title: op.Title, Description: s.toolNames(op.Description),
		RawInputSchema: []byte(s.toolNames(string(op.InputSchema()))), Annotations: annotations(op.Risk),
	}
	if schema := op.OutputSchema(); len(schema) > 0 {
		tool.RawOutputSchema = schema
	}
	return tool
}

func (s *Server) toolNames(text string) string {
	return s.Runner.Catalogue.SpellNames(text, (*tools.Op).ToolName)
}

// annotations returns a risk as the hints of MCP. A new server costs money but destroys nothing.
func annotations(risk permissions.Risk) mcp.ToolAnnotation {
	read := risk == permissions.Read
	harms := risk == permissions.Disruptive || risk == permissions.Destructive
	return mcp.ToolAnnotation{
		ReadOnlyHint: new(read), DestructiveHint: new(harms), IdempotentHint: new(read), OpenWorldHint: new(true),
	}
}

// listTimeout limits how long a list waits for the token's permissions.
const listTimeout = 2 * time.Second

// filterTools removes from a list the tools that the policy or the token refuses to the caller.
func (s *Server) filterTools(ctx context.Context, _ any, _ *mcp.ListToolsRequest, result *mcp.ListToolsResult) {
	defer s.recoverPanic("listing the tools")
	result.Tools = slices.DeleteFunc(result.Tools, func(tool mcp.Tool) bool { return strings.Contains(tool.Name, ".") })
	offered, _ := s.offered(ctx)
	result.Tools = slices.DeleteFunc(result.Tools, func(tool mcp.Tool) bool {
		_, isRead := recordToolNamed(tool.Name)
		return !slices.ContainsFunc(offered, func(op *tools.Op) bool { return isRead || op.ToolName() == tool.Name })
	})
}

// offered returns the operations that the caller may run, and why each of the others is refused, by name. If the
// token's permissions cannot be read in time, it applies the policy alone.
func (s *Server) offered(ctx context.Context) (ops []*tools.Op, refused map[string]string) {
	// The end of the input must not cancel this read: a list would be longer.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), listTimeout)
	defer cancel()
	ops, refused, err := s.Runner.Offered(ctx, callBy(ctx))
	if err != nil {
		s.Log.Warn("what the caller may do is listed without asking the token", "error", err)
	}
	return ops, refused
}

// callBy returns a call by the client whose request mcp-go has passed on.
func callBy(ctx context.Context) runner.Call {
	c := clientOf(ctx)
	return runner.Call{Actor: c.actor, Surface: permissions.MCP, Remote: c.remote}
}
