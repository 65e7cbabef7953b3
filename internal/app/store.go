package app

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/vpsbot/vpsbot/internal/approval"
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

	mu     sync.Mutex
	opened *store.Store
}

// Open returns the open database.
func (s *Store) Open(ctx context.Context) (*store.Store, error) {
	db, err := s.open(ctx)
	if err == nil {
		s.clock.renew(ctx, db)
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
	if err := s.clock.set(ctx, opened); err != nil {
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

// isOpen reports whether this process has opened the store.
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
