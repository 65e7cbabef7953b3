package store

import (
	"database/sql"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
)

var row = audit.Row{At: time.UnixMilli(1), Actor: "local:alice", Operation: "servers.delete", Decision: "noted"}

// Whatever is done to one of the files, nothing is written any more: neither a row nor a freeze.
func TestTamperedDatabaseTakesNoRows(t *testing.T) {
	for how, harm := range map[string]func(path string) error{
		"removed": os.Remove,
		"replaced": func(path string) error {
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(path+".new", raw, 0o600)
		},
		"cut short":        func(path string) error { return os.Truncate(path, 4096) },
		"cut to nothing":   func(path string) error { return os.Truncate(path, 0) },
		"cut by one frame": func(path string) error { return shorten(path, 4096+24) },
		"replaced by link": func(path string) error {
			if err := os.Rename(path, path+".old"); err != nil {
				return err
			}
			return os.Symlink(path+".old", path)
		},
	} {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			if suffix != "-wal" && how[:3] == "cut" {
				continue // the database's own damage is SQLite's to find
			}
			t.Run(how+suffix, func(t *testing.T) {
				s := opened(t)
				path := s.path
				require.NoError(t, s.Note(t.Context(), row))
				require.NoError(t, harm(path+suffix))
				if how == "replaced" {
					require.NoError(t, os.Rename(path+suffix+".new", path+suffix))
				}
				for range 2 { // it stays so
					err := s.Note(t.Context(), row)
					require.ErrorContains(t, err, "nothing is written: the database file "+path+suffix+" was "+how[:3])
					err = s.Freeze(t.Context(), approval.Freeze{By: "local:alice", At: time.Now()}, row)
					require.ErrorContains(t, err, "nothing is written: the database file "+path+suffix)
					_, err = s.Frozen(t.Context())
					require.ErrorContains(t, err, "was "+how[:3], "a freeze that others see may be in another file")
				}
			})
		}
	}
}

func shorten(path string, by int64) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return os.Truncate(path, info.Size()-by)
}

// Another program may move all rows into the database and empty the log: nothing is lost then.
func TestCheckpointOfAnotherProgramTruncatesNothing(t *testing.T) {
	s := opened(t)
	path := s.path
	require.NoError(t, s.Note(t.Context(), row))
	other, err := sql.Open("sqlite", fileURI(path))
	require.NoError(t, err)
	defer other.Close()
	var busy, frames, moved int
	require.NoError(t, other.QueryRow("PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &moved))
	require.Zero(t, busy)
	info, err := os.Stat(path + "-wal")
	require.NoError(t, err)
	require.Zero(t, info.Size())
	require.NoError(t, s.Note(t.Context(), row))
	require.NoError(t, s.Note(t.Context(), row))
	require.NoError(t, os.Truncate(path+"-wal", 0))
	require.ErrorContains(t, s.Note(t.Context(), row), "was cut short")
}

// A log whose index was emptied with it looks new, and the rows are gone.
func TestEmptiedLogIsFound(t *testing.T) {
	s := opened(t)
	path := s.path
	require.NoError(t, s.Note(t.Context(), row))
	index, err := os.OpenFile(path+"-shm", os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = index.WriteAt(make([]byte, 136), 0)
	require.NoError(t, err)
	require.NoError(t, index.Close())
	require.NoError(t, os.Truncate(path+"-wal", 0))
	require.ErrorContains(t, s.Note(t.Context(), row), "was cut short")
}
