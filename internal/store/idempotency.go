package store

import (
	"context"
	"errors"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/text"
)

// Idempotency: the same request leads to the same record and is never sent twice. A request is the same by its
// idempotency key, the caller's RequestID, or, while a record is open, by actor, operation and arguments.

// requestsKept is how long an idempotency key is remembered.
const requestsKept = 24 * time.Hour

// joinable finds the record that the same request has led to before, or approval.ErrNotFound.
func joinable(ctx context.Context, q queryer, r approval.Record) (approval.Record, error) {
	old, err := requested(ctx, q, r)
	if !errors.Is(err, approval.ErrNotFound) {
		return old, err
	}
	return one(ctx, q, recordFields, selectRecord+
		" WHERE api = $1 AND account = $2 AND actor = $3 AND operation = $4 AND args_hash = $5 AND "+inOpen,
		r.API, r.Account, r.Actor, r.Operation, r.ArgsHash)
}

const selectRequested = selectRecord + ` WHERE id = (SELECT approval FROM requests
	WHERE api = $1 AND account = $2 AND actor = $3 AND request_id = $4 AND at > $5)`

// Requested implements [approval.Store].
func (s *Store) Requested(ctx context.Context, api, account, actor, requestID string, now time.Time) (approval.Record, error) {
	return readOne(ctx, s, recordFields, selectRequested, api, account, actor, requestID, millis(now.Add(-requestsKept)))
}

// requested finds the record that an idempotency key stands for, or fails with approval.ErrNotFound.
func requested(ctx context.Context, q queryer, r approval.Record) (approval.Record, error) {
	if r.RequestID == "" {
		return approval.Record{}, approval.ErrNotFound
	}
	old, err := one(ctx, q, recordFields, selectRequested, r.API, r.Account, r.Actor, r.RequestID, millis(r.CreatedAt.Add(-requestsKept)))
	if err != nil {
		return old, err
	}
	if !sameRequest(old, r) {
		return approval.Record{}, &approval.RequestError{Record: old}
	}
	return old, nil
}

// sameRequest compares a new request with a stored one: by what it resolves to, or by what
// was asked, which may resolve to something else by now.
func sameRequest(old, r approval.Record) bool {
	asked := text.Storable(r.AskedHash)
	return old.Operation == text.Storable(r.Operation) &&
		(old.ArgsHash == text.Storable(r.ArgsHash) || asked != "" && old.AskedHash == asked)
}

// rememberRequest stores which record r's idempotency key, if it has one, stands for, and deletes expired keys.
func rememberRequest(ctx context.Context, tx transaction, r approval.Record, id string) error {
	if r.RequestID == "" {
		return nil
	}
	if err := tx.later(ctx, "DELETE FROM requests WHERE at <= $1", millis(r.CreatedAt.Add(-requestsKept))); err != nil {
		return err
	}
	return tx.later(ctx, `INSERT INTO requests (api, account, actor, request_id, approval, at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (api, account, actor, request_id) DO NOTHING`,
		r.API, r.Account, r.Actor, r.RequestID, id, millis(r.CreatedAt))
}
