package mcpserver

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
)

// question is the key under which the answer comes back.
const question = "confirm"

// ask puts the question of a reply to the person at the client. To a modern client it is
// the result; an older one is asked now, while the call waits.
func (x *exchange) ask(ctx context.Context, reply runner.Reply) *mcp.CallToolResult {
	if !x.modern && !x.people.enter(mostWaiting) {
		return result(x.elsewhere(ctx, reply.Record.ID, "So many questions wait for an answer here that no more are put.", ""))
	}
	if !x.modern {
		defer x.people.leave()
	}
	nonce, err := x.Runner.AskForm(ctx, *reply.Record, x.session)
	x.client.noteAsked(reply.Record.ID, x.Runner.Now())
	switch {
	case err != nil:
		x.Log.Error("a question could not be put", "approval", reply.Record.ID, "error", err)
		return result(x.elsewhere(ctx, reply.Record.ID, "The question could not be put here.", ""))
	case x.modern:
		return server.NewInputRequestBuilder(nonce).Elicit(question, x.form(*reply.Record, *reply.Card)).ToolResult()
	}
	return result(x.askNow(ctx, *reply.Record, *reply.Card, nonce))
}

// askNow asks an older client and waits. It does not go by way of mcp-go's bridge between
// the eras: there, a client that fails to ask gets a protocol error with Go's own words in
// it, and nothing says whether it gave up.
func (x *exchange) askNow(ctx context.Context, rec approval.Record, card runner.Card, nonce string) runner.Reply {
	waiting, ended := context.WithTimeout(ctx, rec.ExpiresAt.Sub(x.Runner.Now()))
	defer ended()
	last := x.watched.wait(rec.ID, ended)
	quiet, began := x.reporter.asking(), x.Runner.Now()
	answer, err := x.put(waiting, x.form(rec, card))
	took := x.Runner.Now().Sub(began)
	quiet()
	alone := last()
	switch {
	case err == nil:
		return x.take(ctx, nonce, said(answer), took < runner.TooFast)
	case ctx.Err() != nil:
		x.client.noteRanOut(x.Runner.Now())
		if alone {
			x.Runner.GaveUp(context.WithoutCancel(ctx), x.call.Actor, rec.ID)
		}
		return x.Runner.Standing(context.WithoutCancel(ctx), x.call, rec.ID)
	case waiting.Err() != nil: // it was answered elsewhere, or nobody did in time
		reply := x.Runner.Standing(ctx, x.call, rec.ID)
		if reply.Outcome == runner.Expired {
			x.client.noteRanOut(x.Runner.Now())
		}
		return reply
	}
	x.Log.Warn("the client cannot ask after all", "approval", rec.ID, "error", text.Clean(err.Error()))
	x.client.noteRanOut(x.Runner.Now())
	return x.elsewhere(ctx, rec.ID, "This client could not put the question to a person.", "the client could not ask")
}

// put puts a question to the client and waits for what comes back.
func (x *exchange) put(ctx context.Context, form mcp.ElicitationParams) (*mcp.ElicitationResult, error) {
	if x.questions != nil {
		return x.questions.ask(ctx, form)
	}
	return server.ServerFromContext(ctx).RequestElicitation(ctx, mcp.ElicitationRequest{
		Request: mcp.Request{Method: string(mcp.MethodElicitationCreate)}, Params: form,
	})
}

// elsewhere hands a question over to a terminal or Slack, once and for all. says tells the client why,
// why the log.
func (x *exchange) elsewhere(ctx context.Context, record, says, why string) runner.Reply {
	x.client.noteHanded(record)
	reply := x.Runner.Handover(ctx, x.op, record, why)
	if reply.Outcome == runner.ApprovalRequired {
		reply.Message = says + " " + reply.Message
	}
	return reply
}

// form is the question as the client shows it.
func (x *exchange) form(rec approval.Record, card runner.Card) mcp.ElicitationParams {
	left := rec.ExpiresAt.Sub(x.Runner.Now())
	return mcp.ElicitationParams{
		Message:         toolNames(wording(card, text.Duration(left))),
		RequestedSchema: fields(card),
	}
}

// wording is the card for a client that shows little of it: what happens, what it costs, what is lost
// and what to beware of are its first three lines.
func wording(card runner.Card, left string) string {
	lines := []string{card.Effect}
	costs := strings.Join(append(slices.DeleteFunc([]string{card.Price}, isEmpty), card.Lost...), " ")
	beware := strings.Join(append(slices.Clone(card.Warnings), card.Others), " ")
	lines = append(lines, slices.DeleteFunc([]string{costs, strings.TrimSpace(beware)}, isEmpty)...)
	for _, l := range card.Target {
		lines = append(lines, "  "+l.Label+": "+l.Value)
	}
	if card.Account != "" {
		lines = append(lines, "Account: "+card.Account+".")
	}
	lines = append(lines, "Asked by "+card.AskedBy+". Can be answered for "+left+" at most.", "", card.Question())
	return strings.Join(lines, "\n")
}

func isEmpty(text string) bool { return text == "" }

// The members of a form: what is typed for a name, and what is chosen for a yes or a no.
const (
	nameField   = "name"
	choiceField = "answer"
	choiceYes   = "yes"
	choiceNo    = "no"
)

// fields is the form itself. It always has a member that must be filled in, and no default: a form with
// nothing to fill in is accepted by some clients on their own. What is to be typed is in the title, and
// nowhere that a client could fill it in from; the first choice, which a client may select, is no.
func fields(card runner.Card) json.RawMessage {
	title, err := json.Marshal(card.Question())
	if err != nil {
		panic(err) // a string always encodes
	}
	name, rest := nameField, ""
	if card.Confirm == "" {
		name, rest = choiceField, `,"enum":["`+choiceNo+`","`+choiceYes+`"]`
	}
	return json.RawMessage(`{"type":"object","properties":{"` + name + `":{"type":"string","title":` + string(title) + rest + `}},"required":["` + name + `"]}`)
}
