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
	refused    failure = iota // the call does nothing and fails
	unanswered                // the call is carried out, and fails all the same
	gone                      // the call and all after it fail
	cutOff                    // the call is carried out; it and all after it fail
)

var failures = map[failure]string{refused: "refused", unanswered: "unanswered", gone: "gone from then on", cutOff: "cut off"}

var errStore = errors.New("the database is gone")

// faulty is a store whose nth call fails. It counts calls; a healed one fails no more.
type faulty struct {
	approval.Store
	how failure

	mu     sync.Mutex
	calls  int
	nth    int // from 1; 0: none fails
	failed string
}

func (f *faulty) heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.nth = 0
}

// enter counts a call, and says whether it is carried out and whether it is answered.
func (f *faulty) enter(name string) (carriedOut, answered bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	switch {
	case f.nth == 0 || f.calls < f.nth:
		return true, true
	case f.calls == f.nth:
		f.failed = name
		return f.how == unanswered || f.how == cutOff, false
	}
	ok := f.how == refused || f.how == unanswered
	return ok, ok
}

func through[T any](f *faulty, name string, do func() (T, error)) (T, error) {
	var zero T
	carriedOut, answered := f.enter(name)
	if !carriedOut {
		return zero, errStore
	}
	v, err := do()
	if !answered {
		return zero, errStore
	}
	return v, err
}

func (f *faulty) just(name string, do func() error) error {
	_, err := through(f, name, func() (struct{}, error) { return struct{}{}, do() })
	return err
}

func (f *faulty) open(context.Context) (approval.Store, error) {
	return through(f, "open", func() (approval.Store, error) { return f, nil })
}

func (f *faulty) Insert(ctx context.Context, r approval.Record, limits []approval.Limit, row audit.Row) (stored approval.Record, joined bool, err error) {
	stored, err = through(f, "Insert", func() (approval.Record, error) {
		var rec approval.Record
		rec, joined, err = f.Store.Insert(ctx, r, limits, row)
		return rec, err
	})
	return stored, joined && err == nil, err
}

func (f *faulty) Move(ctx context.Context, m approval.Move, row audit.Row) (approval.Record, error) {
	return through(f, "Move to "+string(m.To), func() (approval.Record, error) { return f.Store.Move(ctx, m, row) })
}

func (f *faulty) Agree(ctx context.Context, id string, c approval.Consent, row audit.Row) (approval.Record, error) {
	return through(f, "Agree", func() (approval.Record, error) { return f.Store.Agree(ctx, id, c, row) })
}

func (f *faulty) Record(ctx context.Context, id string) (approval.Record, error) {
	return through(f, "Record", func() (approval.Record, error) { return f.Store.Record(ctx, id) })
}

func (f *faulty) Requested(ctx context.Context, api, account, actor, requestID string, now time.Time) (approval.Record, error) {
	return through(f, "Requested", func() (approval.Record, error) {
		return f.Store.Requested(ctx, api, account, actor, requestID, now)
	})
}

func (f *faulty) Find(ctx context.Context, q approval.Query) ([]approval.Record, error) {
	return through(f, "Find", func() ([]approval.Record, error) { return f.Store.Find(ctx, q) })
}

func (f *faulty) Consents(ctx context.Context, id string) ([]approval.Consent, error) {
	return through(f, "Consents", func() ([]approval.Consent, error) { return f.Store.Consents(ctx, id) })
}

func (f *faulty) Escalate(ctx context.Context, id string, expires time.Time) error {
	return f.just("Escalate", func() error { return f.Store.Escalate(ctx, id, expires) })
}

func (f *faulty) MarkDelivered(ctx context.Context, id string, at time.Time) (bool, error) {
	return through(f, "MarkDelivered", func() (bool, error) { return f.Store.MarkDelivered(ctx, id, at) })
}

func (f *faulty) IssueChallenge(ctx context.Context, form approval.Challenge) error {
	return f.just("IssueChallenge", func() error { return f.Store.IssueChallenge(ctx, form) })
}

func (f *faulty) ConsumeChallenge(ctx context.Context, hash, session string, now time.Time) (approval.Challenge, error) {
	return through(f, "ConsumeChallenge", func() (approval.Challenge, error) { return f.Store.ConsumeChallenge(ctx, hash, session, now) })
}

func (f *faulty) Freeze(ctx context.Context, z approval.Freeze, row audit.Row) error {
	return f.just("Freeze", func() error { return f.Store.Freeze(ctx, z, row) })
}

func (f *faulty) Unfreeze(ctx context.Context, row audit.Row) error {
	return f.just("Unfreeze", func() error { return f.Store.Unfreeze(ctx, row) })
}

func (f *faulty) Frozen(ctx context.Context) (*approval.Freeze, error) {
	return through(f, "Frozen", func() (*approval.Freeze, error) { return f.Store.Frozen(ctx) })
}

func (f *faulty) Hold(ctx context.Context) (liveness.Lock, error) {
	return through(f, "Hold", func() (liveness.Lock, error) { return f.Store.Hold(ctx) })
}

func (f *faulty) Holder(ctx context.Context, id string) (liveness.State, error) {
	return through(f, "Holder", func() (liveness.State, error) { return f.Store.Holder(ctx, id) })
}

func (f *faulty) Note(ctx context.Context, row audit.Row) error {
	return f.just("Note", func() error { return f.Store.Note(ctx, row) })
}
