package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/background"
	"github.com/vpsbot/vpsbot/internal/backoff"
	"github.com/vpsbot/vpsbot/internal/liveness"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/slackbot"
)

// Store is the database, which is opened when it is first needed. An attempt that failed is repeated.
type Store struct {
	url   func() (string, error)
	sign  func() (store.Signing, error) // how the log is signed
	id    string                        // of this process
	clock *databaseClock                // nil: the database goes by this machine's
	watch func(store.Access)            // nil: nobody does

	mu     sync.Mutex
	opened *store.Store
}

// Open returns the open database.
func (s *Store) Open(ctx context.Context) (*store.Store, error) {
	db, err := s.open(ctx)
	if err == nil {
		s.clock.renew(ctx, db.Now)
	}
	return db, err
}

func (s *Store) open(ctx context.Context) (*store.Store, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opened != nil {
		return s.opened, nil
	}
	url, err := s.url()
	if err != nil {
		return nil, err
	}
	sign, err := s.sign()
	if err != nil {
		return nil, err
	}
	opened, err := store.Open(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("VPSBOT_DATABASE_URL: %w", err)
	}
	opened.SignWith(sign)
	opened.Identify(s.id)
	opened.Watch = s.watch
	if err := s.clock.set(ctx, opened.Now); err != nil {
		return nil, errors.Join(fmt.Errorf("VPSBOT_DATABASE_URL: %w", err), opened.Close())
	}
	s.opened = opened
	return s.opened, nil
}

func (s *Store) approvals(ctx context.Context) (approval.Store, error) {
	db, err := s.Open(ctx)
	if err != nil {
		return nil, err // not a *store.Store that is nil inside an interface
	}
	return db, nil
}

func (s *Store) slack(ctx context.Context) (slackbot.Store, error) {
	db, err := s.Open(ctx)
	if err != nil {
		return nil, err
	}
	return db, nil
}

// IsAlive reports whether the process of a session still exists, as far as can be found out.
func (s *Store) IsAlive(ctx context.Context, session string) bool {
	db, err := s.Open(ctx)
	if err != nil {
		return true
	}
	state, err := db.Holder(ctx, session)
	return err != nil || state == liveness.Exists
}

func (s *Store) isOpen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened != nil
}

// Close closes the store if it was opened.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opened == nil {
		return nil
	}
	return s.opened.Close()
}

// maintain settles what other processes left unfinished, and prunes, until ctx ends.
func (a *App) maintain(ctx context.Context) {
	var pruning sync.WaitGroup
	pruning.Go(func() { a.prune(ctx) })
	a.Runner.Reconcile(ctx, a.HasStore)
	pruning.Wait()
}

const pruneEvery = time.Hour

// prune deletes what ended long ago, at each interval. It begins within the first one at random, because many
// processes may start at once.
func (a *App) prune(ctx context.Context) {
	if backoff.Sleep(ctx, rand.N(pruneEvery)) != nil {
		return
	}
	loop := background.Loop{Interval: pruneEvery, Log: a.Runner.Log, Message: "deleting what ended long ago"}
	loop.Run(ctx, func(ctx context.Context) error {
		if !a.HasStore() {
			return nil
		}
		db, err := a.Store.Open(ctx)
		if err != nil {
			return err
		}
		done, err := db.Prune(ctx, store.PruneOptions{})
		level := slog.LevelDebug
		if done.Approvals > 0 {
			level = slog.LevelInfo
		}
		a.Runner.Log.Log(ctx, level, "deleted what ended long ago; the audit log keeps it", "approvals", done.Approvals, "before", done.Before)
		return err
	})
}

// databaseClock is the time of a database that several machines share: by their own clocks a record could be
// expired for one of them and not for another. Between two queries this machine's clock is added.
type databaseClock struct {
	machine func() time.Time

	renewing sync.Mutex

	mu    sync.Mutex
	there time.Time // the database's answer; zero: there was none yet
	here  time.Time // of this machine at that moment
}

// now is the database's time, or this machine's before the first query.
func (c *databaseClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.machine()
	if c.there.IsZero() {
		return now
	}
	// The monotonic clock stands still while the machine sleeps, and the wall clock can be set.
	passed := max(now.Sub(c.here), now.Round(0).Sub(c.here.Round(0)))
	return c.there.Add(passed).In(now.Location())
}

const clockAge = 5 * time.Second

// renew calls set if the last answer is old and no other call is renewing it. It ignores errors: the
// caller's next query meets them.
func (c *databaseClock) renew(ctx context.Context, query func(context.Context) (time.Time, error)) {
	if c == nil || !c.renewing.TryLock() {
		return
	}
	defer c.renewing.Unlock()
	c.mu.Lock()
	age := c.machine().Round(0).Sub(c.here.Round(0)).Abs()
	c.mu.Unlock()
	if age >= clockAge {
		_ = c.set(ctx, query)
	}
}

// set queries the database's time. The answer counts as of the middle of the query.
func (c *databaseClock) set(ctx context.Context, query func(context.Context) (time.Time, error)) error {
	if c == nil {
		return nil
	}
	asked := c.machine()
	there, err := query(ctx)
	if err != nil {
		return err
	}
	took := c.machine().Sub(asked)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.there, c.here = there, asked.Add(took/2)
	return nil
}
