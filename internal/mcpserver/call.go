package mcpserver

import (
	"context"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// waitLimit is how long "wait" may wait: clients give a call up after a minute.
const waitLimit = 50 * time.Second

// exchange is one tools/call on its way through.
type exchange struct {
	*Server
	op       *tools.Op
	call     runner.Call
	session  string // that questions are put to
	client   *session
	modern   bool      // the client takes a question as a result, and brings the answer with a new call
	reporter *reporter // nil where the client wants no progress
}

func (s *Server) handler(op *tools.Op, who identify) server.ToolHandlerFunc {
	return func(ctx context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		c := who(ctx)
		x := exchange{
			Server: s, op: op, session: c.session, client: s.sessions.named(c.session),
			modern: server.IsModernRequest(ctx), reporter: newReporter(ctx, op, req),
		}
		defer x.reporter.flush()
		x.call = runner.Call{
			Operation: op.Name, Input: arguments(op, req), Actor: c.actor, Surface: permissions.MCP,
			CanAsk: canAsk(ctx) && x.client.takesForm("", s.Runner.Now()), WaitLimit: waitLimit,
		}
		if op.Settles && x.reporter != nil {
			x.call.Progress = x.reporter.settling
		}
		var err error
		if x.call.RequestID, err = requestID(req.Params.Meta); err != nil {
			return result(x.invalid(err)), nil
		}
		if req.Params.RequestState != "" || len(req.Params.InputResponses) > 0 {
			return result(x.answered(ctx, req.Params.MultiRoundTripParams)), nil
		}
		return x.run(ctx), nil
	}
}

// run runs the call, up to the question if a person must be asked.
func (x *exchange) run(ctx context.Context) *mcp.CallToolResult {
	reply := x.Runner.Run(ctx, x.call)
	if reply.Outcome != runner.ApprovalRequired || reply.Record == nil {
		return result(reply)
	}
	x.watch(x.call, *reply.Record)
	switch {
	case !x.call.CanAsk || reply.Card == nil || !x.Runner.Carries(ctx, *reply.Record, permissions.MCP):
		return result(reply)
	case !x.client.takesForm(reply.Record.ID, x.Runner.Now()):
		return result(x.elsewhere(ctx, reply.Record.ID, "This is not asked here again.", ""))
	}
	return x.ask(ctx, reply)
}

// result makes a tool result of a reply: the text stands alone, and the structured content
// is valid against the tool's output schema wherever there is any. Both name tools as the client
// knows them.
func result(reply runner.Reply) *mcp.CallToolResult {
	reply.Message = toolNames(reply.Message)
	if reply.Card != nil {
		card := *reply.Card
		card.Operation = toolNames(card.Operation)
		reply.Card = &card
	}
	r := &mcp.CallToolResult{
		Content: []mcp.Content{mcp.TextContent{Type: "text", Text: reply.Text()}},
		IsError: reply.Class != runner.OK,
	}
	if structured := reply.Structured(); structured != nil {
		r.StructuredContent = structured
	}
	return r
}

// canAsk reports whether the client says that it can put a form to a person. Nothing but
// its own word is known, and it is not asked without it: it would fail or hang.
func canAsk(ctx context.Context) bool {
	var can *mcp.ElicitationCapability
	if info := server.RequestProtocolInfoFromContext(ctx); info != nil && info.Modern {
		if info.ClientCapabilities != nil {
			can = info.ClientCapabilities.Elicitation
		}
	} else if s, ok := server.ClientSessionFromContext(ctx).(server.SessionWithClientInfo); ok {
		can = s.GetClientCapabilities().Elicitation
	}
	// The capability was an empty object before there was more than one mode.
	return can != nil && (can.Form != nil || can.URL == nil)
}
