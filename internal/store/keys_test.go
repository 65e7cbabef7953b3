package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/keys"
	"github.com/vpsbot/vpsbot/internal/testkit"
)

func TestKeys(t *testing.T) {
	laptop := keys.Key{Name: "lead-laptop", Hash: "h1", CreatedAt: ms(start), ExpiresAt: ms(start.Add(time.Hour))}
	robot := keys.Key{Name: "robot", Hash: "h2", CreatedAt: ms(start.Add(time.Second))}
	conforms(t, func(t *testing.T, db database) {
		ctx := t.Context()
		require.NoError(t, db.Add(ctx, robot, row("created")))
		require.NoError(t, db.Add(ctx, laptop, row("created")))
		require.ErrorIs(t, db.Add(ctx, laptop, row("created")), keys.ErrTaken)
		got, err := db.Keys(ctx)
		require.NoError(t, err)
		require.Equal(t, []keys.Key{laptop, robot}, got)

		found, err := db.ByHash(ctx, "h1")
		require.NoError(t, err)
		require.Equal(t, laptop, found)
		byName, err := db.ByName(ctx, found.Name)
		require.NoError(t, err)
		require.Equal(t, found, byName)
		_, err = db.ByName(ctx, "no such")
		require.ErrorIs(t, err, keys.ErrNotFound)
		_, err = db.ByHash(ctx, "h3")
		require.ErrorIs(t, err, keys.ErrNotFound)

		revoked := start.Add(time.Minute)
		require.NoError(t, db.Revoke(ctx, "lead-laptop", revoked, row("revoked")))
		require.ErrorIs(t, db.Revoke(ctx, "lead-laptop", revoked, row("revoked")), keys.ErrRevoked)
		require.ErrorIs(t, db.Revoke(ctx, "nobody", revoked, row("revoked")), keys.ErrNotFound)
		found, err = db.ByHash(ctx, "h1")
		require.NoError(t, err)
		require.Equal(t, ms(revoked), found.RevokedAt)
		again := laptop
		again.Hash = "h4"
		require.ErrorIs(t, db.Add(ctx, again, row("created")), keys.ErrTaken, "a name is never used twice")
		require.Equal(t, 3, logLength(t, db))
	})
}

func TestKeysRefuse(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		ctx := t.Context()
		good := keys.Key{Name: "k", Hash: "h", CreatedAt: start}
		for name, change := range map[string]func(*keys.Key){
			"a name":  func(k *keys.Key) { k.Name = "a b" },
			"no hash": func(k *keys.Key) { k.Hash = "" },
			"no time": func(k *keys.Key) { k.CreatedAt = time.Time{} },
			"an end":  func(k *keys.Key) { k.RevokedAt = start },
		} {
			k := good
			change(&k)
			require.Error(t, db.Add(ctx, k, row("created")), name)
		}
		require.Error(t, db.Add(ctx, good, audit.Row{}), "no key without its row")
		require.NoError(t, db.Add(ctx, good, row("created")))
		other := good
		other.Name = "other"
		require.Error(t, db.Add(ctx, other, row("created")), "one secret, two names")
		require.Error(t, db.Revoke(ctx, "k", time.Time{}, row("revoked")))
		require.Error(t, db.Revoke(ctx, "k", start, audit.Row{}))
		all, err := db.Keys(ctx)
		require.NoError(t, err)
		require.Len(t, all, 1)
		require.Zero(t, all[0].RevokedAt)
	})
}

// Of many who make the first key at once, one does; nobody does after it, revoked or not.
func TestOneFirstKey(t *testing.T) {
	conforms(t, func(t *testing.T, db database) {
		ctx := t.Context()
		var refused atomic.Int64
		testkit.Concurrently(8, func(i int) {
			key := keys.Key{Name: fmt.Sprint("key-", i), Hash: fmt.Sprint("h", i), CreatedAt: ms(start)}
			if err := db.AddFirst(ctx, key, row("created")); errors.Is(err, keys.ErrNotFirst) {
				refused.Add(1)
			}
		})
		require.EqualValues(t, 7, refused.Load())
		first, err := db.Keys(ctx)
		require.NoError(t, err)
		require.Len(t, first, 1)
		require.NoError(t, db.Revoke(ctx, first[0].Name, start.Add(time.Minute), row("revoked")))
		require.ErrorIs(t, db.AddFirst(ctx, keys.Key{Name: "late", Hash: "late", CreatedAt: ms(start)}, row("created")), keys.ErrNotFirst)
	})
}

// A secret is made once, is another one for each name, and stays.
func TestSecrets(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		db := open(t, url)
		first, err := db.Secret(t.Context(), "session")
		require.NoError(t, err)
		require.Len(t, first, 32)
		other, err := db.Secret(t.Context(), "other")
		require.NoError(t, err)
		require.NotEqual(t, first, other)
		require.NoError(t, db.Close())
		again, err := open(t, url).Secret(t.Context(), "session")
		require.NoError(t, err)
		require.Equal(t, first, again)
	})
}

// printSecret prints the secret that a process gets.
func printSecret(db database, _ string) error {
	key, err := db.Secret(context.Background(), "session")
	fmt.Printf("%x", key)
	return err
}

// Of eight processes that ask first at once all get the same secret.
func TestProcessesMakeOneSecret(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		open(t, url)
		printed := together(t, 8, "secret", url)
		require.Len(t, printed[0], 64)
		require.Len(t, slices.Compact(printed), 1)
	})
}
