package tools

import (
	"context"
	"errors"
	"strings"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/permissions"
)

// Answer is what a person said to a card.
type Answer struct {
	Approval string
	Channel  permissions.Surface // where it was said
	Yes      bool
	Text     string // what was typed, where the card wants a name
	Wait     bool   // wait for the work to settle, as the call asked
}

// Answer takes the answer of the person who waits where the call was made, and runs the
// change if it is a yes. The surface vouches that the answer was given to this very
// question by this very actor; everything else is checked here.
func (r *Runner) Answer(ctx context.Context, call Call, a Answer) Reply {
	ctx = r.pin(ctx)
	store, rec, op, err := r.answered(ctx, call.Actor, a.Approval)
	if err != nil {
		return failAnswer(op, err)
	}
	switch {
	case rec.Operation != call.Operation || rec.API != r.API:
		return failAnswer(op, &refusal{"the answer belongs to another operation; nothing was sent"})
	case !a.Yes:
		return r.no(ctx, store, op, rec, call, a)
	case rec.Confirm != "" && strings.TrimSpace(a.Text) != rec.Confirm:
		return r.mistyped(ctx, store, op, rec, call)
	}
	if rec.State == approval.Approved {
		return r.execute(ctx, store, rec, approval.Approved, nil, a.Wait, call)
	}
	return r.execute(ctx, store, rec, approval.Pending, r.consent(call.Actor, a.Channel, true, ""), a.Wait, call)
}

// answered finds the record that an answer is for. Only the asker may answer it.
func (r *Runner) answered(ctx context.Context, actor permissions.Actor, id string) (approval.Store, approval.Record, *Op, error) {
	store, err := r.store(ctx)
	if err != nil {
		return nil, approval.Record{}, nil, err
	}
	rec, err := store.Record(ctx, id)
	if errors.Is(err, approval.ErrNotFound) {
		return store, rec, nil, &inputError{"no approval has that id; vpsbot approvals list shows them"}
	}
	if err != nil {
		return store, rec, nil, &storeError{err}
	}
	op, ok := Lookup(rec.Operation)
	if !ok {
		return store, rec, nil, &inputError{"this version has no operation " + quote(rec.Operation)}
	}
	if rec.Actor != string(actor) {
		row := r.rowFor(rec, "refused")
		row.Reason = string(actor) + " tried to answer it, and is not who asked"
		r.noteOrLog(ctx, row)
		return store, rec, op, &refusal{"only " + Clean(rec.Actor) + ", who asked, can answer this"}
	}
	return store, rec, op, nil
}

func failAnswer(op *Op, err error) Reply {
	return Reply{Op: op, Class: classOf(err), Outcome: Refused, Message: explain(err)}
}

func (r *Runner) consent(actor permissions.Actor, channel permissions.Surface, yes bool, reason string) *approval.Consent {
	return &approval.Consent{
		Person: string(actor), Identity: string(actor), Channel: string(channel), Yes: yes, Reason: Clean(reason), At: r.Now(),
	}
}

// no ends a record with the requester's no, given where it was asked. A yes that the same
// person gave elsewhere is taken back with it.
func (r *Runner) no(ctx context.Context, store approval.Store, op *Op, rec approval.Record, call Call, a Answer) Reply {
	m := approval.Move{To: approval.Denied, Consent: r.consent(call.Actor, a.Channel, false, "")}
	if rec.Approver == string(call.Actor) {
		m.Consent = nil // a person's answer is one row, and that is the yes
	}
	m.Message = op.Name + " of " + quote(rec.TargetName) + " was declined by " + string(call.Actor) + ". Nothing was sent."
	return r.endWaiting(ctx, store, op, rec, m, call)
}

// mistyped ends a record whose name was not typed as it is: the next try shows the card anew.
func (r *Runner) mistyped(ctx context.Context, store approval.Store, op *Op, rec approval.Record, call Call) Reply {
	m := approval.Move{To: approval.Denied, Message: "The text typed is not " + quote(rec.Confirm) + ", so nothing was sent. Ask again to see the card anew."}
	return r.endWaiting(ctx, store, op, rec, m, call)
}

// endWaiting ends a record wherever it waits. One that no longer does has run or ended
// meanwhile, and its asker is told how it stands.
func (r *Runner) endWaiting(ctx context.Context, store approval.Store, op *Op, rec approval.Record, m approval.Move, call Call) Reply {
	m.From = []approval.State{approval.Pending, approval.Approved}
	return r.moveOn(ctx, store, op, rec, m, call)
}

// Decide takes the answer that a person gives elsewhere than where the call was made. A
// yes is recorded; the asker's side runs it.
func (r *Runner) Decide(ctx context.Context, actor permissions.Actor, a Answer, reason string) (approval.Record, error) {
	store, rec, _, err := r.answered(ctx, actor, a.Approval)
	if err != nil {
		return rec, err
	}
	if a.Yes && rec.Confirm != "" && strings.TrimSpace(a.Text) != rec.Confirm {
		return rec, &inputError{"that is not " + quote(rec.Confirm) + "; the request stays open"}
	}
	m := approval.Move{
		ID: rec.ID, From: []approval.State{approval.Pending}, To: approval.Approved, At: r.Now(), Live: true,
		Consent: r.consent(actor, a.Channel, a.Yes, reason),
	}
	if !a.Yes {
		m.To, m.From = approval.Denied, []approval.State{approval.Pending, approval.Approved}
		if rec.Approver == string(actor) {
			m.Consent = nil // taken back: a person's answer is one row, and that is the yes
		}
		m.Message = withReason(rec.Operation+" of "+quote(rec.TargetName)+" was denied by "+string(actor), reason) + " Nothing was sent."
	}
	row := r.rowFor(rec, string(m.To))
	row.Reason, row.Approver = m.Message, string(actor)
	if a.Yes {
		row.Reason = agreedIn(string(a.Channel))
	}
	return r.decided(ctx, store, rec, m, row)
}

func withReason(says, reason string) string {
	if reason = Clean(reason); reason != "" {
		return says + ": " + reason + "."
	}
	return says + "."
}

// Cancel ends a record that its own asker no longer wants.
func (r *Runner) Cancel(ctx context.Context, actor permissions.Actor, id string) (approval.Record, error) {
	store, rec, _, err := r.answered(ctx, actor, id)
	if err != nil {
		return rec, err
	}
	return r.cancel(ctx, store, rec, "it was cancelled by "+string(actor))
}

func (r *Runner) cancel(ctx context.Context, store approval.Store, rec approval.Record, why string) (approval.Record, error) {
	m := approval.Move{
		ID: rec.ID, From: []approval.State{approval.Pending, approval.Approved}, To: approval.Cancelled, At: r.Now(),
		Message: rec.Operation + " of " + quote(rec.TargetName) + ": " + why + ". Nothing was sent.",
	}
	row := r.rowFor(rec, "cancelled")
	row.Reason = m.Message
	return r.decided(ctx, store, rec, m, row)
}

// Settle ends an unknown record with what a person found.
func (r *Runner) Settle(ctx context.Context, actor permissions.Actor, id string, happened bool) (approval.Record, error) {
	store, rec, _, err := r.answered(ctx, actor, id)
	if err != nil {
		return rec, err
	}
	if rec.State == approval.Executing && r.dead(rec) {
		rec = r.bury(ctx, store, rec)
	}
	subject := rec.Operation + " of " + quote(rec.TargetName)
	if rec.State != approval.Unknown {
		return rec, &inputError{subject + " is not unknown, so there is nothing to settle: " + endings[rec.State].says}
	}
	m := approval.Move{
		ID: rec.ID, From: []approval.State{approval.Unknown}, To: approval.NotApplied, At: r.Now(),
		Message: subject + " did not happen, says " + string(actor) + ".",
	}
	if happened {
		m.To, m.Message = approval.Done, subject+" happened, says "+string(actor)+"."
	}
	row := r.rowFor(rec, "settled")
	row.Reason, row.Outcome, row.Approver = m.Message, string(m.To), string(actor)
	return r.decided(ctx, store, rec, m, row)
}

// decided carries a decision out, and explains why it came too late if it did.
func (r *Runner) decided(ctx context.Context, store approval.Store, rec approval.Record, m approval.Move, row auditRow) (approval.Record, error) {
	moved, err := store.Move(ctx, m, row)
	var state *approval.StateError
	switch {
	case err == nil:
		return moved, nil
	case !errors.As(err, &state):
		return rec, &storeError{err}
	}
	now := r.asOfNow(ctx, store, state.Record)
	return now, &inputError{rec.Operation + " of " + quote(rec.TargetName) + " cannot be " + string(m.To) + " any more: " + endings[now.State].says}
}

// Handover makes a record that was asked in one place answerable from elsewhere, because the
// one asked cannot put the question to a person after all. why says what came instead of an
// answer, for the log; empty: nothing did.
func (r *Runner) Handover(ctx context.Context, op *Op, id, why string) Reply {
	store, err := r.store(ctx)
	if err != nil {
		return op.fail(err)
	}
	rec, err := store.Record(ctx, id)
	if err != nil {
		return op.fail(&storeError{err})
	}
	if why != "" {
		row := r.rowFor(rec, "refused")
		row.Reason = why
		r.noteOrLog(ctx, row)
	}
	if rec.State == approval.Pending {
		rec.ExpiresAt = rec.CreatedAt.Add(answerElsewhere)
		if err := store.Handover(ctx, id, rec.ExpiresAt); err != nil {
			return op.fail(&storeError{err})
		}
	}
	return op.replyFor(rec)
}

// GaveUp cancels a record because its asker's client stopped waiting for the answer where it
// was asked. A record that can be answered elsewhere stays.
func (r *Runner) GaveUp(ctx context.Context, actor permissions.Actor, id string) {
	store, rec, _, err := r.answered(ctx, actor, id)
	if err != nil || rec.State != approval.Pending || rec.Place != approval.Here {
		return
	}
	if _, err := r.cancel(ctx, store, rec, "the client stopped waiting for the answer"); err != nil {
		return // it was answered meanwhile
	}
	if _, err := store.Told(ctx, id, r.Now()); err != nil {
		r.Log.Warn("noting that an asker gave up", "approval", id, "error", err)
	}
}
