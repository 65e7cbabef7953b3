package tools

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/approval"
)

const (
	readBackTime  = 5 * time.Second  // of the caller whose answer was lost
	notAppliedFor = 60 * time.Second // without a sign of it, before it counts as not happened
	deadAfter     = 5 * time.Minute  // no call takes as long: whoever claimed it is gone
	giveUpAfter   = 24 * time.Hour   // of reading back in vain: a person must look
)

// lost reads back, for at most a few seconds, what became of a call whose answer was lost.
func (r *Runner) lost(ctx context.Context, store approval.Store, op *Op, rec approval.Record, call Call) Reply {
	reading, cancel := context.WithTimeout(context.WithoutCancel(ctx), readBackTime)
	defer cancel()
	settled, evidence := r.readBack(reading, store, rec, 3)
	reply := op.replyFor(settled)
	if !settled.State.IsOpen() {
		reply = r.tell(ctx, store, op, settled, call)
	}
	// The answer was lost, whatever was found: a script must not take it for a plain success.
	reply.Class, reply.Outcome = Lost, Unknown
	reply.Message = rec.Message + " " + found(evidence, settled)
	return reply
}

// found says what a read-back brought, and what to do.
func found(e Evidence, rec approval.Record) string {
	switch {
	case e == Applied:
		return "Read back: it has happened."
	case rec.State != approval.Unknown:
		return "Read back: " + endings[rec.State].says + "."
	case e == NotSeen:
		return "Read back: no sign of it yet, but it may still happen. Asking for the same again does not send it again, it looks again (approval " + rec.ID + ")."
	}
	return "Reading back cannot tell yet. A person must look, and then say so at a terminal: vpsbot approvals settle " + rec.ID + " done|not_applied"
}

// readBack looks whether an unknown change has happened, a few times at most, and settles
// the record if that can be said.
func (r *Runner) readBack(ctx context.Context, store approval.Store, rec approval.Record, tries int) (approval.Record, Evidence) {
	op, ok := Lookup(rec.Operation)
	if !ok {
		return rec, Unclear
	}
	in, err := op.restore(rec.Input)
	if err != nil {
		return rec, Unclear
	}
	t, evidence, seen := rebuild(op, in, rec), Unclear, false
	for try := range tries {
		if try > 0 {
			r.pause(ctx, time.Duration(try)*time.Second)
		}
		e, err := op.evidence(ctx, r.Client, t, in.value)
		if err != nil {
			r.Log.Debug("reading back", "approval", rec.ID, "error", explain(err))
			continue
		}
		if evidence, seen = e, true; e == Applied {
			break
		}
	}
	if !seen && r.Now().Sub(rec.ChangedAt) < giveUpAfter {
		return rec, Unclear // what could not be read says nothing: it stays unknown
	}
	return r.settleAs(ctx, store, rec, evidence), evidence
}

// settleAs moves an unknown record to what the read-back found. No sign of it counts only
// after a minute: what was sent may still be on its way.
func (r *Runner) settleAs(ctx context.Context, store approval.Store, rec approval.Record, e Evidence) approval.Record {
	m := approval.Move{ID: rec.ID, From: []approval.State{approval.Unknown}, At: r.Now()}
	late := r.Now().Sub(rec.ChangedAt) >= notAppliedFor // since it became unknown
	subject := rec.Operation + " of " + quote(rec.TargetName)
	switch {
	case e == Applied:
		m.To, m.Message = approval.Done, subject+" has happened, as reading back shows; its own answer was lost."
	case e == NotSeen && late:
		m.To, m.Message = approval.NotApplied, subject+" did not happen, as reading back shows. It can be asked for again."
	case e == Unclear && late:
		m.To, m.Message = approval.NeedsHuman, subject+": reading back cannot tell whether it happened. Look at the server before asking for it again."
	default:
		return rec
	}
	row := r.rowFor(rec, "settled")
	row.Outcome, row.Reason, row.Approver = string(m.To), m.Message, rec.Approver
	moved, err := store.Move(context.WithoutCancel(ctx), m, row)
	if err != nil {
		r.Log.Warn("settling", "approval", rec.ID, "error", err)
		return rec
	}
	return moved
}

// rebuild makes the target of a record again, as far as a read-back needs it.
func rebuild(op *Op, in input, rec approval.Record) Target {
	facts, _ := factsThen(rec)
	t := Target{Server: apiclient.Server{ID: idOf(facts["id"]), Status: facts["status"]}}
	switch op.On {
	case OneBackup:
		t.ID = idOf(in.ref("backup_id"))
	case OneSnapshot:
		t.ID = idOf(in.ref("snapshot_id"))
	default:
		t.ID = t.Server.ID
	}
	var known []string
	if len(rec.Known) > 0 && json.Unmarshal(rec.Known, &known) == nil {
		t.known, t.recorded = map[string]bool{}, true
		for _, id := range known {
			t.known[id] = true
		}
	}
	return t
}

// idOf reads an id that the API once gave, in whatever form.
func idOf(text string) apiclient.ID {
	if id, err := apiclient.ParseID(text); err == nil {
		return id
	}
	var id apiclient.ID
	if text != "" {
		_ = id.UnmarshalJSON(quoted(text)) // what is no id stays zero, and is refused before sending
	}
	return id
}

// release tries to settle what holds a target, and reports whether it no longer does.
func (r *Runner) release(ctx context.Context, store approval.Store, holder approval.Record) bool {
	if holder.State == approval.Executing && r.dead(holder) {
		holder = r.bury(ctx, store, holder)
	}
	if holder.State == approval.Unknown && holder.API == r.API && holder.Account == r.account() {
		holder, _ = r.readBack(ctx, store, holder, 1)
	}
	return holder.State != approval.Executing && holder.State != approval.Unknown
}

// dead reports whether the process that claimed a record is gone.
func (r *Runner) dead(rec approval.Record) bool {
	return !r.Process.Alive(rec.Owner) || r.Now().Sub(rec.ClaimedAt) > deadAfter
}

// bury makes what a dead process left executing unknown: nobody can say what it had sent.
func (r *Runner) bury(ctx context.Context, store approval.Store, rec approval.Record) approval.Record {
	m := approval.Move{
		ID: rec.ID, From: []approval.State{approval.Executing}, To: approval.Unknown, At: r.Now(),
		Message: rec.Operation + " of " + quote(rec.TargetName) + ": the process that ran it has ended, so it is not known whether it happened.",
	}
	row := r.rowFor(rec, "allowed")
	row.Outcome, row.Reason = string(m.To), m.Message
	moved, err := store.Move(ctx, m, row)
	if err != nil {
		r.Log.Warn("taking over from a process that has ended", "approval", rec.ID, "error", err)
		return rec
	}
	return moved
}

// expire ends a record that nobody answered in time.
func (r *Runner) expire(ctx context.Context, store approval.Store, rec approval.Record) approval.Record {
	m := approval.Move{ID: rec.ID, From: []approval.State{approval.Pending, approval.Approved}, To: approval.Expired, At: r.Now()}
	if rec.State == approval.Approved {
		m.Message = rec.Operation + " of " + quote(rec.TargetName) + " was agreed to, but its asker's side did not run it in time. Nothing was sent."
	}
	row := r.rowFor(rec, "expired")
	moved, err := store.Move(ctx, m, row)
	if err != nil {
		r.Log.Warn("expiring", "approval", rec.ID, "error", err)
		return rec
	}
	return moved
}

// sweepBriefly sweeps for no longer than somebody who waits may be kept.
func (r *Runner) sweepBriefly(ctx context.Context, store approval.Store) {
	ctx, cancel := context.WithTimeout(ctx, readBackTime)
	defer cancel()
	r.sweep(ctx, store)
}

// asOfNow expires a record whose time is over, and returns how it stands.
func (r *Runner) asOfNow(ctx context.Context, store approval.Store, rec approval.Record) approval.Record {
	if rec.Overdue(r.Now()) {
		return r.expire(ctx, store, rec)
	}
	return rec
}

// sweep puts the store in order: it expires what nobody answered, takes over what dead
// processes left, and reads back what is unknown. Every change does it first, for a few seconds.
func (r *Runner) sweep(ctx context.Context, store approval.Store) {
	open, err := store.Find(ctx, approval.Query{States: approval.Open, API: r.API, Account: r.account()})
	if err != nil {
		r.Log.Warn("looking for unfinished work", "error", err)
		return
	}
	for _, rec := range slices.Backward(open) { // the oldest has waited longest
		r.tidy(ctx, store, rec)
	}
}

func (r *Runner) tidy(ctx context.Context, store approval.Store, rec approval.Record) {
	switch rec.State {
	case approval.Pending, approval.Approved:
		r.asOfNow(ctx, store, rec)
	case approval.Executing:
		r.recordLate(ctx, store, rec.ID)
		if r.dead(rec) {
			r.readBack(ctx, store, r.bury(ctx, store, rec), 1)
		}
	case approval.Unknown:
		if r.recordLate(ctx, store, rec.ID); !r.isUnknown(ctx, store, rec.ID) {
			return
		}
		r.readBack(ctx, store, rec, 1)
	}
}

func (r *Runner) isUnknown(ctx context.Context, store approval.Store, id string) bool {
	now, err := store.Record(ctx, id)
	return err != nil || now.State == approval.Unknown
}

// settle waits for the work of a done change to settle, where the caller wants that.
func (r *Runner) settle(ctx context.Context, p plan, value any, reply Reply, call Call) Reply {
	if !p.op.Settles {
		return reply
	}
	if !p.in.wait || call.WaitLimit <= 0 {
		reply.Message += " It goes on in the background."
		return reply
	}
	status, settled, waited := r.await(ctx, p, value, call)
	if settled {
		reply.Settled = Clean(status)
	}
	switch {
	case !settled:
		reply.Class = call.unsettled()
		reply.Message += " It has been accepted, and after " + waited.Round(time.Second).String() + " it has not settled; its status is " + quote(status) + "."
	case looksFailed(status):
		reply.Class = call.unsettled()
		reply.Message = "Accepted, but it failed: it ended with status " + quote(status) + ". " + reply.Message
	default:
		reply.Message += " It settled with status " + quote(status) + " after " + waited.Round(time.Second).String() + "."
	}
	return reply
}

// looksFailed recognises the words of failure that VPS.org may have; none is documented.
func looksFailed(status string) bool {
	s := strings.ToLower(status)
	return strings.Contains(s, "fail") || strings.Contains(s, "error")
}
