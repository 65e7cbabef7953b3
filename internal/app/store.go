package app

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/slackbot"
)

// Store is the database, which is opened when it is first needed. An attempt that failed is repeated.
type Store struct {
	url   func() (string, error)
	sign  func() (store.Signing, error) // how the log is signed
	heart *heart                        // nil: nobody elsewhere looks whether this process lives
	clock *databaseClock                // nil: the database goes by this machine's

	mu     sync.Mutex
	opened *store.Store
}

// Open returns the open database.
func (s *Store) Open(ctx context.Context) (*store.Store, error) {
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
	if err := s.heart.start(ctx, opened); err != nil {
		return nil, errors.Join(fmt.Errorf("VPSBOT_DATABASE_URL: %w", err), opened.Close())
	}
	if err := s.clock.set(ctx, opened); err != nil {
		s.heart.stop()
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

// Close closes the store if it was opened.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opened == nil {
		return nil
	}
	s.heart.stop()
	return s.opened.Close()
}
