package runner

import (
	"context"
	"errors"
	"strings"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/internal/trace"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// Decide takes the answer that a person gives elsewhere than where the call was made. A
// yes is recorded; once all have agreed whose consent is needed, the asker's side runs it.
func (r *Runner) Decide(ctx context.Context, actor permissions.Actor, ans Answer, reason string) (rec approval.Record, err error) {
	ctx, span := r.Tracer.Begin(ctx, trace.Internal, "decide")
	defer span.End()
	defer observe(r, Call{Actor: actor, Surface: ans.Channel, Remote: ans.Remote}).decided(ctx, &rec, &err)
	a, err := r.attemptOf(ctx, ans.Approval, Call{})
	if err == nil {
		err = a.checkAnswer(ctx, actor, ans)
	}
	if err == nil && ans.Yes {
		err = a.oneOfMachine(ctx, actor)
	}
	if err != nil {
		return a.rec, err
	}
	span.Link(a.rec.Trace)
	consent := a.consent(actor, ans, reason)
	if !ans.Yes {
		m := approval.Move{To: approval.Denied, Live: true, Consent: consent}
		m.Message = withReason(about(a.op, a.rec)+"denied by "+consent.Identity, consent.Reason) + " Nothing was sent."
		return a.decideWaiting(ctx, m)
	}
	if a.rec.Confirm != "" && strings.TrimSpace(ans.Text) != a.rec.Confirm {
		return a.rec, &tools.InputError{Text: "that is not " + text.Quote(a.rec.Confirm) + "; the request stays open"}
	}
	consent.Delegate = a.rec.Others == 0 && !r.IsAsker(a.rec, actor)
	agreed, err := a.store.Agree(ctx, a.rec.ID, *consent, a.rowAgreed(*consent))
	return a.decided(ctx, agreed, approval.Approved, err)
}

// oneOfMachine refuses a second yes for another person from the users of one machine: they count as
// one.
func (a *attempt) oneOfMachine(ctx context.Context, actor permissions.Actor) error {
	if !actor.IsLocal() || a.IsAsker(a.rec, actor) {
		return nil
	}
	consents, err := a.store.Consents(ctx, a.rec.ID)
	if err != nil {
		return &storeError{err}
	}
	for _, c := range consents {
		if who := permissions.Actor(c.Identity); c.Yes && who.IsLocal() && who != actor && !a.IsAsker(a.rec, who) {
			return &tools.Refusal{Text: text.Clean(c.Identity) + " has agreed, and the users of one machine count as one person; agree with an access key or in Slack"}
		}
	}
	return nil
}

func withReason(says, reason string) string {
	if reason = text.Clean(reason); reason != "" {
		return says + ": " + reason + "."
	}
	return says + "."
}

// Cancel ends a record that its own asker no longer wants.
func (r *Runner) Cancel(ctx context.Context, actor permissions.Actor, id string) (approval.Record, error) {
	a, err := r.asked(ctx, Call{Actor: actor}, id)
	if err != nil {
		return a.rec, err
	}
	return a.cancel(ctx, "cancelled by "+string(actor))
}

// asked goes on with a record that its own asker decides on.
func (r *Runner) asked(ctx context.Context, call Call, id string) (*attempt, error) {
	a, err := r.attemptOf(ctx, id, call)
	if err == nil && !r.IsAsker(a.rec, call.Actor) {
		err = &tools.Refusal{Text: "only " + text.Clean(a.rec.Actor) + ", who asked, can do that"}
	}
	return a, err
}

func (a *attempt) cancel(ctx context.Context, why string) (approval.Record, error) {
	return a.decideWaiting(ctx, approval.Move{To: approval.Cancelled, Message: about(a.op, a.rec) + why + ". Nothing was sent."})
}

// decideWaiting ends a record wherever it waits, by a person's decision.
func (a *attempt) decideWaiting(ctx context.Context, m approval.Move) (approval.Record, error) {
	m.From = []approval.State{approval.Pending, approval.Approved}
	moved, err := a.moveWithRow(ctx, m)
	return a.decided(ctx, moved, m.To, err)
}

// decided explains why a decision came too late, if it did.
func (a *attempt) decided(ctx context.Context, moved approval.Record, to approval.State, err error) (approval.Record, error) {
	state := (*approval.StateError)(nil)
	switch {
	case err == nil:
		return moved, nil
	case errors.As(err, new(*approval.AnsweredError)):
		return a.rec, &tools.InputError{Text: "you have agreed to this before; it waits for others"}
	case !errors.As(err, &state):
		return a.rec, &storeError{err}
	}
	now := a.reconciler().asOfNow(ctx, state.Record)
	if now.State == to {
		return now, &tools.InputError{Text: about(a.op, a.rec) + "it is " + string(to) + " already"}
	}
	return now, &tools.InputError{Text: about(a.op, a.rec) + "it cannot be " + string(to) + " any more: " + standsAs(now)}
}

// Settle ends an unknown record with what a person found.
func (r *Runner) Settle(ctx context.Context, actor permissions.Actor, id string, happened bool) (approval.Record, error) {
	a, err := r.attemptOf(ctx, id, Call{})
	given := r.Policy().MayAct(actor, permissions.SettleApproval).Allowed
	if err == nil && !given && !r.IsAsker(a.rec, actor) && !a.mightHaveAsked(actor) {
		err = &tools.Refusal{Text: "only " + text.Clean(a.rec.Actor) + ", who asked, or somebody whom the policy lets do the same, can say what became of it"}
	}
	if err != nil {
		return a.rec, err
	}
	if a.rec.State == approval.Executing && a.reconciler().holderGone(ctx, a.rec.Owner, a.rec.ClaimedAt) {
		a.rec = a.reconciler().markAbandoned(ctx, a.rec)
	}
	if a.rec.State != approval.Unknown {
		return a.rec, &tools.InputError{Text: about(a.op, a.rec) + "there is nothing to settle, because its outcome is not unknown: " + endings[a.rec.State].says}
	}
	m := approval.Move{
		ID: a.rec.ID, From: []approval.State{approval.Unknown}, To: approval.NotApplied, At: r.Now(),
		Message: about(a.op, a.rec) + "it did not happen, says " + string(actor) + ".",
	}
	if happened {
		m.To, m.Message = approval.Done, about(a.op, a.rec)+"it happened, says "+string(actor)+"."
	}
	row := r.rowFor(a.rec, audit.Settled)
	row.Reason, row.Outcome, row.Approver = m.Message, m.To.Outcome(), string(actor)
	moved, err := a.store.Move(ctx, m, row)
	return a.decided(ctx, moved, m.To, err)
}

// mightHaveAsked reports whether the policy file would let somebody ask for the same from
// where it was asked.
func (a *attempt) mightHaveAsked(actor permissions.Actor) bool {
	policy, ask := a.Policy(), a.askOf(a.rec)
	ask.Actor, ask.Groups = actor, nil
	return policy.Book != nil && policy.Decide(ask).Allowed
}

// Escalate makes a record that was asked interactively answerable from elsewhere, because the
// surface cannot put the question to a person after all. why is the reason, for the
// audit log; empty: the client gave none.
func (r *Runner) Escalate(ctx context.Context, op *tools.Op, id, why string) Reply {
	a, err := r.attemptOf(ctx, id, Call{})
	if err != nil {
		return fail(op, err)
	}
	if why != "" {
		row := r.rowFor(a.rec, audit.Refused)
		row.Reason = why
		r.NoteOrLog(ctx, row)
	}
	if a.rec.State != approval.Pending {
		return replyFor(op, a.rec, r.Now())
	}
	a.rec.ExpiresAt = a.rec.CreatedAt.Add(answerElsewhere)
	answered := (*approval.StateError)(nil)
	if err := a.store.Escalate(ctx, id, a.rec.ExpiresAt); errors.As(err, &answered) { // meanwhile
		return replyFor(op, answered.Record, r.Now())
	} else if err != nil {
		return fail(op, &storeError{err})
	}
	a.rec.AnswerMode = approval.Async
	return a.approvalRequired(ctx)
}

// Abandon cancels a record because its asker's client stopped waiting for the answer where it
// was asked. A record that can be answered elsewhere stays.
func (r *Runner) Abandon(ctx context.Context, actor permissions.Actor, id string) {
	a, err := r.asked(ctx, Call{Actor: actor}, id)
	if err != nil || a.rec.State != approval.Pending || a.rec.AnswerMode != approval.Interactive {
		return
	}
	if _, err := a.cancel(ctx, "the requester stopped waiting for the answer"); err != nil {
		return // it was answered meanwhile
	}
	if _, err := a.store.MarkDelivered(ctx, id, r.Now()); err != nil {
		r.Log.Warn("noting that a requester no longer waits", "approval", id, "error", err)
	}
}
