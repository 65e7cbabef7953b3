package store

import (
	"context"
	"errors"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
)

const (
	selectRecord = "SELECT " + recordColumns + " FROM approvals"
	findLimit    = 1000
)

// inOpen and inHolding are the conditions of the partial indexes, word for word: only so does
// the engine use those.
var inOpen, inHolding = stateIn(approval.Open), stateIn(approval.Holding)

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
	query, args := findQuery(q)
	return readAll(ctx, s, recordFields, query, args...)
}

func findQuery(q approval.Query) (string, []any) {
	c := selecting(q)
	return selectRecord + c.where() + " ORDER BY created_at DESC, seq DESC" + limit(q.Limit), c.values
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
	return s.inTx(ctx, func(ctx context.Context, tx transaction) error {
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
	err = s.inTx(ctx, func(ctx context.Context, tx transaction) error {
		first, err = execute(ctx, tx, "UPDATE approvals SET told_at = $1 WHERE id = $2 AND told_at = 0", millis(at), id)
		if err != nil || first {
			return err
		}
		_, err = recordByID(ctx, tx, id)
		return err
	})
	return first && err == nil, err
}
