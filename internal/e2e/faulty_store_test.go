package e2e_test

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/liveness"
)

// failure is a way in which a store fails.
type failure int

const (
	failBefore        failure = iota // the call has no effect and fails
	failAfter                        // the call has its effect and fails
	failBeforeFromNow                // the call and all later ones have no effect and fail
	failAfterFromNow                 // the call has its effect and fails; all later ones have none and fail
)

var failureNames = map[failure]string{failBefore: "fails before", failAfter: "fails after", failBeforeFromNow: "fails before, from now on", failAfterFromNow: "fails after, then before"}

var errStore = errors.New("the database is gone")

// faultyStore is a store whose nth call fails, until it is repaired.
type faultyStore struct {
	approval.Store
	how failure

	mu         sync.Mutex
	calls      int
	nth        int // from 1; 0: none fails
	failedCall string
}

func (f *faultyStore) repair() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.nth = 0
}

// countCall counts a call, and reports whether the call has its effect and whether it succeeds.
func (f *faultyStore) countCall(name string) (carriedOut, answered bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	switch {
	case f.nth == 0 || f.calls < f.nth:
		return true, true
	case f.calls == f.nth:
		f.failedCall = name
		return f.how == failAfter || f.how == failAfterFromNow, false
	}
	ok := f.how == failBefore || f.how == failAfter
	return ok, ok
}

func intercept[T any](f *faultyStore, name string, do func() (T, error)) (T, error) {
	var zero T
	carriedOut, answered := f.countCall(name)
	if !carriedOut {
		return zero, errStore
	}
	v, err := do()
	if !answered {
		return zero, errStore
	}
	return v, err
}

func (f *faultyStore) interceptError(name string, do func() error) error {
	_, err := intercept(f, name, func() (struct{}, error) { return struct{}{}, do() })
	return err
}

func (f *faultyStore) open(context.Context) (approval.Store, error) {
	return intercept(f, "open", func() (approval.Store, error) { return f, nil })
}

func (f *faultyStore) Insert(ctx context.Context, r approval.Record, limits []approval.Limit, row audit.Row) (stored approval.Record, joined bool, err error) {
	stored, err = intercept(f, "Insert", func() (approval.Record, error) {
		var rec approval.Record
		rec, joined, err = f.Store.Insert(ctx, r, limits, row)
		return rec, err
	})
	return stored, joined && err == nil, err
}

func (f *faultyStore) Move(ctx context.Context, m approval.Move, row audit.Row) (approval.Record, error) {
	return intercept(f, "Move to "+string(m.To), func() (approval.Record, error) { return f.Store.Move(ctx, m, row) })
}

func (f *faultyStore) Agree(ctx context.Context, id string, c approval.Consent, row audit.Row) (approval.Record, error) {
	return intercept(f, "Agree", func() (approval.Record, error) { return f.Store.Agree(ctx, id, c, row) })
}

func (f *faultyStore) Record(ctx context.Context, id string) (approval.Record, error) {
	return intercept(f, "Record", func() (approval.Record, error) { return f.Store.Record(ctx, id) })
}

func (f *faultyStore) Requested(ctx context.Context, api, account, actor, requestID string, now time.Time) (approval.Record, error) {
	return intercept(f, "Requested", func() (approval.Record, error) {
		return f.Store.Requested(ctx, api, account, actor, requestID, now)
	})
}

func (f *faultyStore) Find(ctx context.Context, q approval.Query) ([]approval.Record, error) {
	return intercept(f, "Find", func() ([]approval.Record, error) { return f.Store.Find(ctx, q) })
}

func (f *faultyStore) Consents(ctx context.Context, id string) ([]approval.Consent, error) {
	return intercept(f, "Consents", func() ([]approval.Consent, error) { return f.Store.Consents(ctx, id) })
}

func (f *faultyStore) Escalate(ctx context.Context, id string, expires time.Time) error {
	return f.interceptError("Escalate", func() error { return f.Store.Escalate(ctx, id, expires) })
}

func (f *faultyStore) MarkDelivered(ctx context.Context, id string, at time.Time) (bool, error) {
	return intercept(f, "MarkDelivered", func() (bool, error) { return f.Store.MarkDelivered(ctx, id, at) })
}

func (f *faultyStore) Unsettled(ctx context.Context, api, account string, now time.Time) ([]approval.Unsettled, error) {
	return intercept(f, "Unsettled", func() ([]approval.Unsettled, error) { return f.Store.Unsettled(ctx, api, account, now) })
}

func (f *faultyStore) IssueChallenge(ctx context.Context, challenge approval.Challenge) error {
	return f.interceptError("IssueChallenge", func() error { return f.Store.IssueChallenge(ctx, challenge) })
}

func (f *faultyStore) ConsumeChallenge(ctx context.Context, hash, session string, now time.Time) (approval.Challenge, error) {
	return intercept(f, "ConsumeChallenge", func() (approval.Challenge, error) { return f.Store.ConsumeChallenge(ctx, hash, session, now) })
}

func (f *faultyStore) Freeze(ctx context.Context, z approval.Freeze, row audit.Row) error {
	return f.interceptError("Freeze", func() error { return f.Store.Freeze(ctx, z, row) })
}

func (f *faultyStore) Unfreeze(ctx context.Context, row audit.Row) error {
	return f.interceptError("Unfreeze", func() error { return f.Store.Unfreeze(ctx, row) })
}

func (f *faultyStore) Frozen(ctx context.Context) (*approval.Freeze, error) {
	return intercept(f, "Frozen", func() (*approval.Freeze, error) { return f.Store.Frozen(ctx) })
}

func (f *faultyStore) Hold(ctx context.Context) (liveness.Lock, error) {
	return intercept(f, "Hold", func() (liveness.Lock, error) { return f.Store.Hold(ctx) })
}

func (f *faultyStore) Holder(ctx context.Context, id string) (liveness.State, error) {
	return intercept(f, "Holder", func() (liveness.State, error) { return f.Store.Holder(ctx, id) })
}

func (f *faultyStore) Note(ctx context.Context, row audit.Row) error {
	return f.interceptError("Note", func() error { return f.Store.Note(ctx, row) })
}
