package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/backoff"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/internal/trace"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// How long a record waits for its confirmation.
const (
	answerHere      = 5 * time.Minute
	answerElsewhere = time.Hour
)

// ask opens a record for a person's answer, or joins the one that is open.
func (a *attempt) ask(ctx context.Context, p plan) Reply {
	if _, err := a.store.Hold(ctx); err != nil { // the lock shows that the asking process still exists
		return fail(a.op, &storeError{err})
	}
	if reply, ok := a.insert(ctx, p, audit.Asked); ok {
		return reply
	}
	a.call.onRecord(a.rec)
	return a.approvalRequired(ctx)
}

// insert stores the record, or joins the one of an earlier request. There is a reply unless the record goes on.
func (a *attempt) insert(ctx context.Context, p plan, decision audit.Decision) (Reply, bool) {
	insert := func() (approval.Record, bool, error) {
		return a.store.Insert(ctx, a.rec, a.limitsFor(a.rec), a.rowFor(a.rec, decision))
	}
	stored, joined, err := insert()
	if holder := (*approval.BusyError)(nil); errors.As(err, &holder) && a.reconciler().settleHolder(ctx, holder.Holder) {
		stored, joined, err = insert()
	}
	if err != nil {
		return a.failClaim(ctx, err), true
	}
	a.rec, a.stored = stored, true
	if joined {
		return a.join(ctx, p), true
	}
	return a.settledMeanwhile(ctx)
}

// approvalRequired replies that a person's answer is needed, and where it can be given beside a terminal.
func (a *attempt) approvalRequired(ctx context.Context) Reply {
	reply := askFor(a.op, a.rec, a.Now())
	if a.rec.AnswerMode == approval.Async && reply.Card != nil && a.connected(ctx) && a.MayCarry(ctx, a.rec, permissions.Slack) {
		reply.Message = fmt.Sprintf("A person must agree to this first (approval %s). It is asked in Slack now, and runs once they have agreed there. "+
			"A person at a terminal can run this instead; do not run it yourself: vpsbot approvals approve %s", a.rec.ID, AnswerID(a.rec))
	}
	return reply
}

// settledMeanwhile ends a record that has just been made, if an earlier request for the same
// was settled in between and its asker did not get the outcome: the reply is that outcome, or the
// same would be done twice.
func (a *attempt) settledMeanwhile(ctx context.Context) (Reply, bool) {
	reply, ok := a.deliverMissedOutcome(ctx, a.rec.AskedHash, a.rec.ArgsHash)
	if !ok {
		return Reply{}, false
	}
	m := approval.Move{To: approval.Cancelled, Message: "An earlier request for the same had just been settled. Nothing was sent."}
	if a.rec.State == approval.Executing {
		m.To = approval.Refused
	}
	a.move(ctx, m)
	return reply, true
}

// join goes on with a change that the same asker has asked for before.
func (a *attempt) join(ctx context.Context, p plan) Reply {
	if a.rec.State.Waits() && a.rec.Fingerprint != fingerprint(canonical(p.facts)) {
		return a.endStale(ctx, p.facts)
	}
	switch a.rec.State {
	case approval.Pending:
		if no := a.Room(ctx, a.rec); no != "" {
			return fail(a.op, &tools.Refusal{Text: no})
		}
		if a.rec.AnswerMode == approval.Interactive && !p.here(a.call) {
			return a.Escalate(ctx, a.op, a.rec.ID, "") // this caller only gets an answer that is given elsewhere
		}
		return a.approvalRequired(ctx)
	case approval.Approved:
		return a.execute(ctx, nil)
	}
	return a.joinRunning(ctx)
}

const (
	joinPoll  = 200 * time.Millisecond
	joinTries = 150 // half a minute
)

// joinRunning waits a little for a change that is under way, and reads an unknown one back.
func (a *attempt) joinRunning(ctx context.Context) Reply {
	for try := 0; a.rec.State == approval.Executing && try < joinTries && ctx.Err() == nil; try++ {
		a.pause(ctx, joinPoll)
		if now, err := a.store.Record(ctx, a.rec.ID); err == nil {
			a.rec = now
		}
	}
	if a.rec.State != approval.Unknown {
		return a.deliver(ctx, a.rec)
	}
	settled, found := a.reconciler().readBack(ctx, a.rec, 1)
	reply := a.deliver(ctx, settled)
	if settled.State == approval.Unknown {
		reply.Message += " " + stillUnknown(found.Evidence, settled)
	}
	return reply
}

func (r *Runner) pause(ctx context.Context, d time.Duration) {
	if r.Sleep != nil {
		r.Sleep(ctx, d)
		return
	}
	_ = backoff.Sleep(ctx, d)
}

// Answer is a person's answer to a card.
type Answer struct {
	Approval string
	Channel  permissions.Surface // by which it came
	Remote   bool                // it came over HTTP, to a question over MCP
	Yes      bool
	Text     string   // what was typed, where the card wants a name
	External bool     // the person is of another Slack workspace
	Groups   []string // ids of the Slack user groups that the person is in
	Wait     bool     // wait for the work to settle, as the call asked
}

// Answer takes the answer of the person who waits where the call was made, and runs the
// change if it is a yes. The surface vouches that the answer was given to this very
// question by this very actor; everything else is checked here.
func (r *Runner) Answer(ctx context.Context, call Call, ans Answer) (reply Reply) {
	ctx, span := trace.Start(ctx, "confirm")
	defer span.End()
	defer observe(r, call).called(ctx, &reply)
	ctx, ans.Remote = r.pin(ctx), ans.Remote || call.Remote
	a, err := r.attemptOf(ctx, ans.Approval, call)
	if err == nil {
		err = a.checkAnswer(ctx, call.Actor, ans)
	}
	if err != nil {
		return fail(a.op, err)
	}
	span.Link(a.rec.Trace)
	a.in.Wait = ans.Wait
	switch {
	case a.rec.Operation != call.Operation || a.rec.API != r.API:
		return fail(a.op, &tools.Refusal{Text: "the answer belongs to another operation; nothing was sent"})
	case !ans.Yes:
		return a.decline(ctx, ans)
	case a.rec.Confirm != "" && strings.TrimSpace(ans.Text) != a.rec.Confirm:
		// The next try shows the card anew.
		return a.endWaiting(ctx, approval.Move{To: approval.Denied, Message: "The text typed is not " + text.Quote(a.rec.Confirm) + ", so nothing was sent. Ask again to see the card anew."})
	}
	consent := a.consent(call.Actor, ans, "")
	switch {
	case a.rec.State == approval.Approved:
		return a.execute(ctx, nil)
	case a.rec.Others > 0:
		return a.agreeFirst(ctx, *consent)
	}
	return a.execute(ctx, consent)
}

// agreeFirst stores the requester's own consent where others must agree too, and runs the
// change if they all have.
func (a *attempt) agreeFirst(ctx context.Context, consent approval.Consent) Reply {
	agreed, err := a.store.Agree(ctx, a.rec.ID, consent, a.rowAgreed(consent))
	if errors.As(err, new(*approval.AnsweredError)) {
		return askFor(a.op, a.rec, a.Now()) // asked again: the others are still missing
	}
	if err != nil {
		return a.failClaim(ctx, err)
	}
	a.rec = agreed
	if agreed.State == approval.Approved {
		return a.execute(ctx, nil)
	}
	return askFor(a.op, agreed, a.Now())
}

// decline ends the record with the requester's no, given where it was asked. A yes that the same
// person gave elsewhere is taken back with it. A person's own question at a prompt is only cancelled:
// a no is remembered to bind a machine, and none has asked.
func (a *attempt) decline(ctx context.Context, ans Answer) Reply {
	switch own := a.call.Interactive && ans.Channel == permissions.Terminal; {
	case own && !a.rec.Interactive:
		reply := replyFor(a.op, a.rec, a.Now())
		reply.Message = "Nothing was sent. The same was asked for before, and still waits: to end it, vpsbot approvals deny " + a.rec.ID
		return reply
	case own:
		return a.endWaiting(ctx, approval.Move{To: approval.Cancelled, Message: about(a.op, a.rec) + "the answer was no. Nothing was sent."})
	}
	return a.endWaiting(ctx, approval.Move{
		To: approval.Denied, Consent: a.consent(a.call.Actor, ans, ""),
		Message: about(a.op, a.rec) + "denied by " + string(a.call.Actor) + ". Nothing was sent.",
	})
}

func (a *attempt) consent(actor permissions.Actor, ans Answer, reason string) *approval.Consent {
	person, _ := a.Policy().Person(actor)
	return &approval.Consent{
		Person: person, Identity: string(actor), Groups: ans.Groups, Channel: string(ans.Channel), Yes: ans.Yes,
		Reason: text.Clean(a.redact(reason)), At: a.Now(),
	}
}
