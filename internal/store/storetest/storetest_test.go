package storetest

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
)

// What is given is what a store that was just made is, and each test has its own.
func TestEachHasItsOwn(t *testing.T) {
	first, second := Open(t), Open(t)
	freeze := audit.Row{At: time.Now(), Actor: "local:alice", Surface: "terminal", Operation: "freeze", Decision: "frozen"}
	require.NoError(t, first.Freeze(t.Context(), approval.Freeze{By: "local:alice", Reason: "a test", At: time.Now()}, freeze))
	count := func(rows func(func(audit.Row, error) bool)) (n int) {
		for _, err := range rows {
			require.NoError(t, err)
			n++
		}
		return n
	}
	require.Equal(t, 1, count(first.Rows(t.Context(), audit.Filter{})))
	require.Zero(t, count(second.Rows(t.Context(), audit.Filter{})))
}

func TestTheFileIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b.db")
	Place(t, path)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}
