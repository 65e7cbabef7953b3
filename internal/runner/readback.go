package runner

import (
	"context"
	"errors"
	"time"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/liveness"
	"github.com/vpsbot/vpsbot/internal/trace"
	"github.com/vpsbot/vpsbot/tools"
)

const (
	readBackTime  = 5 * time.Second  // of the caller whose answer was lost
	notAppliedFor = 60 * time.Second // without a sign of it, before it counts as not happened
	deadAfter     = 5 * time.Minute  // no call takes as long: then its outcome is unknown
	giveUpAfter   = 24 * time.Hour   // of reading back in vain: a person must look
	missingFor    = 10 * time.Minute // without the lock of the claiming process, before a person must look
)

// reconciler settles the records of a store: what nobody answered, what dead processes left, what is unknown.
type reconciler struct {
	*Runner
	store approval.Store
}

func (a *attempt) reconciler() reconciler { return reconciler{a.Runner, a.store} }

func (r reconciler) about(rec approval.Record) string {
	op, _ := r.Catalogue.Lookup(rec.Operation)
	return about(op, rec)
}

// lost reads back, for at most a few seconds, what became of a call whose answer was lost. What
// it finds that has happened goes on as if the answer had come.
func (a *attempt) lost(ctx context.Context, p plan) Reply {
	reading, cancel := context.WithTimeout(context.WithoutCancel(ctx), readBackTime)
	defer cancel()
	settled, found := a.reconciler().readBack(reading, a.rec, 3)
	if settled.State == approval.Unknown {
		reply := replyFor(p.op, settled, a.Now())
		reply.Message = a.rec.Message + " " + stillUnknown(found.Evidence, settled)
		return reply
	}
	reply := a.deliver(ctx, settled)
	if settled.State != approval.Done {
		return reply
	}
	if found.Created != nil {
		reply.Value = found.Created
	}
	return a.settle(ctx, p, found.Created, reply)
}

func stillUnknown(e tools.Evidence, rec approval.Record) string {
	if e == tools.NotSeen {
		return "Read back: no sign of it yet, but it may still happen. Asking for the same again does not send it again, it looks again (approval " + rec.ID + ")."
	}
	return "Reading back cannot tell yet. A person must look, and then say so at a terminal: vpsbot approvals settle " + AnswerID(rec) + " done|not_applied"
}

// readBack reads at VPS.org whether an unknown change has happened, a few times at most, and settles
// the record if the evidence is enough.
func (r reconciler) readBack(ctx context.Context, rec approval.Record, tries int) (approval.Record, tools.Finding) {
	ctx, span := trace.Start(ctx, "read back")
	defer span.End()
	found, seen := tools.Finding{Evidence: tools.Unclear}, false
	op, ok := r.Catalogue.Lookup(rec.Operation)
	if !ok {
		return rec, found
	}
	in, err := op.RestoreInput(rec.Input)
	if err != nil {
		return rec, found
	}
	t := rebuild(op, in, rec)
	for try := range tries {
		if try > 0 {
			r.pause(ctx, time.Duration(try)*time.Second)
		}
		now, err := op.Evidence(ctx, r.Client, t, in.Value)
		if err != nil {
			r.Log.Debug("reading back", "approval", rec.ID, "error", Explain(err))
			if found.RetryAfter = apiclient.RetryAfter(err); found.RetryAfter > readBackTime {
				break
			}
			continue
		}
		if found, seen = now, true; now.Evidence == tools.Applied {
			break
		}
	}
	if !seen && r.Now().Sub(rec.ChangedAt) < giveUpAfter {
		return rec, found // what could not be read says nothing: it stays unknown
	}
	return r.settleAs(ctx, op, rec, found), found
}

// holder reports what is known of a process that claimed a record. Where that cannot be found out it
// exists.
func holder(ctx context.Context, store approval.Store, owner string) liveness.State {
	state, err := store.Holder(ctx, owner)
	if err != nil {
		return liveness.Exists
	}
	return state
}

// settleAs moves an unknown record to what the read-back found. No sign of it counts only
// after a minute: what was sent may still be on its way. While the process that claimed it may
// still send it, no sign of it proves nothing; after a day a person must look. Where that process has
// left no lock, it may exist, and a person must look after ten minutes.
func (r reconciler) settleAs(ctx context.Context, op *tools.Op, rec approval.Record, found tools.Finding) approval.Record {
	m := approval.Move{ID: rec.ID, From: []approval.State{approval.Unknown}, At: r.Now()}
	late := r.Now().Sub(rec.ChangedAt) >= notAppliedFor // since it became unknown
	switch e := found.Evidence; {
	case e == tools.Applied:
		m.To, m.Message = approval.Done, doneMessage(op, rec.TargetName, found.Created)+" VPS.org's answer was lost; reading back shows this."
		m.Result = resultOf(found.Created)
	case e == tools.NotSeen && late:
		m.To, m.Message = r.notSeen(ctx, op, rec)
		if m.To == "" {
			return rec
		}
	case e == tools.Unclear && late:
		m.To, m.Message = approval.NeedsHuman, about(op, rec)+"VPS.org's answer was lost, and reading back cannot tell whether it happened. Look at the server before asking for it again."
	default:
		return rec
	}
	row := r.rowFor(rec, audit.Settled)
	row.Outcome, row.Reason, row.Approver = m.To.Outcome(), m.Message, rec.Approver
	moved, err := r.store.Move(context.WithoutCancel(ctx), m, row)
	if err != nil {
		r.Log.Warn("settling", "approval", rec.ID, "error", err)
		return rec
	}
	return moved
}

// notSeen is what a record becomes of whose change there is no sign; nothing: it stays as it is.
func (r reconciler) notSeen(ctx context.Context, op *tools.Op, rec approval.Record) (approval.State, string) {
	const lost, look = "VPS.org's answer was lost, and reading back shows ", ". Look at the server before asking for it again."
	state := holder(ctx, r.store, rec.Owner)
	// A process knows of its own calls when they are over.
	if _, calling := r.calling.Load(rec.ID); calling {
		state = liveness.Exists
	} else if lock, err := r.store.Hold(ctx); err == nil && lock.ID() == rec.Owner {
		state = liveness.Gone
	}
	switch {
	case state == liveness.Gone:
		return approval.NotApplied, about(op, rec) + lost + "that it did not happen. It can be asked for again."
	case state == liveness.Missing && r.Now().Sub(rec.ClaimedAt) >= missingFor:
		return approval.NeedsHuman, about(op, rec) + lost + "no sign of it; but the process that ran it has left no lock, so that it may yet exist and send it" + look
	case state == liveness.Exists && r.Now().Sub(rec.ChangedAt) >= giveUpAfter:
		return approval.NeedsHuman, about(op, rec) + lost + "no sign of it; but the process that ran it still exists, so that it may yet happen" + look
	}
	return "", ""
}

func (r reconciler) settleHolder(ctx context.Context, holder approval.Record) bool {
	if holder.State == approval.Executing && r.holderGone(ctx, holder.Owner, holder.ClaimedAt) {
		holder = r.markAbandoned(ctx, holder)
	}
	if holder.State == approval.Unknown && holder.API == r.API && holder.Account == r.account() {
		holder, _ = r.readBack(ctx, holder, 1)
	}
	return holder.State != approval.Executing && holder.State != approval.Unknown
}

// holderGone reports whether the process that claimed a record is gone, or has worked on it for longer than
// any call takes.
func (r reconciler) holderGone(ctx context.Context, owner string, claimed time.Time) bool {
	return r.Now().Sub(claimed) > deadAfter || holder(ctx, r.store, owner) == liveness.Gone
}

// markAbandoned makes what a dead process left executing unknown: nobody can say what it had sent.
func (r reconciler) markAbandoned(ctx context.Context, rec approval.Record) approval.Record {
	m := approval.Move{
		ID: rec.ID, From: []approval.State{approval.Executing}, To: approval.Unknown, At: r.Now(),
		Message: r.about(rec) + "it is not known whether it happened, because the process that ran it has ended.",
	}
	row := r.rowFor(rec, audit.Allowed)
	row.Outcome, row.Reason = m.To.Outcome(), m.Message
	moved, err := r.store.Move(ctx, m, row)
	if err != nil {
		r.Log.Warn("taking over from a process that has ended", "approval", rec.ID, "error", err)
		return rec
	}
	return moved
}

func (r reconciler) expire(ctx context.Context, rec approval.Record) approval.Record {
	m := approval.Move{ID: rec.ID, From: []approval.State{approval.Pending, approval.Approved}, To: approval.Expired, At: r.Now()}
	if rec.State == approval.Approved {
		m.Message = r.about(rec) + "agreed to, but its requester's side did not run it in time. Nothing was sent."
	}
	row := r.rowFor(rec, audit.Expired)
	moved, err := r.store.Move(ctx, m, row)
	if ended, ok := errors.AsType[*approval.StateError](err); ok {
		return ended.Record // another process was first
	}
	if err != nil {
		r.Log.Warn("expiring", "approval", rec.ID, "error", err)
		return rec
	}
	return moved
}

// asOfNow expires a record whose time is over, and returns how it stands.
func (r reconciler) asOfNow(ctx context.Context, rec approval.Record) approval.Record {
	if rec.Overdue(r.Now()) {
		return r.expire(ctx, rec)
	}
	return rec
}

// reconcile puts the store in order: it expires what nobody answered, takes over what dead
// processes left, and reads back what is unknown and due. Every change does it first, for a few
// seconds.
func (r reconciler) reconcile(ctx context.Context, due func(id string) bool) {
	r.retryOutcomes(ctx)
	unsettled, err := r.store.Unsettled(ctx, r.API, r.account(), r.Now())
	if err != nil {
		r.Log.Warn("looking for unfinished work", "error", err)
		return
	}
	for _, one := range unsettled {
		isAlive := one.State == approval.Executing && !r.holderGone(ctx, one.Owner, one.ClaimedAt)
		if isAlive || one.State == approval.Unknown && !due(one.ID) {
			continue
		}
		rec, err := r.store.Record(ctx, one.ID)
		if err != nil {
			r.Log.Warn("looking at unfinished work", "approval", one.ID, "error", err)
			continue
		}
		r.reconcileRecord(ctx, rec, due)
	}
}

func (r reconciler) reconcileRecord(ctx context.Context, rec approval.Record, due func(id string) bool) {
	switch rec.State {
	case approval.Pending, approval.Approved:
		r.asOfNow(ctx, rec)
	case approval.Executing:
		if r.holderGone(ctx, rec.Owner, rec.ClaimedAt) {
			r.readBack(ctx, r.markAbandoned(ctx, rec), 1)
		}
	case approval.Unknown:
		if !due(rec.ID) {
			return
		}
		_, found := r.readBack(ctx, rec, 1)
		r.schedule.delay(rec, r.Now(), found.RetryAfter)
	}
}
