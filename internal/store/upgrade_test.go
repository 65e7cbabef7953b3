package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
)

// older is a store as the first version of the program left it: record 1 waits, 2 runs, 3 is done.
func older(t *testing.T) (path string) {
	t.Helper()
	dump, err := os.ReadFile(filepath.Join("testdata", "version-1.sql"))
	require.NoError(t, err)
	path = filepath.Join(t.TempDir(), "vpsbot.db")
	execute(t, path, string(dump))
	return path
}

func TestUpgrade(t *testing.T) {
	path := older(t)
	require.Equal(t, []string{"1"}, query(t, path, "SELECT max(version_id) FROM goose_db_version"))
	db := open(t, "sqlite:"+path)
	report, err := audit.Verify(db.Rows(t.Context(), audit.Filter{}))
	require.NoError(t, err)
	require.EqualValues(t, 6, report.Rows)

	for id, own := range map[string]bool{"1": true, "2": false, "3": false} {
		want := asked(id)
		got, err := db.Record(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, "local:alice", got.Person, "the requester was the person")
		require.Equal(t, own, got.Own, id)
		require.Equal(t, want.Facts, got.Facts)
	}
	// What waited can be agreed to, what ran goes on holding its target, and forms are there.
	r, err := db.Agree(t.Context(), "1", yes("local:alice"), row("approved"))
	require.NoError(t, err)
	require.Equal(t, approval.Approved, r.State)
	rival := claimed("4")
	rival.Target = "server:2"
	_, _, err = db.Insert(t.Context(), rival, nil, row("allowed"))
	require.ErrorAs(t, err, new(*approval.BusyError))
	_, err = db.TakeForm(t.Context(), "h", "s1", start)
	require.NoError(t, err)
	moved(t, db, move("2", approval.Executing, approval.Done))
}
