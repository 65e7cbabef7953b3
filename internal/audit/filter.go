package audit

import (
	"context"
	"iter"
	"path"
	"strings"
	"time"
)

// Store reads the log back.
type Store interface {
	// Rows yields the rows that match, newest last, while the log may grow. Breaking off is
	// fine at any row; after an error nothing more comes.
	Rows(ctx context.Context, f Filter) iter.Seq2[Row, error]
}

// Filter selects rows. Its zero value selects all.
type Filter struct {
	Actor     string
	Operation string // exact, or a glob: "servers.*", "*.delete"
	Target    string // as the row has it, or its id alone: "server:12345"
	Approval  string
	Decision  Decision
	Outcome   Outcome
	Since     time.Time // At at or after
	Until     time.Time // At before
	After     int64     // Seq greater
	Limit     int       // the newest so many of those that match; 0: all
}

// Valid fails for an Operation that is a malformed glob.
func (f Filter) Valid() error {
	_, err := path.Match(f.Operation, "")
	return err
}

// Match reports whether the filter selects the row. Limit is not looked at; a malformed
// glob selects nothing.
func (f Filter) Match(row Row) bool {
	return row.Seq > f.After && f.matchTime(row.At) && f.matchOperation(row.Operation) && f.matchTarget(row.Target) &&
		equalOrUnset(f.Actor, row.Actor) && equalOrUnset(f.Approval, row.Approval) &&
		equalOrUnset(f.Decision, row.Decision) && equalOrUnset(f.Outcome, row.Outcome)
}

func equalOrUnset[T ~string](want, have T) bool { return want == "" || want == have }

func (f Filter) matchTime(at time.Time) bool {
	return (f.Since.IsZero() || !at.Before(f.Since)) && (f.Until.IsZero() || at.Before(f.Until))
}

func (f Filter) matchOperation(operation string) bool {
	if f.Operation == "" {
		return true
	}
	matched, err := path.Match(f.Operation, operation)
	return err == nil && matched
}

func (f Filter) matchTarget(target string) bool {
	id, _, _ := strings.Cut(target, " (")
	return f.Target == "" || f.Target == target || f.Target == id
}
