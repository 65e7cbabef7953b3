package app

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/keys"
	"github.com/vpsbot/vpsbot/internal/mcpserver"
	"github.com/vpsbot/vpsbot/internal/store"
)

// newTestCallers is a store with a key that ends in an hour, the callers who are known by it, and their clock.
func newTestCallers(t *testing.T) (c *callers, db *store.Store, secret string, now *time.Time) {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "v.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	secret, hash, err := keys.New(rand.Reader)
	require.NoError(t, err)
	at := time.Now().Truncate(time.Millisecond) // as the store keeps it
	require.NoError(t, db.Add(t.Context(), keys.Key{Name: "ada", Hash: hash, CreatedAt: at, ExpiresAt: at.Add(time.Hour)}, row("keys.create")))
	now = &at
	return newCallers(&App{Now: func() time.Time { return at }, Store: &Store{opened: db}}), db, secret, now
}

func row(operation string) audit.Row {
	return audit.Row{At: time.Now(), Operation: operation, Decision: audit.Allowed}
}

// away is a store that does not answer. It counts how often it is asked.
func away(asked *atomic.Int64) *Store {
	return &Store{url: func() (string, error) { asked.Add(1); return "", errors.New("the store is away") }}
}

func TestCallersOverHTTP(t *testing.T) {
	c, _, secret, now := newTestCallers(t)
	other, _, err := keys.New(rand.Reader)
	require.NoError(t, err)
	actor, err := c.authenticate(t.Context(), secret)
	require.NoError(t, err)
	require.Equal(t, "key:ada", string(actor))
	_, err = c.authenticate(t.Context(), other)
	require.ErrorIs(t, err, mcpserver.ErrUnknownBearer)
	*now = now.Add(time.Hour)
	_, err = c.authenticate(t.Context(), secret)
	require.ErrorIs(t, err, mcpserver.ErrUnknownBearer, "it has expired")
	*now = now.Add(-time.Millisecond) // the last moment that it is valid, and the first that it is not
	_, err = c.authenticate(t.Context(), secret)
	require.NoError(t, err)
	*now = now.Add(time.Millisecond)
	_, err = c.authenticate(t.Context(), secret)
	require.ErrorIs(t, err, mcpserver.ErrUnknownBearer, "what is kept of it does not outlast it")
}

// What cannot be an access key is not looked up.
func TestOtherSecretsAreNotLookedUp(t *testing.T) {
	var asked atomic.Int64
	c := newCallers(&App{Now: time.Now, Store: away(&asked)})
	for secret, want := range map[string]error{
		"vps_4711": mcpserver.ErrVPSToken, "eyJhbGciOiJub25lIn0.e30.": mcpserver.ErrUnknownBearer, "": mcpserver.ErrUnknownBearer, "xoxb-1": mcpserver.ErrUnknownBearer,
	} {
		_, err := c.authenticate(t.Context(), secret)
		require.ErrorIs(t, err, want, secret)
	}
	require.Zero(t, asked.Load())
}

// A key that was revoked by another process is taken for less than five seconds more.
func TestARevokedKeyOverHTTP(t *testing.T) {
	c, db, secret, now := newTestCallers(t)
	_, err := c.authenticate(t.Context(), secret)
	require.NoError(t, err)
	require.NoError(t, db.Revoke(t.Context(), "ada", *now, row("keys.revoke")))
	*now = now.Add(keyKept - 1)
	_, err = c.authenticate(t.Context(), secret)
	require.NoError(t, err, "the answer of before is kept")
	*now = now.Add(1)
	_, err = c.authenticate(t.Context(), secret)
	require.ErrorIs(t, err, mcpserver.ErrUnknownBearer)
}

// A store that is away makes no key unknown: a client would throw it away.
func TestCallersWhoseStoreIsAway(t *testing.T) {
	c, db, secret, now := newTestCallers(t)
	_, err := c.authenticate(t.Context(), secret)
	require.NoError(t, err)
	var asked atomic.Int64
	c.Store = away(&asked)
	*now = now.Add(keyKept - 1)
	_, err = c.authenticate(t.Context(), secret)
	require.NoError(t, err)
	*now = now.Add(1)
	for _, secret := range []string{secret, "vpsbot_unknown"} {
		_, err = c.authenticate(t.Context(), secret)
		require.ErrorContains(t, err, "the store is away")
		require.NotErrorIs(t, err, mcpserver.ErrUnknownBearer)
		require.NotContains(t, err.Error(), secret)
	}
	require.EqualValues(t, 2, asked.Load())
	c.Store = &Store{opened: db}
	_, err = c.authenticate(t.Context(), secret)
	require.NoError(t, err, "it is asked again at once")
}

// Unknown keys fill no memory, and push out no known one.
func TestManyUnknownKeys(t *testing.T) {
	c, _, secret, _ := newTestCallers(t)
	_, err := c.authenticate(t.Context(), secret)
	require.NoError(t, err)
	flood := func(from, to int) uint64 {
		for i := from; i < to; i++ {
			_, err := c.authenticate(t.Context(), fmt.Sprintf("vpsbot_%052d", i))
			require.ErrorIs(t, err, mcpserver.ErrUnknownBearer)
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := flood(0, 2*mostKeys)
	after := flood(2*mostKeys, 2*mostKeys+10_000)
	require.Less(t, int64(after)-int64(before), int64(256<<10), "bytes")
	var asked atomic.Int64
	c.Store = away(&asked)
	_, err = c.authenticate(t.Context(), secret)
	require.NoError(t, err)
}

// The lines that serve says to write are a policy.
func TestExposureNeedsAPolicy(t *testing.T) {
	t.Parallel()
	slack := map[string]string{"VPSBOT_PUBLIC_URL": "https://bot.example.com", "SLACK_BOT_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": "1"}
	for _, variables := range []map[string]string{{"VPSBOT_LISTEN": ":8484"}, {"VPSBOT_PUBLIC_URL": "https://bot.example.com"}, slack} {
		a, err := New(t.Context(), environment(variables))
		require.NoError(t, err)
		err = a.CheckExposure()
		require.ErrorContains(t, err, "set VPSBOT_POLICY_FILE to a file")
		_, lines, _ := strings.Cut(err.Error(), "\n\n")
		require.Equal(t, variables["SLACK_BOT_TOKEN"] != "", strings.Contains(lines, "where: [slack]"))
		path := filepath.Join(t.TempDir(), "policy.yaml")
		require.NoError(t, os.WriteFile(path, []byte(lines), 0o600))
		variables["VPSBOT_POLICY_FILE"] = path
		a, err = New(t.Context(), environment(variables))
		require.NoError(t, err)
		require.NoError(t, a.PolicyErr)
		if variables["SLACK_BOT_TOKEN"] == "" { // else it warns that guests of the workspace may read, who may without a policy
			require.Empty(t, a.PolicyFile.Document().Warnings)
		}
		require.NoError(t, a.CheckExposure())
	}
	a, err := New(t.Context(), environment(map[string]string{"VPSBOT_PUBLIC_URL": "http://127.0.0.1:8484"}))
	require.NoError(t, err)
	require.NoError(t, a.CheckExposure())
}
