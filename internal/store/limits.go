package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
)

const (
	openMost = 5                // questions a person may have open
	pause    = 10 * time.Minute // after a no
)

// Room implements [approval.Store].
func (s *Store) Room(ctx context.Context, r approval.Record, limits []approval.Limit, now time.Time) error {
	return s.reading(ctx, func(ctx context.Context, q queryer) error { return checkLimits(ctx, q, r, now, limits) })
}

// checkLimits holds the budgets: it fails with *approval.LimitError if r, claimed at the given time, would be more than
// a limit allows. A limit that does not count records like r does not bind it.
func checkLimits(ctx context.Context, q queryer, r approval.Record, at time.Time, limits []approval.Limit) error {
	for _, limit := range limits {
		if !applies(limit, r) {
			continue
		}
		until, err := limitUntil(ctx, q, r, at, limit)
		if err != nil {
			return err
		}
		if !until.IsZero() {
			return &approval.LimitError{Limit: limit, Until: until}
		}
	}
	return nil
}

func applies(l approval.Limit, r approval.Record) bool {
	return strings.HasSuffix(r.Operation, l.Suffix) && (l.Risk == "" || l.Risk == r.Risk) && (l.Person == "" || l.Person == r.Person)
}

// limitUntil returns when there is room under a limit again; zero: there is now. Of the claims
// in the window the one at place Most, counted from the newest, has to leave it first.
func limitUntil(ctx context.Context, q queryer, r approval.Record, at time.Time, l approval.Limit) (time.Time, error) {
	if l.Most <= 0 {
		return at.Add(l.Within), nil
	}
	c := &conditions{} // "<> 0" is for the partial indexes: of two lower bounds SQLite would search by the first
	c.equal("api", r.API)
	c.equal("account", r.Account)
	c.equal("risk", l.Risk)
	c.equal("person", l.Person)
	c.clauses = append(c.clauses, "id <> "+c.add(r.ID), "claimed_at <> 0", "claimed_at > "+c.add(millis(at.Add(-l.Within))))
	if l.Suffix != "" { // as a literal: so the index of deletions has it
		c.clauses = append(c.clauses, fmt.Sprintf("substr(operation, length(operation) - %d) = %s", utf8.RuneCountInString(l.Suffix)-1, literal(l.Suffix)))
	}
	oldest, err := orNil(one(ctx, q, func(t *time.Time) []any { return []any{(*millis)(t)} },
		"SELECT claimed_at FROM approvals"+c.where()+" ORDER BY claimed_at DESC"+limit(1)+fmt.Sprintf(" OFFSET %d", l.Most-1), c.values...))
	if err != nil || oldest == nil {
		return time.Time{}, err
	}
	return notInFuture(*oldest, at).Add(l.Within), nil
}

// notInFuture is a time of the past: what a clock that was wrong has put into the future counts as now.
func notInFuture(t, now time.Time) time.Time {
	if t.After(now) {
		return now
	}
	return t
}

var (
	selectQuestions = `SELECT expires_at FROM approvals WHERE api = $1 AND account = $2 AND person = $3 AND expires_at > $4
		AND ` + inOpen + ` AND state IN ('pending', 'approved') AND interactive = 0 ORDER BY expires_at`

	selectDenied = selectRecord + ` WHERE api = $1 AND account = $2 AND person = $3
		AND operation = $4 AND args_hash = $5 AND state = 'denied' AND changed_at > $6
		AND EXISTS (SELECT 1 FROM consents c WHERE c.approval = approvals.id AND c.yes = 0)
		ORDER BY changed_at DESC LIMIT 1`
)

// checkOpenQuestions fails with *approval.LimitError if the person has too many questions open. Those
// that nobody can answer any more, and those that a person put to themself on a terminal, are not
// counted.
func checkOpenQuestions(ctx context.Context, q queryer, r approval.Record) error {
	if r.Interactive {
		return nil
	}
	open, err := all(ctx, q, func(t *time.Time) []any { return []any{(*millis)(t)} }, selectQuestions,
		r.API, r.Account, r.Person, millis(r.CreatedAt))
	if err != nil || len(open) < openMost {
		return err
	}
	limit := approval.Limit{Name: "open requests", Person: r.Person, Most: openMost}
	return &approval.LimitError{Limit: limit, Until: open[len(open)-openMost]}
}

// checkPause fails with *approval.PausedError if a machine asks, and a person said no to the same
// request of the same person a short time ago: a no binds the machine, never the person. A
// mistyped name ends a record as denied too, but is no person's denial.
func checkPause(ctx context.Context, q queryer, r approval.Record) error {
	if r.ByPerson() {
		return nil
	}
	denied, err := orNil(one(ctx, q, recordFields, selectDenied,
		r.API, r.Account, r.Person, r.Operation, r.ArgsHash, millis(r.CreatedAt.Add(-pause))))
	if err != nil || denied == nil {
		return err
	}
	return &approval.PausedError{Record: *denied, Until: notInFuture(denied.ChangedAt, r.CreatedAt).Add(pause)}
}

const selectFreeze = "SELECT " + freezeColumns + " FROM freezes"

// Freeze implements [approval.Store].
func (s *Store) Freeze(ctx context.Context, f approval.Freeze, row audit.Row) error {
	if f.At.IsZero() {
		return errors.New("store: frozen at no time")
	}
	return s.changeLogged(ctx, row, `INSERT INTO freezes (id, `+freezeColumns+`) VALUES (1, $1, $2, $3)
		ON CONFLICT (id) DO UPDATE SET frozen_by = excluded.frozen_by, reason = excluded.reason, at = excluded.at`, freezeFields(&f)...)
}

// Unfreeze implements [approval.Store].
func (s *Store) Unfreeze(ctx context.Context, row audit.Row) error {
	return s.changeLogged(ctx, row, "DELETE FROM freezes")
}

// Frozen implements [approval.Store]. It fails where the files are no longer those that others
// find: a freeze would be in theirs.
func (s *Store) Frozen(ctx context.Context) (*approval.Freeze, error) {
	if err := verifyFiles(ctx, s); err != nil {
		return nil, err
	}
	return orNil(readOne(ctx, s, freezeFields, selectFreeze))
}

func checkFreeze(ctx context.Context, q queryer) error {
	f, err := orNil(one(ctx, q, freezeFields, selectFreeze))
	if err != nil || f == nil {
		return err
	}
	return &approval.FrozenError{Freeze: *f}
}
