package runner

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/internal/trace"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// work is how something stands that goes on after VPS.org has accepted it.
type work struct {
	now    any // the result as it was last read; nil: never
	status string
	reads  int // in a row with the same status
	waited time.Duration
	err    error // why the waiting ended before the work did
}

// await polls until the work has settled, the limit is reached or the caller gives up.
func (a *attempt) await(ctx context.Context, p plan, value any) (w work) {
	ctx, span := trace.Start(ctx, "wait")
	defer span.End()
	began := a.Now()
	ctx, cancel := context.WithTimeout(ctx, a.call.WaitLimit)
	defer cancel()
	w.err = apiclient.Poll(ctx, func(ctx context.Context) (bool, error) {
		if err := w.read(ctx, a.Client, p, value); err != nil {
			return false, err
		}
		if a.call.Progress != nil {
			a.call.Progress(text.Clean(w.status), a.Now().Sub(began))
		}
		return p.hasSettled(w.now, w.reads), nil
	})
	w.waited = a.Now().Sub(began)
	return w
}

// read reads once how work stands. What was accepted without telling its id is found by it
// being new.
func (w *work) read(ctx context.Context, c *apiclient.Client, p plan, value any) error {
	if p.op.Creates() && tools.Summarize(value).ID.IsZero() {
		found, err := p.op.Evidence(ctx, c, p.target, p.in.Value)
		if err != nil || found.Created == nil {
			return err
		}
		value = found.Created
	}
	now, err := p.op.Follow(ctx, c, p.target, value)
	if err != nil {
		return err
	}
	w.now = now
	if status := tools.Summarize(now).Status; status != w.status {
		w.status, w.reads = status, 0
	}
	w.reads++
	return nil
}

// hasSettled reports whether a result, after so many reads of the same status, is the end of
// its work. A start or stop that shows the status it began with has been accepted, so that
// status is an old one; a new server may get its address a moment after it became active.
func (p plan) hasSettled(now any, reads int) bool {
	result := tools.Summarize(now)
	if result.NoAddress && reads < tools.StillFor {
		return false
	}
	status := result.Status
	still := p.op.Goal != "" && status != p.op.Goal && status == p.target.Server.Status
	return tools.IsSettledStatus(status, reads) && !still
}

// settle says of a change that VPS.org has accepted how its work goes on, and waits for that where the caller wants it.
func (a *attempt) settle(ctx context.Context, p plan, value any, reply Reply) Reply {
	if !p.op.Settles {
		return reply
	}
	look := Look(a.Catalogue, *reply.Record)
	if !p.in.Wait || a.call.WaitLimit <= 0 {
		reply.Message += " " + look
		return reply
	}
	work := a.await(ctx, p, value)
	if work.now != nil {
		reply.Value = work.now
	}
	ended := work.err == nil && !tools.IsFailedStatus(work.status)
	if work.err == nil {
		reply.Settled = text.Clean(work.status)
	}
	// Other surfaces than a terminal have announced that the status comes as it is; who stops waiting knows it.
	if a.call.Surface == permissions.Terminal && !ended && !errors.Is(work.err, context.Canceled) {
		reply.Class = Failed
	}
	says := a.says(p, work)
	if !ended || reply.Settled == "" {
		says += " " + look
	}
	reply.Message = strings.Replace(reply.Message, doneMessage(p.op, a.rec.TargetName, value), says, 1)
	return reply
}

// says how work stands that was waited for, in plain words.
func (a *attempt) says(p plan, w work) string {
	now := tools.Summarize(w.now)
	after := " after " + text.Short(w.waited)
	how := Accepted + p.op.Do(a.rec.TargetName)
	if w.status != "" {
		how = thing(p.op, a.rec.TargetName, now) + " " + stands(w.status)
	}
	switch {
	case errors.Is(w.err, context.Canceled):
		return "Stopped waiting" + after + "; " + how + "."
	case errors.Is(w.err, context.DeadlineExceeded) && w.status != "":
		return "The waiting is over" + after + "; " + strings.Replace(how, " is ", " is still ", 1) + "."
	case errors.Is(w.err, context.DeadlineExceeded):
		return "The waiting is over" + after + "; " + how + ", and its status could not be read."
	case w.err != nil:
		return sentence(how) + " How it goes on could not be read" + after + ": " + strings.TrimRight(Explain(w.err), ".") + "."
	case tools.IsFailedStatus(w.status) || !p.cameOut(w.status):
		return "VPS.org accepted it, but it did not come out as it should: " + how + after + "."
	}
	says := sentence(p.op.Did(a.rec.TargetName) + madeID(p.op, now) + "; " + strings.TrimPrefix(stands(w.status), "is ") + after)
	if now.Address != "" {
		says = strings.TrimSuffix(says, ".") + "; its address is " + text.Clean(now.Address) + "."
	}
	return says
}

// cameOut reports whether a status is what the operation is to lead to, as far as that is known: a server that was
// stopped may be so after it was restored.
func (p plan) cameOut(status string) bool {
	if p.op.Goal != "" {
		return status == p.op.Goal
	}
	return status != "suspended" && (status != "stopped" || p.target.Server.Status == "stopped")
}

// Work is how work stands that goes on after VPS.org has accepted it. The zero Work has not
// been read yet.
type Work struct {
	Status  string          // clean
	Result  json.RawMessage // what it is about, as it is by now: a new server has its address
	Settled bool            // the work is over
	Pause   time.Duration   // to leave before the next look

	work work
}

// ReadWork reads how the work of a record stands, after an earlier read. Beside an error
// it returns the earlier read, with a longer pause.
func (r *Runner) ReadWork(ctx context.Context, rec approval.Record, before Work) (Work, error) {
	op, ok := r.Catalogue.Lookup(rec.Operation)
	if !ok || op.Follow == nil {
		return Work{Settled: true}, nil
	}
	in, err := op.RestoreInput(rec.Input)
	if err != nil {
		return before, err
	}
	made, err := madeBy(op, rec)
	if err != nil {
		return before, err
	}
	p, now := plan{op: op, in: in, target: rebuild(op, in, rec)}, before.work
	err = now.read(r.pin(ctx), r.Client, p, made)
	before.Pause = max(apiclient.NextPause(before.Pause), apiclient.RetryAfter(err))
	if err != nil || now.now == nil {
		return before, err
	}
	return Work{
		Status: text.Clean(now.status), Result: mustEncode(now.now), Settled: p.hasSettled(now.now, now.reads), Pause: before.Pause, work: now,
	}, nil
}

// NoteWorkFailed writes down that work which VPS.org had accepted did not come to a good end.
func (r *Runner) NoteWorkFailed(ctx context.Context, rec approval.Record, status string) {
	row := r.rowFor(rec, audit.Settled)
	row.Outcome = audit.Failed
	row.Reason = text.Clean("It was accepted, and ended with status " + status + ".")
	r.NoteOrLog(ctx, row)
}
