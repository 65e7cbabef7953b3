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
	"github.com/vpsbot/vpsbot/internal/trace"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

const (
	checkTime = time.Minute      // for the last check after a claim
	callTime  = 75 * time.Second // for the one API call; the client's own limits are shorter
	freshFor  = 2 * time.Minute  // after which a claim no longer counts: others may take it for dead
)

// RunApproved runs a record that a person agreed to elsewhere, for the asker's side: its
// own token, its own account. It returns the record as it then stands; while that is open
// it must be read again.
func (r *Runner) RunApproved(ctx context.Context, call Call, id string) (approval.Record, error) {
	ctx = r.pin(ctx)
	call.Detached = true
	a, err := r.attemptOf(ctx, id, call)
	if err != nil {
		return a.rec, err
	}
	a.rec = a.reconciler().asOfNow(ctx, a.rec)
	if a.rec.State != approval.Approved {
		return a.rec, nil
	}
	a.call.Operation = a.rec.Operation
	ctx, span := r.Tracer.Begin(ctx, trace.Internal, "run approved "+a.rec.Operation)
	defer span.End()
	span.Link(a.rec.Trace)
	o := observe(r, a.call)
	reply := a.execute(ctx, nil)
	o.called(ctx, &reply)
	return a.store.Record(context.WithoutCancel(ctx), id)
}

// start runs a change that needs nobody's consent: it is recorded and claimed in one step.
func (a *attempt) start(ctx context.Context, p plan) Reply {
	lock, err := a.store.Hold(ctx)
	if err != nil {
		return fail(a.op, &storeError{err})
	}
	a.rec.State, a.rec.Owner, a.rec.ClaimedAt = approval.Executing, lock.ID(), a.rec.CreatedAt
	if reply, ok := a.insert(ctx, p, audit.Allowed); ok {
		return reply
	}
	return a.carryOut(ctx)
}

// execute claims a record that a person agreed to and runs it: with the consent that has just come, or, where
// consent is nil, one that is approved already. The second of two finds it claimed, and replies how it stands.
func (a *attempt) execute(ctx context.Context, consent *approval.Consent) Reply {
	claimed, err := a.claim(ctx, consent)
	if holder := (*approval.BusyError)(nil); errors.As(err, &holder) && a.reconciler().settleHolder(ctx, holder.Holder) {
		claimed, err = a.claim(ctx, consent)
	}
	if err != nil {
		return a.failClaim(ctx, err)
	}
	a.rec = claimed
	return a.carryOut(ctx)
}

func (a *attempt) claim(ctx context.Context, consent *approval.Consent) (approval.Record, error) {
	lock, err := a.store.Hold(ctx)
	if err != nil {
		return a.rec, err
	}
	m := approval.Move{
		ID: a.rec.ID, From: []approval.State{approval.Approved}, To: approval.Executing, At: a.Now(), Live: true,
		ArgsHash: a.rec.ArgsHash, Owner: lock.ID(), Consent: consent, Limits: a.limitsFor(a.rec),
	}
	row := a.rowRun()
	if consent != nil {
		m.From = []approval.State{approval.Pending}
		row.Approver, row.Reason = consent.Person, agreedIn(consent.Channel)
	}
	return a.store.Move(ctx, m, row)
}

// agreedIn says by which channel a yes came. A flag of a script is not a person's hand.
func agreedIn(channel string) string {
	if channel == string(permissions.Script) {
		return "answered by a flag"
	}
	return "agreed in: " + channel
}

// carryOut checks and runs the record that was claimed, whether or not anybody had to agree to it.
func (a *attempt) carryOut(ctx context.Context) (reply Reply) {
	ctx, span := trace.Start(ctx, "execute")
	defer func() {
		if reply.Class != OK {
			span.Fail(reply.Class.String())
		}
		span.End()
	}()
	a.call.onRecord(a.rec)
	p, err := a.check(ctx)
	if err != nil {
		return a.notSent(ctx, err)
	}
	return a.send(ctx, p)
}

// check reads everything once more after the claim, as far as VPS.org must be asked: token,
// permission, account, target.
func (a *attempt) check(ctx context.Context) (plan, error) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	defer a.refuseOnPanic(ctx)
	then, err := factsThen(a.rec)
	if err != nil {
		return plan{}, err
	}
	in, err := a.op.RestoreInput(a.rec.Input)
	if err != nil {
		return plan{}, err
	}
	in.Wait = a.in.Wait
	a.in = in
	if err := a.authorize(ctx, true); err != nil {
		return plan{}, err
	}
	switch {
	case a.account() != a.rec.Account:
		return plan{}, &tools.Refusal{Text: "it was asked for on another account"}
	case a.tokenName() != a.rec.TokenName:
		return plan{}, &tools.Refusal{Text: "it was asked for with another token; ask for it again"}
	}
	p, err := a.planFor(ctx, tools.AnyID(in.Text("server")))
	if err != nil {
		return plan{}, err
	}
	if what := drift(then, p.facts); len(what) > 0 {
		return plan{}, &changedError{what}
	}
	return p, nil
}

// refuseOnPanic, deferred, ends a record whose last check panics: nothing has been sent.
func (a *attempt) refuseOnPanic(ctx context.Context) {
	if broken := recover(); broken != nil {
		a.finish(ctx, approval.Move{To: approval.Refused, Message: "Nothing was sent: an internal error broke the last check off."})
		panic(broken)
	}
}

// notSent ends a claimed record whose last check found that it must not run.
func (a *attempt) notSent(ctx context.Context, err error) Reply {
	to := approval.Refused
	if errors.As(err, new(*changedError)) || errors.As(err, new(*tools.InputError)) {
		to = approval.Stale
	}
	says, stopped := Explain(err), ctx.Err() != nil
	if stopped { // what could not be read then says nothing
		says = "it was stopped before."
	}
	ended := a.finish(ctx, approval.Move{To: to, Message: "Nothing was sent: " + says})
	reply := a.deliver(context.WithoutCancel(ctx), ended) // who stopped it is not told of it by the next call
	if (stopped || classOf(err) == Failed) && ended.State == approval.Refused {
		reply.Class = Failed // the API could not be asked: nobody has refused anything
	}
	return reply
}

type changedError struct{ what []string }

func (e *changedError) Error() string {
	return "the target has changed since it was shown: " + strings.Join(e.what, "; ")
}

// send makes the one API call of a claimed record, and records its outcome.
func (a *attempt) send(ctx context.Context, p plan) Reply {
	// The call is seen to its end, whether or not the caller still waits.
	sending, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	a.calling.Store(a.rec.ID, true)
	defer a.calling.Delete(a.rec.ID)
	look, now, err := a.lastLook(sending, p)
	switch {
	case errors.Is(err, errClaimLost):
		return a.deliver(ctx, now)
	case err != nil:
		return a.notSent(ctx, err)
	}
	defer a.unknownOnPanic(sending)
	status := 0
	traced := apiclient.Trace(apiclient.WithSendGuard(sending, look.Allow), func(c apiclient.Call) { status = c.Status })
	value, err := p.op.Call(traced, a.Client, p.target, p.in.Value)
	if refused := look.Refused(); refused != nil {
		return a.notSent(ctx, &tools.Refusal{Text: refused.Error() + ". Ask for it again."})
	}
	m := outcomeOf(p.op, a.rec, value, err)
	m.APIStatus = status
	if there, ok := a.isThere(sending, p, err); ok {
		m.To, m.Result = approval.Done, resultOf(there)
		m.Message = p.op.Named(a.rec.TargetName) + " " + stands(there.Server.Status) + " already: there was nothing to do."
		return a.deliver(ctx, a.finish(sending, m))
	}
	ended := a.finish(sending, m)
	switch m.To {
	case approval.Unknown:
		a.rec = ended
		return a.lost(ctx, p)
	case approval.Done:
		reply := a.deliver(ctx, ended)
		if value != any(tools.None{}) {
			reply.Value = value
		}
		return a.settle(ctx, p, value, reply)
	}
	return a.deliver(ctx, ended)
}

// unknownOnPanic, deferred, makes a record unknown if the call panics: nobody can say whether it was sent.
func (a *attempt) unknownOnPanic(ctx context.Context) {
	if broken := recover(); broken != nil {
		a.finish(ctx, approval.Move{To: approval.Unknown, Message: "It is not known whether it happened: an internal error broke the call off."})
		panic(broken)
	}
}

// finish moves the claimed record to its outcome. The call is over and cannot be taken back,
// so recording has a time of its own, however long the call took. A store that fails is tried again;
// if it goes on failing, another process makes the record unknown, and the outcome is
// written as soon as the store can be written to again.
func (a *attempt) finish(ctx context.Context, m approval.Move) approval.Record {
	rec := a.rec
	m.ID, m.From, m.At = rec.ID, []approval.State{approval.Executing}, a.Now()
	row := a.rowRun()
	row.Outcome, row.Reason, row.APIStatus = m.To.Outcome(), m.Message, m.APIStatus
	if decision := m.To.Decision(); decision != "" {
		row.Decision = decision
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	late := pendingOutcome{m, row}
	var err error
	for try := range recordTries {
		var moved approval.Record
		if moved, err = a.reconciler().recordOutcome(ctx, late); err == nil {
			return moved
		}
		a.pause(ctx, time.Duration(100<<try)*time.Millisecond)
	}
	a.Log.Error("an outcome could not be recorded", "approval", rec.ID, "outcome", m.To, "error", err)
	a.pendingOutcomes.Store(rec.ID, late)
	rec.State, rec.Result = m.To, m.Result
	rec.Message = m.Message + fmt.Sprintf(" This could not be recorded: %v.", err)
	return rec
}
