package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

const (
	checkTime = time.Minute      // for the last check after a claim
	callTime  = 75 * time.Second // for the one API call; the client's own limits are shorter
	freshFor  = 2 * time.Minute  // after which a claim no longer counts: others may take it for dead
)

// start runs a change that needs nobody's consent: it is recorded and claimed in one step.
func (r *Runner) start(ctx context.Context, store approval.Store, p plan, rec approval.Record, call Call) Reply {
	lock, err := store.Hold(ctx)
	if err != nil {
		return fail(p.op, &storeError{err})
	}
	rec.State, rec.Owner, rec.ClaimedAt = approval.Executing, lock.ID(), rec.CreatedAt
	stored, joined, err := store.Insert(ctx, rec, r.limitsFor(rec), r.rowFor(rec, audit.Allowed))
	if holder := (*approval.BusyError)(nil); errors.As(err, &holder) && r.release(ctx, store, holder.Holder) {
		stored, joined, err = store.Insert(ctx, rec, r.limitsFor(rec), r.rowFor(rec, audit.Allowed))
	}
	switch {
	case err != nil:
		return r.failClaim(ctx, p.op, rec, false, call, err)
	case joined:
		return r.join(ctx, store, p, stored, call)
	}
	if reply, ok := r.settledMeanwhile(ctx, store, p.op, stored, call); ok {
		return reply
	}
	return r.carryOut(ctx, store, p.op, stored, p.in.Wait, call)
}

// execute claims a record that a person agreed to and runs it. Whoever comes second finds
// it claimed, and is told how it stands.
func (r *Runner) execute(ctx context.Context, store approval.Store, rec approval.Record, from approval.State,
	consent *approval.Consent, wait bool, call Call,
) Reply {
	op, ok := tools.Lookup(rec.Operation)
	if !ok {
		return Reply{Class: Invalid, Message: NoSuchOperation(rec.Operation)}
	}
	claimed, err := r.claim(ctx, store, rec, from, consent)
	if holder := (*approval.BusyError)(nil); errors.As(err, &holder) && r.release(ctx, store, holder.Holder) {
		claimed, err = r.claim(ctx, store, rec, from, consent)
	}
	if err != nil {
		return r.failClaim(ctx, op, rec, true, call, err)
	}
	return r.carryOut(ctx, store, op, claimed, wait, call)
}

// carryOut checks and runs what was claimed, whether or not anybody had to agree to it.
func (r *Runner) carryOut(ctx context.Context, store approval.Store, op *tools.Op, claimed approval.Record, wait bool, call Call) Reply {
	call.recorded(claimed)
	p, err := r.checkClaimed(ctx, store, op, claimed, call)
	if err != nil {
		return r.notSent(ctx, store, op, claimed, call, err)
	}
	p.in.Wait = wait
	return r.call(ctx, store, p, claimed, call)
}

// checkClaimed runs the last check, for a limited time.
func (r *Runner) checkClaimed(ctx context.Context, store approval.Store, op *tools.Op, rec approval.Record, call Call) (plan, error) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	defer r.unlessChecked(ctx, store, rec)()
	return r.check(ctx, op, rec, call)
}

// unlessChecked ends a record whose last check panics: nothing has been sent.
func (r *Runner) unlessChecked(ctx context.Context, store approval.Store, rec approval.Record) func() {
	return func() {
		if broken := recover(); broken != nil {
			r.record(context.WithoutCancel(ctx), store, rec, approval.Move{To: approval.Refused, Message: "Nothing was sent: an internal error broke the last check off."})
			panic(broken)
		}
	}
}

// notSent ends a claimed record whose last check found that it must not run.
func (r *Runner) notSent(ctx context.Context, store approval.Store, op *tools.Op, rec approval.Record, call Call, err error) Reply {
	ended := r.record(context.WithoutCancel(ctx), store, rec, approval.Move{To: stateFor(err), Message: "Nothing was sent: " + explain(err)})
	reply := r.tell(ctx, store, op, ended, call)
	if classOf(err) == Failed && ended.State == approval.Refused {
		reply.Class = Failed // the API could not be asked: nobody has refused anything
	}
	return reply
}

func (r *Runner) claim(ctx context.Context, store approval.Store, rec approval.Record, from approval.State, consent *approval.Consent) (approval.Record, error) {
	lock, err := store.Hold(ctx)
	if err != nil {
		return rec, err
	}
	m := approval.Move{
		ID: rec.ID, From: []approval.State{from}, To: approval.Executing, At: r.Now(), Live: true,
		ArgsHash: rec.ArgsHash, Owner: lock.ID(), Consent: consent, Limits: r.limitsFor(rec),
	}
	row := r.rowRun(rec)
	if consent != nil {
		row.Approver, row.Reason = consent.Person, agreedIn(consent.Channel)
	}
	return store.Move(ctx, m, row)
}

// agreedIn says how a yes came. That of a script is nobody's hand.
func agreedIn(channel string) string {
	if channel == string(permissions.Script) {
		return "answered by a flag"
	}
	return "agreed in: " + channel
}

// failClaim replies to a claim that did not succeed: nothing was sent. stored tells whether
// the record exists, so that it can be named.
func (r *Runner) failClaim(ctx context.Context, op *tools.Op, rec approval.Record, stored bool, call Call, err error) Reply {
	var (
		held  *approval.BusyError
		state *approval.StateError
	)
	switch {
	case errors.As(err, &held):
		row := r.rowFor(rec, audit.Refused)
		row.Reason = busy(held)
		reply := Reply{Op: op, Class: Failed, Outcome: Busy, Message: busy(held), Record: &rec}
		if !stored {
			row.Approval, reply.Record = "", nil
		}
		r.noteOrLog(ctx, row)
		return reply
	case errors.As(err, &state):
		return r.lateAnswer(ctx, op, state.Record, call)
	}
	no := refusalOf(err, r.Now())
	if no == nil {
		return fail(op, &storeError{err})
	}
	if stored && errors.As(err, new(*approval.LimitError)) {
		return r.overBudget(ctx, op, rec, no, call)
	}
	row := r.rowFor(rec, audit.Refused)
	row.Reason = no.says
	if !stored {
		row.Approval = ""
	}
	r.noteOrLog(ctx, row)
	return fail(op, no)
}

// lateAnswer replies to an answer for a record that is no longer open to it.
func (r *Runner) lateAnswer(ctx context.Context, op *tools.Op, rec approval.Record, call Call) Reply {
	store, err := r.store(ctx)
	if err != nil {
		return fail(op, err)
	}
	return r.tell(ctx, store, op, r.asOfNow(ctx, store, rec), call)
}

// changedError says that the target is not what the person was shown.
type changedError struct{ what []string }

func (e *changedError) Error() string {
	return "the target has changed since it was shown: " + strings.Join(e.what, "; ")
}

// stateFor says what a failed last check makes of a record.
func stateFor(err error) approval.State {
	var (
		changed *changedError
		wrong   *inputError
	)
	if errors.As(err, &changed) || errors.As(err, &wrong) {
		return approval.Stale
	}
	return approval.Refused
}

// check looks at everything once more after the claim, as far as VPS.org must be asked: token,
// permission, account, target.
func (r *Runner) check(ctx context.Context, op *tools.Op, rec approval.Record, call Call) (plan, error) {
	then, err := factsThen(rec)
	if err != nil {
		return plan{}, err
	}
	in, err := op.RestoreInput(rec.Input)
	if err != nil {
		return plan{}, err
	}
	if err := r.authorize(ctx, op, in, call, true); err != nil {
		return plan{}, err
	}
	switch {
	case r.account() != rec.Account:
		return plan{}, &refusal{"it was asked for on another account"}
	case r.tokenName() != rec.TokenName:
		return plan{}, &refusal{"it was asked for with another token; ask for it again"}
	}
	p, err := r.planFor(ctx, op, in, idOf(in.Text("server")), call)
	if err != nil {
		return plan{}, err
	}
	if what := drift(then, p.facts); len(what) > 0 {
		return plan{}, &changedError{what}
	}
	return p, nil
}

// call makes the one API call of a claimed record, and records what came of it.
func (r *Runner) call(ctx context.Context, store approval.Store, p plan, rec approval.Record, call Call) Reply {
	// What was sent is seen to its end, whether or not the caller still waits.
	sending, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	r.calling.Store(rec.ID, true)
	defer r.calling.Delete(rec.ID)
	look, now, err := r.lastLook(sending, store, p, rec, call)
	switch {
	case errors.Is(err, errTaken):
		return r.tell(ctx, store, p.op, now, call)
	case err != nil:
		return r.notSent(ctx, store, p.op, rec, call, err)
	}
	defer r.unlessFinished(sending, store, rec)()
	status := 0
	traced := apiclient.Trace(apiclient.WithSendGuard(sending, look.Allow), func(c apiclient.Call) { status = c.Status })
	value, err := p.op.Call(traced, r.Client, p.target, p.in.Value)
	if refused := look.Refused(); refused != nil {
		return r.notSent(ctx, store, p.op, rec, call, &refusal{refused.Error() + ". Ask for it again."})
	}
	m := r.outcome(p, rec, value, err)
	m.APIStatus = status
	if there, ok := r.isThere(sending, p, err); ok {
		m.To, m.Result, m.Message = approval.Done, resultOf(there), nothingToDo(rec, there)
		return r.tell(ctx, store, p.op, r.record(sending, store, rec, m), call)
	}
	ended := r.record(sending, store, rec, m)
	switch m.To {
	case approval.Unknown:
		return r.lost(ctx, store, p, ended, call)
	case approval.Done:
		reply := r.tell(ctx, store, p.op, ended, call)
		if value != any(tools.None{}) {
			reply.Value = value
		}
		return r.settle(ctx, p, value, reply, call)
	}
	return r.tell(ctx, store, p.op, ended, call)
}

// unlessFinished makes a record unknown if the call panics: nobody can say whether it was sent.
func (r *Runner) unlessFinished(ctx context.Context, store approval.Store, rec approval.Record) func() {
	return func() {
		if broken := recover(); broken != nil {
			r.record(ctx, store, rec, approval.Move{To: approval.Unknown, Message: "It is not known whether it happened: an internal error broke the call off."})
			panic(broken)
		}
	}
}

// record moves a claimed record to its outcome. The call is over and cannot be taken back,
// so it has a time of its own for that, however long the call took. A store that fails is tried again;
// if it goes on failing, the record becomes unknown when somebody looks, and the outcome is
// written as soon as the store can be written to again.
func (r *Runner) record(ctx context.Context, store approval.Store, rec approval.Record, m approval.Move) approval.Record {
	m.ID, m.From, m.At = rec.ID, []approval.State{approval.Executing}, r.Now()
	row := r.rowRun(rec)
	row.Outcome, row.Reason, row.APIStatus = m.To.Outcome(), m.Message, m.APIStatus
	if decision := m.To.Decision(); decision != "" {
		row.Decision = decision
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	late := outcome{m, row}
	var err error
	for try := range recordTries {
		var moved approval.Record
		if moved, err = r.writeDown(ctx, store, late); err == nil {
			return moved
		}
		r.pause(ctx, time.Duration(100<<try)*time.Millisecond)
	}
	r.Log.Error("an outcome could not be recorded", "approval", rec.ID, "outcome", m.To, "error", err)
	r.unrecorded.Store(rec.ID, late)
	rec.State, rec.Result = m.To, m.Result
	rec.Message = m.Message + fmt.Sprintf(" This could not be recorded: %v.", err)
	return rec
}
