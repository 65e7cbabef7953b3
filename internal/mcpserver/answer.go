package mcpserver

import (
	"context"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// spoken is what a client says that a person said. All of it is the client's to write.
type spoken struct {
	readable bool
	yes      bool
	name     string
}

// said reads an answer. To dismiss the question is a no, as to decline it is.
func said(r *mcp.ElicitationResult) spoken {
	if r == nil {
		return spoken{}
	}
	switch r.Action {
	case mcp.ElicitationResponseActionAccept:
		content, _ := r.Content.(map[string]any)
		name, _ := content["name"].(string)
		return spoken{readable: true, yes: true, name: name}
	case mcp.ElicitationResponseActionDecline, mcp.ElicitationResponseActionCancel:
		return spoken{readable: true}
	}
	return spoken{}
}

// answered handles a call that brings an answer. mcp-go hands over answers to questions
// that nobody asked, so nothing in them counts but what the store knows of their nonce.
func (x *exchange) answered(ctx context.Context, came mcp.MultiRoundTripParams) tools.Reply {
	return x.take(ctx, came.RequestState, said(server.ElicitationResponse(came.InputResponses, question)))
}

// take checks that an answer is to a question put to this session, about this very call,
// by a person and not a program; then the Runner decides.
func (x *exchange) take(ctx context.Context, nonce string, s spoken) tools.Reply {
	if !s.readable {
		return x.refuse(ctx, tools.ErrUnreadable)
	}
	asked, err := x.Runner.TakeForm(ctx, nonce, x.session)
	if err != nil {
		return x.refuse(ctx, err)
	}
	wait, err := x.Runner.Same(ctx, x.call, asked.Approval)
	if err != nil {
		return x.refuse(ctx, err)
	}
	if asked.Automatic {
		return x.Runner.Handover(ctx, x.op, asked.Approval, "an answer came faster than a person can read, and was not taken")
	}
	return x.Runner.Answer(ctx, x.call, tools.Answer{
		Approval: asked.Approval, Channel: permissions.MCP, Yes: s.yes, Text: s.name, Wait: wait,
	})
}

// refuse replies to an answer that does not count.
func (x *exchange) refuse(ctx context.Context, err error) tools.Reply {
	reply := x.Runner.RefuseAnswer(ctx, x.op, x.call, err)
	if x.op.IsRead() {
		reply.Outcome = "" // only what a change answers has one
	}
	return reply
}
