package bigstore_test

import (
	"crypto/rand"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/store/pgtest"
	"github.com/vpsbot/vpsbot/internal/store/storetest"
	"github.com/vpsbot/vpsbot/internal/testkit/bigstore"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// A filled store is one that the store's own code takes for its own: the log verifies, with its signatures, and
// what is written after it continues it.
func TestFilledStoreIsWhole(t *testing.T) {
	for name, fresh := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": pgtest.URL} {
		t.Run(name, func(t *testing.T) {
			url := fresh(t)
			private, err := audit.NewKey(rand.Reader)
			require.NoError(t, err)
			key, err := audit.ParseKey(private)
			require.NoError(t, err)
			now := time.Now().UTC().Truncate(time.Millisecond)
			size := bigstore.Size{Ended: 1_500, Open: 7, Rows: 1234, Key: key, Now: now, API: "https://api.example.com", Account: "a@example.com", Actor: "local:alice"}
			bigstore.Fill(t, url, size)
			bigstore.Multiply(t, url, bigstore.Copies{ID: "big-ended-1", N: 2, Older: 20 * 24 * time.Hour}) // more milliseconds than 32 bits hold
			s, err := store.Open(t.Context(), url)
			require.NoError(t, err)
			defer s.Close()
			open, err := s.Find(t.Context(), approval.Query{States: approval.Open, API: size.API, Account: size.Account})
			require.NoError(t, err)
			require.Len(t, open, 8)
			ended, err := s.Find(t.Context(), approval.Query{States: []approval.State{approval.Done}})
			require.NoError(t, err)
			require.Len(t, ended, 1000, "as many as are found at once")
			s.SignWith(store.Signing{Key: key})
			require.NoError(t, s.Note(t.Context(), audit.Row{At: now, Actor: "local:alice", Surface: "terminal", Operation: "servers.list", Decision: audit.Allowed}))
			verifiers, err := audit.ParseVerifiers(key.Verifier())
			require.NoError(t, err)
			notes, err := s.Checkpoints(t.Context())
			require.NoError(t, err)
			require.Greater(t, len(notes), 11)
			report, err := audit.Check{Keys: verifiers}.Verify(audit.Merge(s.Rows(t.Context(), audit.Filter{}), notes))
			require.NoError(t, err)
			require.EqualValues(t, 1234+4+1, report.Rows)
		})
	}
}
