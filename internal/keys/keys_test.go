package keys_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/keys"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// one is a store with one key, which it returns whatever it is asked for.
type one struct {
	keys.Store
	key keys.Key
	err error
}

func (o one) ByHash(context.Context, string) (keys.Key, error) { return o.key, o.err }

func (o one) ByName(context.Context, string) (keys.Key, error) { return o.key, o.err }

func TestNew(t *testing.T) {
	secret, hash, err := keys.New(bytes.NewReader(bytes.Repeat([]byte{0xA5}, 32)))
	require.NoError(t, err)
	require.Equal(t, "vpsbot_uws2ljnfuws2ljnfuws2ljnfuws2ljnfuws2ljnfuws2ljnfuwsq", secret)
	require.Equal(t, keys.Hash(secret), hash)
	require.Len(t, hash, 64)

	seen := map[string]bool{}
	for range 100 {
		secret, _, err := keys.New(rand.Reader)
		require.NoError(t, err)
		require.False(t, seen[secret])
		require.Len(t, strings.TrimPrefix(secret, keys.Prefix), 52, "256 bits, five a letter")
		seen[secret] = true
	}
	_, _, err = keys.New(bytes.NewReader(make([]byte, 31)))
	require.ErrorContains(t, err, "making an access key")
}

func TestFind(t *testing.T) {
	secret, hash, err := keys.New(rand.Reader)
	require.NoError(t, err)
	good := keys.Key{Name: "k", Hash: hash, CreatedAt: start}
	expiring, expired, revoked, other := good, good, good, good
	expiring.ExpiresAt = start.Add(time.Millisecond)
	expired.ExpiresAt = start
	revoked.RevokedAt, revoked.ExpiresAt = start.Add(time.Hour), start
	other.Hash = keys.Hash("another")
	broken := errors.New("the database is away")
	for name, c := range map[string]struct {
		store  one
		secret string
		want   error
	}{
		"good":               {one{key: good}, secret, nil},
		"with a line break":  {one{key: good}, " " + secret + "\n", nil},
		"not expired yet":    {one{key: expiring}, secret, nil},
		"expired":            {one{key: expired}, secret, keys.ErrExpired},
		"revoked":            {one{key: revoked}, secret, keys.ErrRevoked},
		"unknown":            {one{err: keys.ErrNotFound}, secret, keys.ErrNotFound},
		"another's":          {one{key: other}, secret, keys.ErrNotFound},
		"empty":              {one{key: good}, "", keys.ErrNotFound},
		"no key stored":      {one{}, "", keys.ErrNotFound},
		"the hash itself":    {one{key: good}, hash, keys.ErrNotFound},
		"the store is away":  {one{err: broken}, secret, broken},
		"without its prefix": {one{key: good}, strings.TrimPrefix(secret, keys.Prefix), keys.ErrNotFound},
	} {
		if c.secret == secret && name != "another's" { // by its name it ends as it does by its secret
			require.ErrorIs(t, keys.Ended(t.Context(), c.store, "k", start), c.want, name)
		}
		got, err := keys.Find(t.Context(), c.store, c.secret, start)
		if c.want == nil {
			require.NoError(t, err, name)
			require.Equal(t, c.store.key, got, name)
			continue
		}
		require.ErrorIs(t, err, c.want, name)
		require.Zero(t, got, name)
		require.NotContains(t, err.Error(), secret)
	}
}

func TestCheckName(t *testing.T) {
	for _, name := range []string{"a", "lead-laptop", "CI_2.x", "0", "..", strings.Repeat("x", 64)} {
		require.NoError(t, keys.CheckName(name), name)
	}
	for _, name := range []string{
		"vps_short", "vpsbot_x", "xoxb-1-2", "xapp-1-A", "0123456789abcdef0123456789abcdef", "prod-9f86d081884c7d659a2feaa0c55ad015", "VPS_0",
		"ghp_x", "eyJhbGciOi",
	} {
		require.ErrorIs(t, keys.CheckName(name), keys.ErrSecretName, name)
	}
	for _, name := range []string{"release-2026-11-29-host0123", "machine-0123456789012345678901234567"} {
		require.NoError(t, keys.CheckName(name), name)
	}
	for _, name := range []string{"", "a b", "ä", "a/b", "a:b", "a\n", "*", strings.Repeat("x", 65)} {
		require.ErrorContains(t, keys.CheckName(name), "1 to 64 letters", name)
	}
}

// Whatever is presented, it is found or refused with an error that does not repeat it.
func FuzzFind(f *testing.F) {
	_, hash, err := keys.New(rand.Reader)
	require.NoError(f, err)
	f.Add("vpsbot_x")
	f.Add("\x00\xff")
	f.Fuzz(func(t *testing.T, secret string) {
		_, err := keys.Find(t.Context(), one{key: keys.Key{Name: "k", Hash: hash}}, secret, start)
		require.ErrorIs(t, err, keys.ErrNotFound)
		require.EqualError(t, err, keys.ErrNotFound.Error())
	})
}
