// Package audit is the audit log: who changed what, who agreed, and what was refused.
//
// A row is appended in the transaction of the change that it records. Rows are chained: each row's hash
// covers the row before, so that a row changed, dropped or swapped later is found. Signed checkpoints
// protect the chain from somebody who can write the whole database.
package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/internal/text"
)

// Row is one line of the log. A caller fills in what happened; the store sets Seq, Previous and Hash.
type Row struct {
	Seq       int64           `json:"seq"`
	At        time.Time       `json:"at"`                // UTC, milliseconds
	Actor     string          `json:"actor"`             // who: "local:alice"
	Unused    string          `json:"-"`                 // always empty, as in every hash: a text was put in later
	Surface   string          `json:"surface"`           // "mcp", "mcp:http" (over HTTP), "terminal", "slack", "slack:C123 S1"
	Account   string          `json:"account,omitempty"` // e-mail address of the VPS.org account
	Token     string          `json:"token,omitempty"`   // label of the token, never the token
	Operation string          `json:"operation"`
	Target    string          `json:"target,omitempty"`    // "server:12345 (web-server-01)"
	Arguments json.RawMessage `json:"arguments,omitempty"` // canonical JSON
	Approval  string          `json:"approval,omitempty"`
	Decision  Decision        `json:"decision"`
	Reason    string          `json:"reason,omitempty"`   // why, in a sentence
	Approver  string          `json:"approver,omitempty"` // who agreed
	APIStatus int             `json:"api_status,omitempty"`
	Outcome   Outcome         `json:"outcome,omitempty"` // empty: not known yet, or no call was made
	Trace     string          `json:"trace,omitempty"`   // id of the trace in which it was written; empty: there was none
	Previous  string          `json:"previous"`          // hash of the row before; the first row has 64 zeros
	Hash      string          `json:"hash"`              // hex SHA-256 over Previous and the row
}

// Decision is what a row decided about a call.
type Decision string

// The decisions.
const (
	Allowed   Decision = "allowed"
	Refused   Decision = "refused"
	Asked     Decision = "asked"
	Approved  Decision = "approved"
	Denied    Decision = "denied"
	Cancelled Decision = "cancelled"
	Expired   Decision = "expired"
	Stale     Decision = "stale"
	Settled   Decision = "settled" // what became of a call was found out later
)

// Decisions lists every decision.
var Decisions = []Decision{Allowed, Refused, Asked, Approved, Denied, Cancelled, Expired, Stale, Settled}

// Outcome is what became of a call.
type Outcome string

// The outcomes.
const (
	Done       Outcome = "done"
	Failed     Outcome = "failed"
	Unknown    Outcome = "unknown"
	NotApplied Outcome = "not_applied"
	NeedsHuman Outcome = "needs_human"
)

// Outcomes lists every outcome.
var Outcomes = []Outcome{Done, Failed, Unknown, NotApplied, NeedsHuman}

// Store reads the log back.
type Store interface {
	// Rows yields the matching rows, newest last, while the log may grow. The caller may stop at any row;
	// after an error nothing more comes.
	Rows(ctx context.Context, f Filter) iter.Seq2[Row, error]
}

// Filter selects rows. Its zero value selects all.
type Filter struct {
	Actor     string
	Operation string // exact, or a glob: "servers.*", "*.delete"
	Target    string // a part of the target as it is shown
	Approval  string
	Decision  Decision
	Outcome   Outcome
	Since     time.Time // At at or after
	Until     time.Time // At before
	After     int64     // Seq greater
	Limit     int       // the newest matching rows, at most so many; 0: all

	Where func(Row) bool // what else must hold; nil: nothing
}

// Valid fails for an Operation that is a malformed glob.
func (f Filter) Valid() error {
	_, err := path.Match(f.Operation, "")
	return err
}

// Match reports whether the filter selects the row, Limit apart. A malformed glob selects nothing.
func (f Filter) Match(row Row) bool {
	return row.Seq > f.After && (f.Where == nil || f.Where(row)) && (f.Since.IsZero() || !row.At.Before(f.Since)) && (f.Until.IsZero() || row.At.Before(f.Until)) &&
		f.MatchesOperation(row.Operation) && (f.Target == "" || strings.Contains(text.Clean(row.Target), f.Target)) &&
		matches(f.Actor, row.Actor) && matches(f.Approval, row.Approval) && matches(f.Decision, row.Decision) && matches(f.Outcome, row.Outcome)
}

// MatchesOperation reports whether the filter selects an operation.
func (f Filter) MatchesOperation(operation string) bool {
	matched, err := path.Match(f.Operation, operation)
	return f.Operation == "" || err == nil && matched
}

// ParseTime reads a date, a time, or how long ago: 24h, 7d. Nothing is the zero time.
func ParseTime(typed string, now time.Time) (time.Time, error) {
	if typed == "" {
		return time.Time{}, nil
	}
	if ago, ok := ParseDuration(typed); ok {
		return now.Add(-ago), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.ParseInLocation(layout, typed, time.Local); err == nil {
			return at, nil
		}
	}
	return time.Time{}, errors.New("is no time: write 2026-01-31, 2026-01-31T14:00:00Z, or 24h for a day ago")
}

// ParseDuration reads a duration, which may be in days: 24h, 7d.
func ParseDuration(typed string) (time.Duration, bool) {
	if days, ok := strings.CutSuffix(typed, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err == nil
	}
	d, err := time.ParseDuration(typed)
	return d, err == nil && d >= 0
}

func matches[T ~string](want, have T) bool { return want == "" || want == have }

// Itself is the actor of the rows that the log writes about itself.
const Itself = "vpsbot"

// The operations of the rows that the log writes about itself.
const (
	SignOperation   = "audit.sign"   // from this row on a key signs
	LateOperation   = "audit.late"   // the rows before were not signed in time
	AcceptOperation = "audit.accept" // a restored log is accepted
)

// ownArguments is the arguments of a row that the log writes about itself.
type ownArguments struct {
	Key      string `json:"key,omitempty"`     // [Key.Name]
	From     int64  `json:"from,omitempty"`    // number of the first row that was not signed in time
	To       int64  `json:"to,omitempty"`      // and of the last one
	Accepted string `json:"mark,omitempty"`    // the row up to which a restored log is accepted
	Replaced string `json:"instead,omitempty"` // the row of the newest checkpoint, which no longer counts
}

// SignRow is the row from which on a key signs: a log's first key, one that replaces another, and the first
// one that signs chained checkpoints. Its time is not set.
func SignRow(key Key) Row {
	row := ownRow(SignOperation, ownArguments{Key: key.Name()})
	row.Target = "key:" + key.Name()
	row.Reason = "from this row on this key signs a checkpoint every 100 rows or 10 minutes; no checkpoint of another key or form counts after it"
	return row
}

// LateRow is the row that says which rows were not signed in time. Its time is not set.
func LateRow(from, to int64) Row {
	row := ownRow(LateOperation, ownArguments{From: from, To: to})
	row.Target = fmt.Sprintf("audit:%d-%d", from, to)
	row.Reason = "these rows were written by processes without the key, and are signed only now"
	return row
}

// AcceptRow is the row that accepts a restored log up to a row, in place of the newest checkpoint that is
// kept outside the database. The caller sets time, actor and surface.
func AcceptRow(at Mark, instead Checkpoint) Row {
	replaced := Mark{Seq: instead.Seq, Hash: instead.Head}
	row := ownRow(AcceptOperation, ownArguments{Accepted: at.String(), Replaced: replaced.String()})
	row.Actor = ""
	row.Target = fmt.Sprintf("audit:%d", at.Seq)
	row.Reason = fmt.Sprintf("a restored log is taken up; by the checkpoint kept outside the database it had %d rows", instead.Seq)
	return row
}

func ownRow(operation string, arguments ownArguments) Row {
	encoded, _ := json.Marshal(arguments) // texts and numbers
	return Row{Actor: Itself, Operation: operation, Arguments: encoded, Decision: Allowed, Outcome: Done}
}

// Replaces reports whether the row accepts a restored log after the checkpoint was made, which that log no
// longer has. It counts only where it was signed as it was written: with its own checkpoint, or followed by
// the rows that the log writes before a checkpoint.
func (r Row) Replaces(c Checkpoint) bool {
	return r.Operation == AcceptOperation && r.At.After(c.At)
}

// ownArgumentsOf returns the arguments of a row that the log wrote about itself; zero for other rows.
func ownArgumentsOf(r *Row) ownArguments {
	switch r.Operation {
	case SignOperation, LateOperation, AcceptOperation:
		var arguments ownArguments
		if json.Unmarshal(r.Arguments, &arguments) == nil {
			return arguments
		}
	}
	return ownArguments{}
}
