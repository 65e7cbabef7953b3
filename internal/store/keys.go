package store

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/keys"
)

const selectKey = "SELECT " + keyColumns + " FROM access_keys"

// Add implements [keys.Store].
func (s *Store) Add(ctx context.Context, k keys.Key, row audit.Row) error {
	return s.addKey(ctx, k, row, false)
}

// AddFirst implements [keys.Store].
func (s *Store) AddFirst(ctx context.Context, k keys.Key, row audit.Row) error {
	return s.addKey(ctx, k, row, true)
}

// addKey stores a key, unless there is one of its name, or any at all where first is set.
func (s *Store) addKey(ctx context.Context, k keys.Key, row audit.Row, first bool) error {
	against, refused := "SELECT count(*) FROM access_keys WHERE name = $1", keys.ErrTaken
	if first {
		against, refused = "SELECT count(*) FROM access_keys WHERE CAST($1 AS TEXT) <> ''", keys.ErrNotFirst
	}
	if err := keys.CheckName(k.Name); err != nil {
		return err
	}
	if k.Hash == "" || k.CreatedAt.IsZero() || !k.RevokedAt.IsZero() {
		return errors.New("store: a new access key has a hash and a time, and is not revoked")
	}
	return s.logged(ctx, func(ctx context.Context, tx transaction) error {
		taken, err := exists(ctx, tx, against, k.Name)
		if err != nil {
			return err
		}
		if taken {
			return refused
		}
		if err := insert(ctx, tx, "access_keys", keyColumns, keyFields(&k)); err != nil {
			return err
		}
		_, err = appendRow(ctx, tx, row)
		return err
	})
}

// Revoke implements [keys.Store].
func (s *Store) Revoke(ctx context.Context, name string, at time.Time, row audit.Row) error {
	if at.IsZero() {
		return errors.New("store: revoked at no time")
	}
	return s.logged(ctx, func(ctx context.Context, tx transaction) error {
		revoked, err := execute(ctx, tx, "UPDATE access_keys SET revoked_at = $1 WHERE name = $2 AND revoked_at = 0", millis(at), name)
		if err != nil {
			return err
		}
		if !revoked {
			return whyNotRevoked(ctx, tx, name)
		}
		_, err = appendRow(ctx, tx, row)
		return err
	})
}

func whyNotRevoked(ctx context.Context, q queryer, name string) error {
	there, err := exists(ctx, q, "SELECT count(*) FROM access_keys WHERE name = $1", name)
	if err != nil {
		return err
	}
	if there {
		return keys.ErrRevoked
	}
	return keys.ErrNotFound
}

// Keys implements [keys.Store].
func (s *Store) Keys(ctx context.Context) ([]keys.Key, error) {
	return readAll(ctx, s, keyFields, selectKey+" ORDER BY created_at, name")
}

// ByHash implements [keys.Store].
func (s *Store) ByHash(ctx context.Context, hash string) (keys.Key, error) {
	return readKey(ctx, s, "hash = $1", hash)
}

// ByName implements [keys.Store].
func (s *Store) ByName(ctx context.Context, name string) (keys.Key, error) {
	return readKey(ctx, s, "name = $1", name)
}

func readKey(ctx context.Context, s *Store, where, value string) (keys.Key, error) {
	k, err := readOne(ctx, s, keyFields, selectKey+" WHERE "+where, value)
	if errors.Is(err, approval.ErrNotFound) {
		return k, keys.ErrNotFound
	}
	return k, err
}

// Secret returns the key of that name, 256 random bits that all processes on this database share. Whoever asks first
// makes it.
func (s *Store) Secret(ctx context.Context, name string) ([]byte, error) {
	read := func() ([]byte, error) {
		return readOne(ctx, s, func(key *[]byte) []any { return []any{(*binary)(key)} }, "SELECT value FROM secrets WHERE name = $1", name)
	}
	key, err := read()
	if !errors.Is(err, approval.ErrNotFound) {
		return key, err
	}
	made := make(binary, 32)
	_, _ = rand.Read(made) // never fails
	if _, err := s.change(ctx, "INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING", name, &made); err != nil {
		return nil, err
	}
	return read() // another process may have been first
}
