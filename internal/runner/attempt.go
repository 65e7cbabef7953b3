package runner

import (
	"context"
	"errors"
	"time"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/internal/trace"
	"github.com/vpsbot/vpsbot/tools"
)

// attempt is one call that changes something, from its input to its reply. Its methods are the steps.
type attempt struct {
	request
	store  approval.Store
	rec    approval.Record // zero until it is made or found
	stored bool            // the store has rec
}

// missedOutcomeFor is how long an outcome that its asker did not get is delivered to the next identical call.
const missedOutcomeFor = time.Hour

func (r *Runner) attemptOf(ctx context.Context, id string, call Call) (*attempt, error) {
	a := &attempt{request: request{Runner: r, call: call}}
	var err error
	if a.store, err = r.openStore(ctx); err != nil {
		return a, err
	}
	a.rec, err = a.store.Record(ctx, id)
	if errors.Is(err, approval.ErrNotFound) {
		return a, &tools.InputError{Text: "no approval has that id; vpsbot approvals list shows them"}
	}
	if err != nil {
		return a, &storeError{err}
	}
	a.stored = true
	op, ok := r.Catalogue.Lookup(a.rec.Operation)
	if !ok {
		return a, &tools.InputError{Text: "this version has no operation " + text.Quote(a.rec.Operation)}
	}
	a.op = op
	return a, nil
}

// change runs an operation that is not a read, up to the point where it is done, refused,
// or a person must be asked.
func (q request) change(ctx context.Context) Reply {
	a := &attempt{request: q}
	if reply, ok := a.replayRequest(ctx); ok {
		return reply
	}
	if err := q.authorize(ctx, false); err != nil {
		return a.refuseOrUnknown(ctx, err)
	}
	if q.in.DryRun {
		return q.dryRun(ctx)
	}
	var err error
	if a.store, err = q.openStore(ctx); err != nil {
		return fail(q.op, err)
	}
	if f, err := a.store.Frozen(ctx); err != nil {
		return fail(q.op, &storeError{err})
	} else if f != nil {
		return q.refuse(ctx, frozenBy(*f, q.Now()))
	}
	asked := fingerprint(q.in.Canonical())
	reconciling, cancel := context.WithTimeout(ctx, readBackTime) // somebody waits
	a.reconciler().reconcile(reconciling, func(string) bool { return true })
	cancel()
	if reply, ok := a.deliverMissedOutcome(ctx, asked); ok {
		return reply
	}
	p, err := q.plan(ctx)
	if err != nil {
		return a.failPlan(ctx, err)
	}
	a.rec = q.newRecord(p, asked)
	a.rec.Trace = trace.Parent(ctx)
	if a.rec.AskedHash != a.rec.ArgsHash {
		if reply, ok := a.deliverMissedOutcome(ctx, a.rec.ArgsHash); ok {
			return reply
		}
	}
	if p.asks() {
		return a.ask(ctx, p)
	}
	return a.start(ctx, p)
}

// replayRequest replies with the outcome of a request that was made before under the same request id: it
// stands, whatever has changed since, be it a permission, a freeze or the target itself. A record that still
// waits for a person, and one that may turn out to be the same once names are resolved, go the usual way.
func (a *attempt) replayRequest(ctx context.Context) (Reply, bool) {
	if a.call.RequestID == "" || a.in.DryRun {
		return Reply{}, false
	}
	if _, err := a.token(ctx, false); err != nil {
		return Reply{}, false // whose request it was is not known; authorize says why
	}
	store, err := a.openStore(ctx)
	if err != nil {
		return fail(a.op, err), true
	}
	rec, err := store.Requested(ctx, a.API, a.account(), string(a.call.Actor), a.call.RequestID, a.Now())
	switch {
	case errors.Is(err, approval.ErrNotFound):
		return Reply{}, false
	case err != nil:
		return fail(a.op, &storeError{err}), true
	}
	hash := fingerprint(a.in.Canonical())
	if rec.Operation != a.op.Name || rec.AskedHash != hash && rec.ArgsHash != hash || rec.State.Waits() {
		return Reply{}, false
	}
	a.store, a.rec, a.stored = store, rec, true
	return a.joinRunning(ctx), true
}

// ownRecords selects the records that the same asker made for the same input, by one of its hashes.
func (a *attempt) ownRecords(hashes ...string) approval.Query {
	return approval.Query{Actor: string(a.call.Actor), API: a.API, Account: a.account(), Operation: a.op.Name, Hashes: hashes}
}

// deliverMissedOutcome replies with the end of an earlier identical call whose asker never got it, once.
func (a *attempt) deliverMissedOutcome(ctx context.Context, hashes ...string) (Reply, bool) {
	q := a.ownRecords(hashes...)
	q.Undelivered, q.Since = true, a.Now().Add(-missedOutcomeFor)
	records, err := a.store.Find(ctx, q)
	if err != nil {
		return fail(a.op, &storeError{err}), true
	}
	var reply Reply
	delivered := false
	for _, rec := range records { // the newest counts; what it replaced is delivered with it
		if rec.State.IsOpen() || a.call.Interactive && !rec.Interactive && rec.ClaimedAt.IsZero() {
			continue // the latter: a machine's question ended, and only the machine gets its outcome
		}
		if first, err := a.store.MarkDelivered(ctx, rec.ID, a.Now()); err == nil && first && !delivered {
			reply, delivered = replyFor(a.op, rec, a.Now()), true
			reply.Message = "This is how the earlier request ended; nothing new was sent. " + reply.Message
		}
	}
	return reply, delivered
}

// failPlan ends a call whose target could not be read, or is no longer one. If that is because the very same change
// has been made, or is under way, the reply is that change's.
func (a *attempt) failPlan(ctx context.Context, err error) Reply {
	if errors.As(err, new(*tools.InputError)) {
		q := a.ownRecords(fingerprint(a.in.Canonical()))
		q.States = approval.Open
		if open, findErr := a.store.Find(ctx, q); findErr == nil && len(open) > 0 {
			a.rec, a.stored = open[0], true
			if a.rec.State.Waits() {
				return a.end(ctx, approval.Stale, "Nothing was sent: "+Explain(err))
			}
			return a.joinRunning(ctx)
		}
	}
	return a.refuseOrUnknown(ctx, err)
}

// refuseOrUnknown refuses a call that sent nothing. If the very same change was sent before and its outcome is
// unknown, the reply says that: "nothing was sent" would be read as if it never had been.
func (a *attempt) refuseOrUnknown(ctx context.Context, err error) Reply {
	refused := a.refuse(ctx, err)
	if refused.Class == Invalid || a.in.DryRun {
		return refused
	}
	store, storeErr := a.openStore(ctx)
	if storeErr != nil {
		return refused
	}
	q := a.ownRecords(fingerprint(a.in.Canonical()))
	q.States = approval.Holding
	sent, findErr := store.Find(context.WithoutCancel(ctx), q)
	if findErr != nil || len(sent) == 0 {
		return refused
	}
	reply := replyFor(a.op, sent[0], a.Now())
	reply.Class, reply.Outcome = Lost, Unknown
	reply.Message += " It could not be read back now: " + refused.Message
	return reply
}

// dryRun shows what would happen, with the very request that would be sent.
func (q request) dryRun(ctx context.Context) Reply {
	p, err := q.plan(ctx)
	if err != nil {
		return q.refuse(ctx, err)
	}
	req, err := q.Client.DryRun(func(c *apiclient.Client) error {
		_, err := q.op.Call(ctx, c, p.target, p.in.Value)
		return err
	})
	if err != nil {
		return fail(q.op, err)
	}
	return Reply{Op: q.op, Outcome: DryRun, Message: "Dry run: nothing was sent.", Card: &p.card, Request: &req}
}

// end moves the record to an end at which nothing was sent, and replies.
func (a *attempt) end(ctx context.Context, to approval.State, says string) Reply {
	return a.move(ctx, approval.Move{To: to, Message: says})
}

// endStale ends a record whose target is no longer what its card showed.
func (a *attempt) endStale(ctx context.Context, now map[string]string) Reply {
	then, err := factsThen(a.rec)
	if err != nil {
		return fail(a.op, err)
	}
	changed := changedError{drift(then, now)}
	return a.end(ctx, approval.Stale, "Nothing was sent: "+changed.Error()+".")
}

// endWaiting ends a record wherever it waits. One that no longer waits has run or ended
// meanwhile, and the reply says how.
func (a *attempt) endWaiting(ctx context.Context, m approval.Move) Reply {
	m.From = []approval.State{approval.Pending, approval.Approved}
	return a.move(ctx, m)
}

// move moves the record from its state, with the audit row that the new state calls for, and replies.
func (a *attempt) move(ctx context.Context, m approval.Move) Reply {
	if m.From == nil {
		m.From = []approval.State{a.rec.State}
	}
	moved, err := a.moveWithRow(context.WithoutCancel(ctx), m)
	if err != nil {
		return a.failClaim(ctx, err)
	}
	return a.deliver(ctx, moved)
}

func (a *attempt) moveWithRow(ctx context.Context, m approval.Move) (approval.Record, error) {
	m.ID, m.At = a.rec.ID, a.Now()
	row := a.rowFor(a.rec, m.To.Decision())
	row.Reason = m.Message
	if m.Consent != nil {
		row.Approver = m.Consent.Person
	}
	return a.store.Move(ctx, m, row)
}

// deliver replies with how a record stands, and notes that its asker got the outcome, if it has
// ended and the asker still waits.
func (a *attempt) deliver(ctx context.Context, rec approval.Record) Reply {
	a.rec = rec
	if !rec.State.IsOpen() && ctx.Err() == nil && !a.call.Detached {
		if _, err := a.store.MarkDelivered(ctx, rec.ID, a.Now()); err != nil {
			a.Log.Warn("noting that an outcome was delivered", "approval", rec.ID, "error", err)
		}
	}
	return replyFor(a.op, rec, a.Now())
}

// failClaim replies that the store did not take a record or its move: nothing was sent.
func (a *attempt) failClaim(ctx context.Context, err error) Reply {
	var (
		held  *approval.BusyError
		state *approval.StateError
	)
	if errors.As(err, &state) { // an answer for a record that is no longer open to it
		return a.deliver(ctx, a.reconciler().asOfNow(ctx, state.Record))
	}
	row := a.rowFor(a.rec, audit.Refused)
	if !a.stored {
		row.Approval = ""
	}
	if errors.As(err, &held) {
		row.Reason = busy(a.Catalogue, held)
		a.NoteOrLog(ctx, row)
		reply := Reply{Op: a.op, Class: Failed, Outcome: Busy, Message: row.Reason}
		if a.stored {
			reply.Record = &a.rec
		}
		return reply
	}
	no := refusalOf(err, a.Now())
	if no == nil {
		return fail(a.op, &storeError{err})
	}
	if a.stored && errors.As(err, new(*approval.LimitError)) {
		return a.overBudget(ctx, no)
	}
	row.Reason = no.Text
	a.NoteOrLog(ctx, row)
	return fail(a.op, no)
}

// overBudget ends a question whose claim a budget refused: nobody is asked again for what cannot be.
func (a *attempt) overBudget(ctx context.Context, no *tools.Refusal) Reply {
	m := approval.Move{To: approval.Cancelled, Message: about(a.op, a.rec) + "refused: " + no.Text + ". Nothing was sent."}
	reply := a.endWaiting(ctx, m)
	reply.Class, reply.Outcome = Refuse, Refused
	return reply
}
