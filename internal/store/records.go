package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
)

const (
	selectRecord = "SELECT " + recordColumns + " FROM approvals"

	// inOpen and inHolding are the conditions of the unique indexes, word for word: only so
	// does the engine use those.
	inOpen    = "state IN ('pending', 'approved', 'executing', 'unknown')"
	inHolding = "state IN ('executing', 'unknown')"

	// attempts is how often a write is tried again that lost a race to a unique index.
	attempts = 3

	findLimit = 1000
)

// Insert implements [approval.Store]. What r says of Prior is not looked at; ChangedAt and,
// for an Executing record, ClaimedAt are CreatedAt where they are zero.
func (s *Store) Insert(ctx context.Context, r approval.Record, row audit.Row) (approval.Record, bool, error) {
	r, err := insertable(r)
	if err != nil {
		return approval.Record{}, false, err
	}
	for attempt := 1; ; attempt++ {
		stored, joined, err := s.insertOnce(ctx, r, row)
		if !isDuplicate(err) || attempt == attempts {
			return stored, joined, err
		}
	}
}

func insertable(r approval.Record) (approval.Record, error) {
	if r.ID == "" {
		return r, errors.New("store: the approval has no id")
	}
	if !approval.State("").May(r.State) {
		return r, fmt.Errorf("store: an approval cannot begin as %q", r.State)
	}
	r.Prior = ""
	if r.ChangedAt.IsZero() {
		r.ChangedAt = r.CreatedAt
	}
	if r.State == approval.Executing && r.ClaimedAt.IsZero() {
		r.ClaimedAt = r.CreatedAt
	}
	return r, nil
}

func (s *Store) insertOnce(ctx context.Context, r approval.Record, row audit.Row) (stored approval.Record, joined bool, err error) {
	err = s.inTx(ctx, func(tx transaction) error {
		stored, err = joinable(ctx, tx, r)
		if joined = err == nil; joined || !errors.Is(err, approval.ErrNotFound) {
			return err
		}
		if err := notHeld(ctx, tx, r); err != nil {
			return err
		}
		seq, err := appendRow(ctx, tx, row)
		if err != nil {
			return err
		}
		if err := insert(ctx, tx, "approvals", recordColumns+", seq", append(recordFields(&r), seq)); err != nil {
			return err
		}
		stored, err = recordByID(ctx, tx, r.ID)
		return err
	})
	if err != nil {
		return approval.Record{}, false, err
	}
	return stored, joined, nil
}

// joinable finds the open record of the same request, or approval.ErrNotFound.
func joinable(ctx context.Context, q queryer, r approval.Record) (approval.Record, error) {
	return one(ctx, q, recordFields, selectRecord+
		" WHERE api = $1 AND account = $2 AND actor = $3 AND operation = $4 AND args_hash = $5 AND "+inOpen,
		r.API, r.Account, r.Actor, r.Operation, r.ArgsHash)
}

// notHeld fails with *approval.BusyError if r would execute while another record holds its target.
func notHeld(ctx context.Context, q queryer, r approval.Record) error {
	if r.State != approval.Executing {
		return nil
	}
	return busy(ctx, q, r)
}

// busy fails with *approval.BusyError if another record than r holds its target.
func busy(ctx context.Context, q queryer, r approval.Record) error {
	held, err := one(ctx, q, recordFields, selectRecord+
		" WHERE api = $1 AND account = $2 AND target = $3 AND id <> $4 AND "+inHolding,
		r.API, r.Account, r.Target, r.ID)
	if errors.Is(err, approval.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return &approval.BusyError{Holder: held}
}

// Record implements [approval.Store].
func (s *Store) Record(ctx context.Context, id string) (approval.Record, error) {
	return recordByID(ctx, s.read, id)
}

func recordByID(ctx context.Context, q queryer, id string) (approval.Record, error) {
	return one(ctx, q, recordFields, selectRecord+" WHERE id = $1", id)
}

// Find implements [approval.Store].
func (s *Store) Find(ctx context.Context, q approval.Query) ([]approval.Record, error) {
	if q.Limit <= 0 {
		q.Limit = findLimit
	}
	c := selecting(q)
	query := selectRecord + c.where() + " ORDER BY created_at DESC, seq DESC LIMIT " + c.add(q.Limit)
	return all(ctx, s.read, recordFields, query, c.values...)
}

func selecting(q approval.Query) *conditions {
	c := &conditions{}
	c.states(q.States)
	c.equal("actor", q.Actor)
	c.equal("api", q.API)
	c.equal("account", q.Account)
	c.equal("operation", q.Operation)
	c.equal("target", q.Target)
	c.equal("session", q.Session)
	c.at("changed_at", ">=", q.Since)
	if q.Hash != "" {
		c.clauses = append(c.clauses, "(asked_hash = "+c.add(q.Hash)+" OR args_hash = "+c.add(q.Hash)+")")
	}
	if q.Untold {
		c.clauses = append(c.clauses, "told_at = 0")
	}
	return c
}

// Handover implements [approval.Store]. A record that is no longer pending fails with
// *approval.StateError.
func (s *Store) Handover(ctx context.Context, id string, expires time.Time) error {
	return s.inTx(ctx, func(tx transaction) error {
		changed, err := execute(ctx, tx, "UPDATE approvals SET place = $1, expires_at = $2 WHERE id = $3 AND state = $4",
			approval.Elsewhere, millis(expires), id, approval.Pending)
		if err != nil || changed {
			return err
		}
		r, err := recordByID(ctx, tx, id)
		if err != nil {
			return err
		}
		return &approval.StateError{Record: r}
	})
}

// Told implements [approval.Store]. It fails with approval.ErrNotFound for an id that does
// not exist.
func (s *Store) Told(ctx context.Context, id string, at time.Time) (first bool, err error) {
	if at.IsZero() {
		return false, errors.New("store: told at no time")
	}
	err = s.inTx(ctx, func(tx transaction) error {
		first, err = execute(ctx, tx, "UPDATE approvals SET told_at = $1 WHERE id = $2 AND told_at = 0", millis(at), id)
		if err != nil || first {
			return err
		}
		_, err = recordByID(ctx, tx, id)
		return err
	})
	return first && err == nil, err
}

// execute runs a statement and reports whether it changed anything.
func execute(ctx context.Context, tx transaction, query string, args ...any) (bool, error) {
	result, err := tx.ExecContext(ctx, query, args...)
	if err != nil {
		return false, fmt.Errorf("store: %w", err)
	}
	n, err := result.RowsAffected()
	return n > 0, err
}
