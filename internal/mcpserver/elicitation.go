package mcpserver

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/mark3labs/mcp-go/mcp"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/internal/trace"
	"github.com/vpsbot/vpsbot/internal/ttl"
	"github.com/vpsbot/vpsbot/permissions"
)

const elicitationKey = "confirm"

// maxWaiting limits the calls on stdio that wait for a person, so that others go on. Over HTTP [Limits] do.
const maxWaiting = 50

// elicit requests a confirmation from the person at the client. For a client of the newer era the request is the
// result of the call; to an older client it is sent now, and the call waits.
func (x *toolCall) elicit(ctx context.Context, reply runner.Reply) callResult {
	if !x.modern {
		defer x.wait(-1)
		if x.wait(1) {
			return x.result(x.escalate(ctx, reply.Record.ID, "So many questions wait for an answer here that no more are put.", ""))
		}
	}
	nonce, err := x.Runner.IssueChallenge(ctx, *reply.Record, x.session())
	x.client.memory.noteAsked(reply.Record.ID, x.Runner.Now())
	switch {
	case err != nil:
		x.Log.Error("a question could not be put", "approval", reply.Record.ID, "error", err)
		return x.result(x.escalate(ctx, reply.Record.ID, "The question could not be put here.", ""))
	case x.modern:
		return callResult{question: new(x.elicitation(*reply.Record, *reply.Card)), state: nonce}
	}
	return x.result(x.elicitAndWait(ctx, *reply.Record, *reply.Card, nonce))
}

// session is what an answer must come by. A client of the newer era has no session over HTTP: its caller counts.
func (x *toolCall) session() string {
	if x.client.remote && x.modern {
		return "modern " + callerHash(x.client.actor)
	}
	return x.client.session
}

func (x *toolCall) wait(change int) (tooMany bool) {
	if x.Observe != nil {
		x.Observe.Waiting(change)
	}
	inAll := x.waiting.Add(int64(change))
	if x.client.waits == nil {
		return inAll > maxWaiting
	}
	return x.client.waits(change)
}

// elicitAndWait sends an elicitation to an older client and waits. It does not use mcp-go's bridge between the
// eras, in which a client that fails to elicit gets a protocol error with a Go error in it, and which does not
// report a cancellation.
func (x *toolCall) elicitAndWait(ctx context.Context, rec approval.Record, card runner.Card, nonce string) runner.Reply {
	waiting, cancel := context.WithTimeout(ctx, rec.ExpiresAt.Sub(x.Runner.Now()))
	defer cancel()
	if x.client.stopping != nil {
		defer context.AfterFunc(x.client.stopping, cancel)()
	}
	unsubscribe := x.approvals.subscribe(rec.ID, cancel)
	defer unsubscribe()
	x.limit.pause()
	stopProgress, began := x.progress.waitingForPerson(), x.Runner.Now()
	asking, span := trace.Start(waiting, "wait for a person")
	answer, err := x.put(asking, nonce, x.elicitation(rec, card))
	span.End()
	took := x.Runner.Now().Sub(began)
	stopProgress()
	x.limit.resume()
	if err == nil {
		kept := ctx
		if x.client.remote { // the answer has come by a request of its own: it counts even if this one is lost
			var done context.CancelFunc
			kept, done = context.WithTimeout(context.WithoutCancel(ctx), callTime)
			defer done()
		}
		reply, usedUp := x.submit(kept, nonce, answerOf(answer), took < runner.MinAnswerDelay)
		if !usedUp || !x.client.remote {
			return reply
		}
		<-waiting.Done() // the same answer has come to another replica too, and counts there
	}
	switch isLast := unsubscribe(); {
	case x.client.stopping != nil && x.client.stopping.Err() != nil:
		return x.escalate(context.WithoutCancel(ctx), rec.ID, "vpsbot is stopping.", "")
	case ctx.Err() != nil:
		return x.stopWaiting(ctx, rec, isLast)
	case waiting.Err() != nil: // it was answered on another surface, or it expired
		reply := x.Runner.Standing(ctx, x.call, rec.ID)
		if reply.Outcome == runner.Expired {
			x.client.memory.noteTimeout(x.Runner.Now())
		}
		return reply
	}
	x.Log.Warn("the client cannot ask after all", "approval", rec.ID, "error", text.Clean(err.Error()))
	x.client.memory.noteTimeout(x.Runner.Now())
	return x.escalate(ctx, rec.ID, "This client could not put the question to a person.", "the client could not ask")
}

// put sends the elicitation of a record, and waits for the answer.
func (x *toolCall) put(ctx context.Context, nonce string, params mcp.ElicitationParams) (*mcp.ElicitationResult, error) {
	raw, err := x.questions.put(ctx, x.client, serverRequest{nonce, mcp.MethodElicitationCreate, params})
	if err != nil {
		return nil, err
	}
	return elicitationOf(raw)
}

// stopWaiting ends the wait of a call whose client has cancelled it or is gone. A record whose stream over HTTP is lost
// stays open: the answer can still arrive by another request.
func (x *toolCall) stopWaiting(ctx context.Context, rec approval.Record, isLast bool) runner.Reply {
	cancelled := !x.client.remote || errors.Is(context.Cause(ctx), errCancelled)
	ctx = context.WithoutCancel(ctx)
	if cancelled {
		x.client.memory.noteTimeout(x.Runner.Now())
		if isLast {
			x.Runner.Abandon(ctx, x.call.Actor, rec.ID)
		}
	}
	return x.Runner.Standing(ctx, x.call, rec.ID)
}

// escalate leaves the confirmation of a record to a terminal or Slack, permanently. message is the reason for
// the client, logged the one for the log.
func (x *toolCall) escalate(ctx context.Context, record, message, logged string) runner.Reply {
	x.client.memory.escalated.Set(record, true)
	reply := x.Runner.Escalate(ctx, x.op, record, logged)
	if reply.Outcome == runner.ApprovalRequired {
		reply.Message = message + " " + reply.Message
	}
	return reply
}

// elicitation returns the message and the form for the client.
func (x *toolCall) elicitation(rec approval.Record, card runner.Card) mcp.ElicitationParams {
	left := rec.ExpiresAt.Sub(x.Runner.Now())
	return mcp.ElicitationParams{
		Message:         x.toolNames(cardText(card, text.Duration(left))),
		RequestedSchema: answerSchema(card),
	}
}

// cardText formats the card for a client that displays only a few lines: the effect, the costs and losses, and
// the warnings are the first three lines.
func cardText(card runner.Card, left string) string {
	lines := []string{card.Effect}
	costs := strings.Join(append(slices.DeleteFunc([]string{card.Price}, isEmpty), card.Lost...), " ")
	beware := strings.Join(append(slices.Clone(card.Warnings), card.Others), " ")
	lines = append(lines, slices.DeleteFunc([]string{costs, strings.TrimSpace(beware)}, isEmpty)...)
	for _, l := range card.Target {
		lines = append(lines, "  "+l.Label+": "+l.Value)
	}
	if card.Account != "" {
		lines = append(lines, "Account: "+card.Where()+".")
	}
	lines = append(lines, "Asked by "+card.AskedBy+". Can be answered for "+left+" at most.", "", card.Question())
	return strings.Join(lines, "\n")
}

func isEmpty(text string) bool { return text == "" }

// The members of a form: the typed name, or the choice of yes or no.
const (
	nameField   = "name"
	choiceField = "answer"
	choiceYes   = "yes"
	choiceNo    = "no"
)

// answerSchema returns the schema of the form. It always has a required member without a default, because some
// clients accept a form without one by themselves. The name to type is in the title only, from which no client
// fills in a field; the first choice, which a client may preselect, is no.
func answerSchema(card runner.Card) json.RawMessage {
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

// elicitationAnswer is the answer in a client's response, all of which the client could have made up.
type elicitationAnswer struct {
	action  mcp.ElicitationResponseAction // "" for an invalid response
	content map[string]any                // of the form
}

func (a elicitationAnswer) text(member string) string {
	text, _ := a.content[member].(string)
	return strings.TrimSpace(text)
}

func parseAnswer(raw jsontext.Value) elicitationAnswer {
	r, err := elicitationOf(json.RawMessage(raw))
	if err != nil {
		return elicitationAnswer{}
	}
	return answerOf(r)
}

func answerOf(r *mcp.ElicitationResult) elicitationAnswer {
	if !slices.Contains(validActions, r.Action) {
		return elicitationAnswer{}
	}
	content, _ := r.Content.(map[string]any)
	return elicitationAnswer{r.Action, content}
}

var validActions = []mcp.ElicitationResponseAction{
	mcp.ElicitationResponseActionAccept, mcp.ElicitationResponseActionDecline, mcp.ElicitationResponseActionCancel,
}

// submit checks that an answer is to an elicitation of this session, for this same call, by a person and not a
// program; then the Runner decides. usedUp reports that the question is not open.
func (x *toolCall) submit(ctx context.Context, nonce string, given elicitationAnswer, tooFast bool) (reply runner.Reply, usedUp bool) {
	if given.action == "" {
		return x.refuse(ctx, runner.ErrUnreadable), false
	}
	approvalID, automatic, err := x.Runner.ConsumeChallenge(ctx, nonce, x.session())
	if err != nil {
		return x.refuse(ctx, err), errors.Is(err, runner.ErrNotAsked)
	}
	return x.take(ctx, approvalID, given, x.noteAnswer(approvalID, tooFast || automatic)), false
}

func (x *toolCall) take(ctx context.Context, approvalID string, given elicitationAnswer, tooFast bool) runner.Reply {
	rec, wait, err := x.Runner.AnswerMatches(ctx, x.call, approvalID)
	if err != nil {
		return x.refuse(ctx, err)
	}
	answer, why := x.judge(rec, given, tooFast)
	if why != nil {
		return x.escalate(ctx, rec.ID, why.message, why.logged)
	}
	answer.Wait = wait
	reply := x.Runner.Answer(ctx, x.call, answer)
	if reply.Outcome == runner.ApprovalRequired { // other approvers are missing, who are not at this client
		x.client.memory.escalated.Set(rec.ID, true)
	}
	return reply
}

// noteAnswer notes that a question was answered. A client that answers faster than a person can is a program, also
// for the answer to another call.
func (x *toolCall) noteAnswer(approvalID string, tooFast bool) bool {
	x.client.memory.asked.Set(approvalID, time.Time{})
	if tooFast {
		x.client.memory.automatic.Store(true)
	}
	return tooFast
}

// escalation is why an answer does not count, so that the confirmation is left to other surfaces.
type escalation struct{ message, logged string }

// judge decides what the answer of a form says, or why it does not count.
func (x *toolCall) judge(rec approval.Record, given elicitationAnswer, tooFast bool) (runner.Answer, *escalation) {
	answer := runner.Answer{Approval: rec.ID, Channel: permissions.MCP, Remote: x.client.remote, Text: given.text(nameField)}
	choice := given.text(choiceField)
	switch {
	case tooFast:
		return answer, &escalation{"An answer came faster than a person can read, so it was not taken, and no form is put to this client any more.",
			"an answer came faster than a person can read, and was not taken"}
	case given.action == mcp.ElicitationResponseActionDecline,
		given.action == mcp.ElicitationResponseActionAccept && rec.Confirm == "" && choice == choiceNo:
	case given.action == mcp.ElicitationResponseActionCancel:
		return answer, &escalation{"The question was closed without an answer.", "the question was dismissed"}
	case x.client.memory.automatic.Load():
		return answer, &escalation{"A program answers for this client, so its yes does not count.", "the session had answered faster than a person can"}
	case rec.Confirm == "" && choice != choiceYes, rec.Confirm != "" && answer.Text == "":
		return answer, &escalation{"The answer came without what was asked for.", "the answer was a yes without what was asked for"}
	default:
		answer.Yes = true
	}
	return answer, nil
}

func (x *toolCall) refuse(ctx context.Context, err error) runner.Reply {
	return x.Runner.RefuseAnswer(ctx, x.op, x.call, err)
}

const (
	// formPause is how long a client gets no elicitation after one that timed out: it displayed no form, or
	// nobody was there.
	formPause = 10 * time.Minute
	// answerTimeout is the time after which a repeated call means that the client has cancelled the
	// elicitation: most clients do so after a minute, and some without a notification.
	answerTimeout = 45 * time.Second
)

// memory records whether a person answers the elicitations to a client. Its zero value is ready to use, and safe for
// concurrent use.
type memory struct {
	automatic atomic.Bool                    // it answered faster than a person can, so that no yes is accepted
	timedOut  atomic.Pointer[time.Time]      // when an elicitation last timed out
	escalated ttl.Bounded[string, bool]      // the ids of the records that are confirmed on another surface
	asked     ttl.Bounded[string, time.Time] // when the first elicitation of a record was sent that is not answered, by the record's id
}

// acceptsForm reports whether the elicitation of a record may be sent to the client.
func (m *memory) acceptsForm(record string, now time.Time) bool {
	if asked, _ := m.asked.Get(record); !asked.IsZero() && now.Sub(asked) >= answerTimeout {
		return false
	}
	escalated, _ := m.escalated.Get(record)
	timedOut := m.timedOut.Load()
	return !m.automatic.Load() && !escalated && (timedOut == nil || now.Sub(*timedOut) >= formPause)
}

func (m *memory) noteTimeout(now time.Time) { m.timedOut.Store(&now) }

func (m *memory) noteAsked(record string, now time.Time) {
	if asked, _ := m.asked.Get(record); asked.IsZero() {
		m.asked.Set(record, now)
	}
}
