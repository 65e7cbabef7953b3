package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/backoff"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// How long a question stays open.
const (
	answerHere      = 5 * time.Minute
	answerElsewhere = time.Hour
	tellWithin      = time.Hour // an end that its asker was not told is told so long
)

// change runs an operation that is not a read, up to the point where it is done, refused,
// or a person must be asked.
func (r *Runner) change(ctx context.Context, op *tools.Op, in tools.Input, call Call) Reply {
	if reply, ok := r.again(ctx, op, in, call); ok {
		return reply
	}
	if err := r.authorize(ctx, op, in, call, false); err != nil {
		r.noteRefusal(ctx, op, in, call, err)
		return r.failOrUnknown(ctx, op, in, call, err)
	}
	if in.DryRun {
		return r.dryRun(ctx, op, in, call)
	}
	store, err := r.store(ctx)
	if err != nil {
		return fail(op, err)
	}
	if f, err := store.Frozen(ctx); err != nil {
		return fail(op, &storeError{err})
	} else if f != nil {
		r.noteRefusal(ctx, op, in, call, frozenBy(*f, r.Now()))
		return fail(op, frozenBy(*f, r.Now()))
	}
	asked := in.Canonical()
	r.sweepBriefly(ctx, store)
	if reply, ok := r.untold(ctx, store, op, call, hashOf(asked)); ok {
		return reply
	}
	p, err := r.plan(ctx, op, in, call)
	if err != nil {
		return r.failPlan(ctx, store, op, in, call, err)
	}
	rec := r.newRecord(p, call, hashOf(asked))
	if rec.AskedHash != rec.ArgsHash {
		if reply, ok := r.untold(ctx, store, op, call, rec.ArgsHash); ok {
			return reply
		}
	}
	if p.asks() {
		return r.ask(ctx, store, p, rec, call)
	}
	return r.start(ctx, store, p, rec, call)
}

// again gives the outcome of a request that was made before under the same id: it stands,
// whatever has changed since, be it a permission, a freeze or the target itself. What still
// waits for a person, and what may turn out to be the same once names are resolved, goes the
// usual way.
func (r *Runner) again(ctx context.Context, op *tools.Op, in tools.Input, call Call) (Reply, bool) {
	if call.RequestID == "" || in.DryRun {
		return Reply{}, false
	}
	if _, err := r.token(ctx, false); err != nil {
		return Reply{}, false // whose request it was is not known; authorize says why
	}
	store, err := r.store(ctx)
	if err != nil {
		return fail(op, err), true
	}
	rec, err := store.Requested(ctx, r.API, r.account(), string(call.Actor), call.RequestID, r.Now())
	switch {
	case errors.Is(err, approval.ErrNotFound):
		return Reply{}, false
	case err != nil:
		return fail(op, &storeError{err}), true
	}
	hash := hashOf(in.Canonical())
	if rec.Operation != op.Name || rec.AskedHash != hash && rec.ArgsHash != hash || rec.State.Waits() {
		return Reply{}, false
	}
	return r.joinRunning(ctx, store, op, rec, call), true
}

// failPlan ends a call whose target could not be read. If the target has gone because the
// very same change has been made, or is under way, that is what to say.
func (r *Runner) failPlan(ctx context.Context, store approval.Store, op *tools.Op, in tools.Input, call Call, err error) Reply {
	var wrong *inputError
	if errors.As(err, &wrong) {
		q := r.mine(op, call, hashOf(in.Canonical()))
		q.States = approval.Open
		if open, findErr := store.Find(ctx, q); findErr == nil && len(open) > 0 {
			return r.gone(ctx, store, op, open[0], call)
		}
	}
	if errors.As(err, new(*refusal)) {
		r.noteRefusal(ctx, op, in, call, err)
	}
	return r.failOrUnknown(ctx, op, in, call, err)
}

// failOrUnknown fails a call that got nowhere. If the very same change was sent before and it is not
// known what became of it, that is what to say: "nothing was sent" would be read as if it
// never had been.
func (r *Runner) failOrUnknown(ctx context.Context, op *tools.Op, in tools.Input, call Call, err error) Reply {
	if classOf(err) == Invalid || in.DryRun {
		return fail(op, err)
	}
	store, storeErr := r.store(ctx)
	if storeErr != nil {
		return fail(op, err)
	}
	q := r.mine(op, call, hashOf(in.Canonical()))
	q.States = approval.Holding
	sent, findErr := store.Find(context.WithoutCancel(ctx), q)
	if findErr != nil || len(sent) == 0 {
		return fail(op, err)
	}
	reply := replyFor(op, sent[0])
	reply.Class, reply.Outcome = Lost, Unknown
	reply.Message += " It could not be read back now: " + explain(err)
	return reply
}

// gone answers a call whose target no longer exists while the same change is still open.
func (r *Runner) gone(ctx context.Context, store approval.Store, op *tools.Op, rec approval.Record, call Call) Reply {
	if rec.State.Waits() {
		return r.end(ctx, store, op, rec, approval.Stale, "the target no longer exists; nothing was sent", call)
	}
	return r.joinRunning(ctx, store, op, rec, call)
}

// dryRun shows what would happen, with the very request that would be sent.
func (r *Runner) dryRun(ctx context.Context, op *tools.Op, in tools.Input, call Call) Reply {
	p, err := r.plan(ctx, op, in, call)
	if err != nil {
		return r.refuse(ctx, op, in, call, err)
	}
	req, err := r.Client.DryRun(func(c *apiclient.Client) error {
		_, err := op.Call(ctx, c, p.target, p.in.Value)
		return err
	})
	if err != nil {
		return fail(op, err)
	}
	return Reply{Op: op, Outcome: DryRun, Message: "Dry run: nothing was sent.", Card: &p.card, Request: &req}
}

// mine selects the records that the same asker made for the same thing.
func (r *Runner) mine(op *tools.Op, call Call, hash string) approval.Query {
	return approval.Query{
		Actor: string(call.Actor), API: r.API, Account: r.account(), Operation: op.Name, Hash: hash,
	}
}

// untold tells the end of an earlier identical call whose asker never heard it, once.
func (r *Runner) untold(ctx context.Context, store approval.Store, op *tools.Op, call Call, hash string) (Reply, bool) {
	q := r.mine(op, call, hash)
	q.Untold, q.Since = true, r.Now().Add(-tellWithin)
	records, err := store.Find(ctx, q)
	if err != nil {
		return fail(op, &storeError{err}), true
	}
	var reply Reply
	told := false
	for _, rec := range records { // the newest counts; what it replaced is told with it
		if rec.State.IsOpen() || call.Interactive && !rec.Interactive && rec.ClaimedAt.IsZero() {
			continue // the latter: a machine's question ended, and that is the machine's to hear
		}
		if first, err := store.Told(ctx, rec.ID, r.Now()); err == nil && first && !told {
			reply, told = replyFor(op, rec), true
			reply.Message = "This is how the earlier request ended; nothing new was sent. " + reply.Message
		}
	}
	return reply, told
}

// ask opens a record for a person's answer, or joins the one that is open.
func (r *Runner) ask(ctx context.Context, store approval.Store, p plan, rec approval.Record, call Call) Reply {
	if _, err := store.Hold(ctx); err != nil { // by which who answers sees that the asker still exists
		return fail(p.op, &storeError{err})
	}
	stored, joined, err := store.Insert(ctx, rec, r.limitsFor(rec), r.rowFor(rec, audit.Asked))
	switch {
	case err != nil:
		return r.failClaim(ctx, p.op, rec, false, call, err)
	case joined:
		return r.join(ctx, store, p, stored, call)
	}
	if reply, ok := r.settledMeanwhile(ctx, store, p.op, stored, call); ok {
		return reply
	}
	call.recorded(stored)
	return r.asking(ctx, p.op, stored)
}

// asking replies that a person's answer is needed, and where it can be given beside a terminal.
func (r *Runner) asking(ctx context.Context, op *tools.Op, rec approval.Record) Reply {
	reply := askFor(op, rec)
	if rec.Place == approval.Elsewhere && reply.Card != nil && r.connected(ctx) && r.Carries(ctx, rec, permissions.Slack) {
		reply.Message = fmt.Sprintf("A person must agree to this first (approval %s). It is asked in Slack now, and runs once they have agreed there. "+
			"A person at a terminal can run this instead; do not run it yourself: vpsbot approvals approve %s", rec.ID, rec.ID)
	}
	return reply
}

// settledMeanwhile ends a record that has just been made, if an earlier request for the same
// was settled in between and its asker has not heard of it: that is what to tell, or the
// same would be done twice.
func (r *Runner) settledMeanwhile(ctx context.Context, store approval.Store, op *tools.Op, rec approval.Record, call Call) (Reply, bool) {
	for _, hash := range []string{rec.AskedHash, rec.ArgsHash} {
		reply, ok := r.untold(ctx, store, op, call, hash)
		if !ok {
			continue
		}
		m := approval.Move{To: approval.Cancelled, Message: "An earlier request for the same had just been settled. Nothing was sent."}
		if rec.State == approval.Executing {
			m.To = approval.Refused
		}
		r.moveOn(ctx, store, op, rec, m, call)
		return reply, true
	}
	return Reply{}, false
}

// join goes on with a change that the same asker has asked for before.
func (r *Runner) join(ctx context.Context, store approval.Store, p plan, rec approval.Record, call Call) Reply {
	if rec.State.Waits() && rec.Fingerprint != fingerprint(canonical(p.facts)) {
		return r.endStale(ctx, store, p.op, rec, p.facts, call)
	}
	switch rec.State {
	case approval.Pending:
		if no := r.Room(ctx, rec); no != "" {
			return fail(p.op, &refusal{no})
		}
		if rec.Place == approval.Here && !call.CanAsk {
			return r.Handover(ctx, p.op, rec.ID, "") // this one can only hear of an answer given elsewhere
		}
		return r.asking(ctx, p.op, rec)
	case approval.Approved:
		return r.execute(ctx, store, rec, approval.Approved, nil, p.in.Wait, call)
	}
	return r.joinRunning(ctx, store, p.op, rec, call)
}

// joinRunning waits a little for a change that is under way, and reads an unknown one back.
func (r *Runner) joinRunning(ctx context.Context, store approval.Store, op *tools.Op, rec approval.Record, call Call) Reply {
	for try := 0; rec.State == approval.Executing && try < joinTries && ctx.Err() == nil; try++ {
		r.pause(ctx, joinPoll)
		if now, err := store.Record(ctx, rec.ID); err == nil {
			rec = now
		}
	}
	if rec.State != approval.Unknown {
		return r.tell(ctx, store, op, rec, call)
	}
	settled, found := r.readBack(ctx, store, rec, 1)
	reply := r.tell(ctx, store, op, settled, call)
	if settled.State == approval.Unknown {
		reply.Message += " " + stillUnknown(found.Evidence, settled)
	}
	return reply
}

const (
	joinPoll  = 200 * time.Millisecond
	joinTries = 150 // half a minute
)

func (r *Runner) pause(ctx context.Context, d time.Duration) {
	if r.Sleep != nil {
		r.Sleep(ctx, d)
		return
	}
	_ = backoff.Sleep(ctx, d)
}

// tell replies with how a record stands, and notes that its asker was told, if it has
// ended and the asker is still there.
func (r *Runner) tell(ctx context.Context, store approval.Store, op *tools.Op, rec approval.Record, call Call) Reply {
	if !rec.State.IsOpen() && ctx.Err() == nil && !call.Unheard {
		if _, err := store.Told(ctx, rec.ID, r.Now()); err != nil {
			r.Log.Warn("noting that an outcome was told", "approval", rec.ID, "error", err)
		}
	}
	return replyFor(op, rec)
}
