package runner

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/text"
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

// settle waits for the work of a done change to settle, where the caller wants that.
func (a *attempt) settle(ctx context.Context, p plan, value any, reply Reply) Reply {
	if !p.op.Settles {
		return reply
	}
	if !p.in.Wait || a.call.WaitLimit <= 0 {
		reply.Message += " It goes on in the background."
		if where := p.op.Resource.Background; where != "" {
			reply.Message += " " + where
		}
		return reply
	}
	work := a.await(ctx, p, value)
	if work.now != nil {
		reply.Value = work.now
	}
	after := text.Duration(work.waited)
	if work.err == nil {
		reply.Settled = text.Clean(work.status)
	}
	unsettled := OK // other surfaces than a terminal have announced that the status comes as it is
	if a.call.Surface == permissions.Terminal {
		unsettled = Failed
	}
	timeIsOver := errors.Is(work.err, context.DeadlineExceeded) || errors.Is(work.err, context.Canceled)
	switch {
	case work.err != nil && !timeIsOver:
		reply.Class = unsettled
		reply.Message += " It has been accepted, and after " + after + " it could not be read how it goes on: " + Explain(work.err)
	case work.err != nil:
		reply.Class = unsettled
		reply.Message += " It has been accepted, and after " + after + " it has not settled; its status is " + text.Quote(work.status) + "."
	case tools.IsFailedStatus(work.status):
		reply.Class = unsettled
		reply.Message = "Accepted, but it failed: it ended with status " + text.Quote(work.status) + ". " + reply.Message
	default:
		reply.Message += " It settled with status " + text.Quote(work.status) + " after " + after + "."
	}
	if address := tools.Summarize(work.now).Address; address != "" {
		reply.Message += " Its address is " + text.Clean(address) + "."
	}
	return reply
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
	out := reflect.New(op.Out)
	if len(rec.Result) > 0 {
		if err := jsonv2.Unmarshal(rec.Result, out.Interface()); err != nil {
			return before, err
		}
	}
	p, now := plan{op: op, in: in, target: rebuild(op, in, rec)}, before.work
	err = now.read(r.pin(ctx), r.Client, p, out.Elem().Interface())
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
