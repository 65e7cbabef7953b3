package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/text"
)

const (
	selectRecord = "SELECT " + recordColumns + " FROM approvals"
	findLimit    = 1000
)

// inOpen, inHolding and inWaiting are the conditions of the partial indexes, word for word: only so does
// the engine use those.
var inOpen, inHolding, inWaiting = stateIn(approval.Open), stateIn(approval.Holding), stateIn(approval.Waiting)

// Record implements [approval.Store].
func (s *Store) Record(ctx context.Context, id string) (approval.Record, error) {
	return readOne(ctx, s, recordFields, selectRecord+" WHERE id = $1", id)
}

func recordByID(ctx context.Context, q queryer, id string) (approval.Record, error) {
	return one(ctx, q, recordFields, selectRecord+" WHERE id = $1", id)
}

// Find implements [approval.Store].
func (s *Store) Find(ctx context.Context, q approval.Query) ([]approval.Record, error) {
	if q.Limit <= 0 {
		q.Limit = findLimit
	}
	query, args := s.findQuery(q)
	return readAll(ctx, s, recordFields, query, args...)
}

func (e *engine) findQuery(q approval.Query) (string, []any) {
	c, order := &conditions{}, "created_at DESC, seq DESC"
	c.states(q.States)
	if slices.Equal(q.States, approval.Holding) {
		c.states(approval.Open) // whose index has the order
	}
	c.equal("api", q.API)
	c.equal("account", q.Account)
	c.equal("operation", q.Operation)
	if q.IDPrefix != "" {
		order = "id" + e.bytewise
		c.clauses = append(c.clauses, order+" >= "+c.add(q.IDPrefix), order+" < "+c.add(q.IDPrefix+"{")) // which follows z
	}
	if len(q.IDs) > 0 {
		order = "id"
		c.clauses = append(c.clauses, "id IN ("+addAll(&c.params, q.IDs)+")")
	}
	if q.Undelivered && len(q.Hashes) > 0 {
		// Each column is looked up by its own index. With an OR over both, neither is used.
		c.clauses = append(c.clauses, "id IN ("+c.untold(q, "asked_hash")+" UNION "+c.untold(q, "args_hash")+")")
	} else {
		c.ofAsker(q, "asked_hash", "args_hash")
	}
	if !q.Since.IsZero() {
		order = "changed_at DESC, seq DESC"
	}
	return selectRecord + c.where() + " ORDER BY " + order + limit(q.Limit), c.values
}

// untold selects the ids of what was not delivered, by one of the hashes.
func (c *conditions) untold(q approval.Query, hash string) string {
	of := &conditions{params: c.params}
	of.ofAsker(q, hash)
	c.params = of.params
	return "SELECT id FROM approvals" + of.where()
}

// ofAsker asks for the actor, for one of the hashes in one of the columns, and for what was delivered when.
func (c *conditions) ofAsker(q approval.Query, columns ...string) {
	if q.Undelivered {
		c.clauses = append(c.clauses, "told_at = 0")
	}
	c.equal("actor", q.Actor)
	if len(q.Hashes) > 0 {
		for i, column := range columns {
			columns[i] = column + " IN (" + addAll(&c.params, q.Hashes) + ")"
		}
		c.clauses = append(c.clauses, "("+strings.Join(columns, " OR ")+")")
	}
	c.at("changed_at", ">=", q.Since)
}

// selectUnsettled has what is held, all of it, and what is overdue, the longest first.
var selectUnsettled = `SELECT id, state, owner, claimed_at FROM approvals WHERE api = $1 AND account = $2 AND ` + inHolding + `
	UNION ALL SELECT * FROM (SELECT id, state, owner, claimed_at FROM approvals WHERE api = $3 AND account = $4 AND ` + inWaiting + `
		AND expires_at <= $5 ORDER BY expires_at` + limit(unsettledLimit) + `) AS due`

// unsettledLimit bounds the overdue records of one look; once they have expired the next has the others.
const unsettledLimit = 10_000

// Unsettled implements [approval.Store].
func (s *Store) Unsettled(ctx context.Context, api, account string, now time.Time) ([]approval.Unsettled, error) {
	return readAll(ctx, s, func(u *approval.Unsettled) []any { return []any{&u.ID, &u.State, &u.Owner, (*millis)(&u.ClaimedAt)} },
		selectUnsettled, api, account, api, account, millis(now))
}

// Escalate implements [approval.Store]. A record that is no longer pending fails with
// *approval.StateError.
func (s *Store) Escalate(ctx context.Context, id string, expires time.Time) error {
	changed, err := s.change(ctx, "UPDATE approvals SET place = $1, expires_at = $2 WHERE id = $3 AND state = $4",
		approval.Async, millis(expires), id, approval.Pending)
	if err != nil || changed {
		return err
	}
	return stateError(s.Record(ctx, id))
}

// MarkDelivered implements [approval.Store]. It fails with approval.ErrNotFound for an id that does
// not exist.
func (s *Store) MarkDelivered(ctx context.Context, id string, at time.Time) (first bool, err error) {
	if at.IsZero() {
		return false, errors.New("store: told at no time")
	}
	first, err = s.change(ctx, "UPDATE approvals SET told_at = $1 WHERE id = $2 AND told_at = 0", millis(at), id)
	if err == nil && !first {
		_, err = s.Record(ctx, id)
	}
	return first, err
}

// Insert implements [approval.Store]. Prior of r is ignored; ChangedAt and,
// for an Executing record, ClaimedAt are CreatedAt where they are zero, and Person is Actor where
// it is empty.
//
// The same RequestID of the same asker within 24 hours joins the record it stood for, open
// or not, and fails with *approval.RequestError if it now stands for something else. A new
// record that a machine asks for fails with *approval.PausedError for 10 minutes after a person's no
// to the same arguments, and with *approval.LimitError where a limit that counts records like it is used
// up, or where its person has 5 questions open. An Executing one is a claim: a freeze stops it.
func (s *Store) Insert(ctx context.Context, r approval.Record, limits []approval.Limit, row audit.Row) (approval.Record, bool, error) {
	r, err := insertable(r)
	if err != nil {
		return approval.Record{}, false, err
	}
	var stored approval.Record
	var joined bool
	err = s.logged(ctx, func(ctx context.Context, tx transaction) error {
		tx.foresee(func(q queryer) {
			_, _ = joinable(ctx, q, r)
			_ = mayInsert(ctx, q, r, limits)
		})
		stored, joined, err = insertIn(ctx, tx, r, limits, row)
		return err
	})
	if err != nil {
		return approval.Record{}, false, err
	}
	return stored, joined, nil
}

func insertable(r approval.Record) (approval.Record, error) {
	switch {
	case r.ID == "":
		return r, errors.New("store: the approval has no id")
	case !approval.State("").May(r.State):
		return r, fmt.Errorf("store: an approval cannot begin as %q", r.State)
	case r.Others < 0 || r.State == approval.Executing && r.Others > 0:
		return r, errors.New("store: an approval that needs other people begins as a question")
	case len(r.RequestID) > approval.RequestIDBytes:
		return r, fmt.Errorf("the request id has %d bytes: name the request in at most %d", len(r.RequestID), approval.RequestIDBytes)
	}
	r.Prior = ""
	if r.Person == "" {
		r.Person = r.Actor
	}
	if r.ChangedAt.IsZero() {
		r.ChangedAt = r.CreatedAt
	}
	if r.State == approval.Executing && r.ClaimedAt.IsZero() {
		r.ClaimedAt = r.CreatedAt
	}
	return r, nil
}

// insertIn joins or stores a record in a transaction that is alone.
func insertIn(ctx context.Context, tx transaction, r approval.Record, limits []approval.Limit, row audit.Row) (approval.Record, bool, error) {
	old, err := joinable(ctx, tx, r)
	if err == nil {
		return old, true, rememberRequest(ctx, tx, r, old.ID)
	}
	if !errors.Is(err, approval.ErrNotFound) {
		return old, false, err
	}
	if err := mayInsert(ctx, tx, r, limits); err != nil {
		return old, false, err
	}
	seq, err := appendRow(ctx, tx, row)
	if err != nil {
		return old, false, err
	}
	if err := tx.insertLater(ctx, "approvals", recordColumns+", seq", append(recordFields(&r), seq)); err != nil {
		return old, false, err
	}
	return asStored(r), false, rememberRequest(ctx, tx, r, r.ID)
}

func asStored(r approval.Record) approval.Record {
	for _, field := range recordFields(&r) {
		switch f := field.(type) {
		case *string:
			*f = text.Storable(*f)
		case *millis:
			if t := time.Time(*f); !t.IsZero() {
				*f = millis(time.UnixMilli(t.UnixMilli()).UTC())
			}
		case *jsonText:
			stored := jsonText(text.Storable(string(*f)))
			if *f = nil; len(stored) > 0 {
				*f = stored
			}
		}
	}
	return r
}

func mayInsert(ctx context.Context, q queryer, r approval.Record, limits []approval.Limit) error {
	check, at := checkOpenQuestions, r.CreatedAt
	if r.State == approval.Executing {
		if err := checkFreeze(ctx, q); err != nil {
			return err
		}
		check, at = checkTarget, r.ClaimedAt
	}
	if err := checkPause(ctx, q, r); err != nil {
		return err
	}
	if err := check(ctx, q, r); err != nil {
		return err
	}
	return checkLimits(ctx, q, r, at, limits)
}

func checkTarget(ctx context.Context, q queryer, r approval.Record) error {
	held, err := orNil(one(ctx, q, recordFields, selectRecord+
		" WHERE api = $1 AND account = $2 AND target = $3 AND id <> $4 AND "+inHolding,
		r.API, r.Account, r.Target, r.ID))
	if err != nil || held == nil {
		return err
	}
	return &approval.BusyError{Holder: *held}
}
