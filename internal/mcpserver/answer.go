package mcpserver

import (
	"context"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

// meaning is what an answer says.
type meaning int

const (
	unreadable meaning = iota // it is no answer at all
	refusing                  // a no
	dismissing                // the form was closed, which decides nothing
	accepting                 // the form was sent off; what is in it says whether it is a yes
)

// spoken is what a client says that a person said. All of it is the client's to write.
type spoken struct {
	meaning meaning
	content map[string]any // of the form
}

// text returns what was filled in for a member of the form, "" for nothing and for no text.
func (s spoken) text(member string) string {
	text, _ := s.content[member].(string)
	return strings.TrimSpace(text)
}

// said reads an answer.
func said(r *mcp.ElicitationResult) spoken {
	if r == nil {
		return spoken{}
	}
	switch r.Action {
	case mcp.ElicitationResponseActionAccept:
		content, _ := r.Content.(map[string]any)
		return spoken{accepting, content}
	case mcp.ElicitationResponseActionDecline:
		return spoken{meaning: refusing}
	case mcp.ElicitationResponseActionCancel:
		return spoken{meaning: dismissing}
	}
	return spoken{}
}

// answered handles a call that brings an answer. mcp-go hands over answers to questions
// that nobody asked, so nothing in them counts but what the store knows of their nonce.
func (x *exchange) answered(ctx context.Context, came mcp.MultiRoundTripParams) runner.Reply {
	return x.take(ctx, came.RequestState, said(server.ElicitationResponse(came.InputResponses, question)), false)
}

// take checks that an answer is to a question put to this session, about this very call,
// by a person and not a program; then the Runner decides.
func (x *exchange) take(ctx context.Context, nonce string, s spoken, tooFast bool) runner.Reply {
	if s.meaning == unreadable {
		return x.refuse(ctx, runner.ErrUnreadable)
	}
	asked, err := x.Runner.TakeForm(ctx, nonce, x.session)
	if err != nil {
		return x.refuse(ctx, err)
	}
	x.client.noteAnswered(asked.Approval)
	if tooFast = tooFast || asked.Automatic; tooFast {
		x.client.noteAutomatic() // even if the answer is to another call
	}
	rec, wait, err := x.Runner.Same(ctx, x.call, asked.Approval)
	if err != nil {
		return x.refuse(ctx, err)
	}
	if tooFast {
		return x.elsewhere(ctx, rec.ID, "An answer came faster than a person can read, so it was not taken, and no form is put to this client any more.",
			"an answer came faster than a person can read, and was not taken")
	}
	answer := runner.Answer{Approval: rec.ID, Channel: permissions.MCP, Text: s.text(nameField), Wait: wait}
	choice := s.text(choiceField)
	switch {
	case s.meaning == refusing, s.meaning == accepting && rec.Confirm == "" && choice == choiceNo:
	case s.meaning == dismissing:
		return x.elsewhere(ctx, rec.ID, "The question was closed without an answer.", "the question was dismissed")
	case x.client.isAutomatic():
		return x.elsewhere(ctx, rec.ID, "A program answers for this client, so its yes does not count.", "the session had answered faster than a person can")
	case rec.Confirm == "" && choice != choiceYes, rec.Confirm != "" && answer.Text == "":
		return x.elsewhere(ctx, rec.ID, "The answer came without what was asked for.", "the answer was a yes without what was asked for")
	default:
		answer.Yes = true
	}
	reply := x.Runner.Answer(ctx, x.call, answer)
	if reply.Outcome == runner.ApprovalRequired { // others must agree too: this person has said all they can
		x.client.noteHanded(rec.ID)
	}
	return reply
}

// refuse replies to an answer that does not count.
func (x *exchange) refuse(ctx context.Context, err error) runner.Reply {
	reply := x.Runner.RefuseAnswer(ctx, x.op, x.call, err)
	if x.op.IsRead() {
		reply.Outcome = "" // only what a change answers has one
	}
	return reply
}
