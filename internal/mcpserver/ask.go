package mcpserver

import (
	"context"
	"encoding/json"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/tools"
)

// question is the key under which the answer comes back.
const question = "confirm"

// ask puts the question of a reply to the person at the client. To a modern client it is
// the result; an older one is asked now, while the call waits.
func (x *exchange) ask(ctx context.Context, reply tools.Reply) *mcp.CallToolResult {
	if !x.modern && !x.people.enter(mostWaiting) {
		reply = x.Runner.Handover(ctx, x.op, reply.Record.ID, "")
		reply.Message = "So many questions wait for an answer here that no more are put. " + reply.Message
		return result(reply)
	}
	if !x.modern {
		defer x.people.leave()
	}
	nonce, err := x.Runner.AskForm(ctx, *reply.Record, x.session)
	switch {
	case err != nil:
		x.Log.Error("a question could not be put", "approval", reply.Record.ID, "error", x.scrub(err.Error()))
		return result(x.Runner.Handover(ctx, x.op, reply.Record.ID, ""))
	case x.modern:
		return server.NewInputRequestBuilder(nonce).Elicit(question, form(*reply.Card)).ToolResult()
	}
	return result(x.askNow(ctx, *reply.Record, *reply.Card, nonce))
}

// askNow asks an older client and waits. It does not go by way of mcp-go's bridge between
// the eras: there, a client that fails to ask gets a protocol error with Go's own words in
// it, and nothing says whether it gave up.
func (x *exchange) askNow(ctx context.Context, rec approval.Record, card tools.Card, nonce string) tools.Reply {
	waiting, ended := context.WithTimeout(ctx, rec.ExpiresAt.Sub(x.Runner.Now()))
	defer ended()
	last := x.watched.wait(rec.ID, ended)
	answer, err := server.ServerFromContext(ctx).RequestElicitation(waiting, mcp.ElicitationRequest{
		Request: mcp.Request{Method: string(mcp.MethodElicitationCreate)}, Params: form(card),
	})
	alone := last()
	switch {
	case err == nil:
		return x.take(ctx, nonce, said(answer))
	case ctx.Err() != nil:
		if alone {
			x.Runner.GaveUp(context.WithoutCancel(ctx), x.call.Actor, rec.ID)
		}
		return x.Runner.Standing(context.WithoutCancel(ctx), x.call, rec.ID)
	case waiting.Err() != nil: // it was answered elsewhere, or nobody did in time
		return x.Runner.Standing(ctx, x.call, rec.ID)
	}
	x.Log.Warn("the client cannot ask after all", "approval", rec.ID, "error", x.scrub(tools.Clean(err.Error())))
	return x.Runner.Handover(ctx, x.op, rec.ID, "the client could not ask")
}

// form is the question as the client shows it. What is to be typed is in the title, and
// nowhere that a client could fill it in from.
func form(card tools.Card) mcp.ElicitationParams {
	return mcp.ElicitationParams{
		Message:         card.Text() + "\n\n" + card.Question(),
		RequestedSchema: fields(card),
	}
}

func fields(card tools.Card) json.RawMessage {
	if card.Confirm == "" {
		return json.RawMessage(`{"type":"object","properties":{}}`)
	}
	title, err := json.Marshal(card.Question())
	if err != nil {
		panic(err) // a string always encodes
	}
	return json.RawMessage(`{"type":"object","properties":{"name":{"type":"string","title":` + string(title) + `}},"required":["name"]}`)
}
