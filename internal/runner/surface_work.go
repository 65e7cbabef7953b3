package runner

import (
	"context"
	"encoding/json"
	"reflect"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/tools"
)

// Work is how work stands that goes on after VPS.org has accepted it. The zero Work has not
// been looked at.
type Work struct {
	Status  string          // clean
	Result  json.RawMessage // what it is about, as it is by now: a new server has its address
	Settled bool            // the work is over
	Pause   time.Duration   // to leave before the next look

	work work
}

// LookAtWork reads how the work of a record stands, after a look of before. Beside an error
// it returns the look of before, with a longer pause.
func (r *Runner) LookAtWork(ctx context.Context, rec approval.Record, before Work) (Work, error) {
	op, ok := tools.Lookup(rec.Operation)
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
	err = r.look(r.pin(ctx), p, out.Elem().Interface(), &now)
	before.Pause = max(apiclient.NextPause(before.Pause), apiclient.RetryAfter(err))
	if err != nil || now.now == nil {
		return before, err
	}
	return Work{
		Status: text.Clean(now.status), Result: mustEncode(now.now), Settled: p.hasSettled(now.now, now.looks), Pause: before.Pause, work: now,
	}, nil
}

// NoteWorkFailed writes down that work which VPS.org had accepted did not come to a good end.
func (r *Runner) NoteWorkFailed(ctx context.Context, rec approval.Record, status string) {
	row := r.rowFor(rec, audit.Settled)
	row.Outcome = audit.Failed
	row.Reason = text.Clean("It was accepted, and ended with status " + status + ".")
	r.noteOrLog(ctx, row)
}

// WorkFailed reports whether a status is a word of failure.
func WorkFailed(status string) bool { return tools.IsFailedStatus(status) }
