package tools

import (
	"context"
	"reflect"

	"github.com/go-json-experiment/json"

	"github.com/vpsbot/vpsbot/internal/approval"
)

// WorkStatus reads the status of work that goes on after VPS.org has accepted it.
func (r *Runner) WorkStatus(ctx context.Context, rec approval.Record) (string, error) {
	op, ok := Lookup(rec.Operation)
	if !ok || op.status == nil {
		return "", nil
	}
	in, err := op.restore(rec.Input)
	if err != nil {
		return "", err
	}
	out := reflect.New(op.out)
	if len(rec.Result) > 0 {
		if err := json.Unmarshal(rec.Result, out.Interface()); err != nil {
			return "", err
		}
	}
	status, err := op.status(r.pin(ctx), r.Client, rebuild(op, in, rec), out.Elem().Interface())
	return Clean(status), err
}

// NoteWorkFailed writes down that work which VPS.org had accepted did not come to a good end.
func (r *Runner) NoteWorkFailed(ctx context.Context, rec approval.Record, status string) {
	row := r.rowFor(rec, "settled")
	row.Outcome = string(approval.Failed)
	row.Reason = Clean("It was accepted, and ended with status " + status + ".")
	r.noteOrLog(ctx, row)
}

// WorkFailed reports whether a status is a word of failure.
func WorkFailed(status string) bool { return looksFailed(status) }

// HasSettled reports whether a status, seen so many times in a row, is the end of a record's work.
func HasSettled(rec approval.Record, status string, looks int) bool {
	op, ok := Lookup(rec.Operation)
	if !ok {
		return true
	}
	in, err := op.restore(rec.Input)
	return err == nil && settledIn(status, looks) && !plan{op: op, target: rebuild(op, in, rec)}.still(status)
}
