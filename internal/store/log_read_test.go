package store_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/store"
)

// ofBefore is a database of the version before checkpoints were a chain: 12 rows, signed from row 3
// on, of which 1 to 4 were archived. The key is that of its log.
func ofBefore(t testing.TB) (path string, key audit.Key, known audit.Verifiers) {
	t.Helper()
	dump, err := os.ReadFile(filepath.Join("testdata", "version-4.sql"))
	require.NoError(t, err)
	path = filepath.Join(t.TempDir(), "vpsbot.db")
	execute(t, "sqlite:"+path, string(dump))
	execute(t, "sqlite:"+path, "PRAGMA journal_mode = WAL")
	private, err := audit.NewKey(bytes.NewReader(bytes.Repeat([]byte{7}, 32)))
	require.NoError(t, err)
	key, err = audit.ParseKey(private)
	require.NoError(t, err)
	known, err = audit.ParseVerifiers(key.Verifier())
	require.NoError(t, err)
	return path, key, known
}

// fingerprint is every byte of every file beside a path, and in folders there.
func fingerprint(t *testing.T, path string) map[string]string {
	t.Helper()
	out := map[string]string{}
	require.NoError(t, filepath.WalkDir(filepath.Dir(path), func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		sum := sha256.Sum256(text)
		out[name] = hex.EncodeToString(sum[:])
		return err
	}))
	return out
}

func readLog(t *testing.T, url string, check audit.Check, files ...audit.Segment) (audit.Report, error) {
	t.Helper()
	log, err := store.OpenLog(t.Context(), url)
	require.NoError(t, err)
	defer log.Close() //nolint:errcheck // it was only read
	notes, err := log.Checkpoints(t.Context(), 0)
	require.NoError(t, err)
	return check.Verify(append(files, audit.Merge(log.Rows(t.Context(), audit.Filter{}), notes))...)
}

// To read a log changes not a byte of its database, and brings no schema up to date: not of a file
// that nobody has open, and not of one of the version before.
func TestReadingTheLogIsReadOnly(t *testing.T) {
	old, _, known := ofBefore(t)
	first := older(t)
	closed := filepath.Join(t.TempDir(), "vpsbot.db")
	db, err := store.Open(t.Context(), "sqlite:"+closed)
	require.NoError(t, err)
	growing(t, db, 5, start)
	require.NoError(t, db.Close())
	for name, c := range map[string]struct {
		path  string
		known audit.Verifiers
		rows  int64
	}{"of today": {closed, audit.Verifiers{}, 5}, "of the version before": {old, known, 12}, "of the first version": {first, audit.Verifiers{}, 6}} {
		t.Run(name, func(t *testing.T) {
			before := fingerprint(t, c.path)
			report, err := readLog(t, "sqlite:"+c.path, audit.Check{Keys: c.known})
			require.NoError(t, err)
			require.Equal(t, c.rows, report.Rows)
			require.Equal(t, before, fingerprint(t, c.path))
		})
	}
}

// The same while others write, on each engine. What is read is as of one moment.
func TestReadLogWhileItGrows(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		key, known := auditKey(t)
		db := open(t, url)
		db.SignWith(store.Signing{Key: key})
		growing(t, db, 50, start)
		log, err := store.OpenLog(t.Context(), url)
		require.NoError(t, err)
		defer log.Close() //nolint:errcheck // it was only read
		notes, err := log.Checkpoints(t.Context(), 0)
		require.NoError(t, err)
		growing(t, db, 150, start)
		report, err := audit.Check{Keys: known}.Verify(audit.Merge(log.Rows(t.Context(), audit.Filter{}), notes))
		require.NoError(t, err)
		require.EqualValues(t, 51, report.Rows)
		require.Len(t, rows(t, db, audit.Filter{Limit: 1}), 1)
		report, err = readLog(t, url, audit.Check{Keys: known})
		require.NoError(t, err)
		require.EqualValues(t, 201, report.Rows)
	})
}

func TestOpenLogRefuses(t *testing.T) {
	folder := t.TempDir()
	_, err := store.OpenLog(t.Context(), "sqlite:"+filepath.Join(folder, "nothing", "vpsbot.db"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoDirExists(t, filepath.Join(folder, "nothing"))
	empty := filepath.Join(folder, "empty.db")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	_, err = store.OpenLog(t.Context(), "sqlite:"+empty)
	require.ErrorContains(t, err, "it is no database of vpsbot")
	_, err = store.OpenLog(t.Context(), "postgres://a@b@c")
	require.ErrorContains(t, err, "not understood")
	newer, _, _ := ofBefore(t)
	execute(t, newer, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)")
	_, err = store.OpenLog(t.Context(), "sqlite:"+newer)
	require.ErrorContains(t, err, "it was written by a newer one")
}

// A database of the version before opens and verifies, with its archive and without, and moves to
// the checkpoints of today with its next row.
func TestLogOfAnEarlierVersionContinues(t *testing.T) {
	path, key, known := ofBefore(t)
	archive, err := os.ReadFile(filepath.Join("testdata", "version-4.jsonl"))
	require.NoError(t, err)
	check := audit.Check{Keys: known}
	file := func() audit.Segment { return audit.ReadExport(bytes.NewReader(archive)) }
	url := "sqlite:" + path
	verified := func(first, rows, signed, checkpoints int64) {
		t.Helper()
		report, err := readLog(t, url, check)
		require.NoError(t, err)
		require.Equal(t, []int64{first, rows, signed, checkpoints}, []int64{report.First, report.Rows, report.Signed, report.Checkpoints})
		report, err = readLog(t, url, check, file())
		require.NoError(t, err)
		require.EqualValues(t, 1, report.First)
	}
	verified(5, 12, 10, 3)
	db := open(t, url)
	verified(5, 12, 10, 3)

	keep := audit.CheckpointFile{Path: filepath.Join(t.TempDir(), "kept")}
	db.SignWith(store.Signing{Key: key, Keep: keep})
	growing(t, db, 1, start.Add(34*time.Minute))
	verified(5, 14, 14, 4)
	moves := rows(t, db, audit.Filter{Operation: audit.SignOperation})
	require.Len(t, moves, 1)
	require.Equal(t, "key:"+key.Name(), moves[0].Target)
	kept, err := keep.Newest()
	require.NoError(t, err)
	require.EqualValues(t, 14, kept.Seq)
	require.EqualValues(t, 10, kept.Before.Seq, "it follows the last one of before")

	growing(t, db, 100, start.Add(35*time.Minute))
	verified(5, 114, 114, 5)
	_, err = readLog(t, url, audit.Check{Keys: known, Kept: kept})
	require.NoError(t, err)
}

// What is left of a log of the version before can be cut off no more than another.
func TestLogAheadOfItsCheckpoint(t *testing.T) {
	for name, statement := range map[string]string{
		"an old checkpoint":     "DELETE FROM audit_checkpoints WHERE seq = 10",
		"the new one":           "DELETE FROM audit_checkpoints WHERE seq = 14",
		"the row of the new":    "DELETE FROM audit WHERE seq >= 14",
		"the rows before it":    "DELETE FROM audit WHERE seq < 8",
		"said to be archived":   "INSERT INTO audit_archives VALUES (8, 1, '', '', 0); DELETE FROM audit WHERE seq <= 8",
		"another row before it": "UPDATE audit SET actor = 'mallory' WHERE seq = 6",
	} {
		t.Run(name, func(t *testing.T) {
			path, key, known := ofBefore(t)
			db := open(t, "sqlite:"+path)
			db.SignWith(store.Signing{Key: key})
			growing(t, db, 1, start.Add(34*time.Minute))
			verifiedLog(t, db, known)
			dropTriggers(t, path)
			execute(t, path, statement)
			_, err := verifyAll(t, db, known)
			require.True(t, errors.As(err, new(*audit.BadRowError)) || errors.As(err, new(*audit.UnsignedError)), err)
		})
	}
}

// dropTriggers is what somebody does first who can write the file.
func dropTriggers(t *testing.T, path string) {
	t.Helper()
	for _, trigger := range query(t, path, "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'audit%'") {
		execute(t, path, "DROP TRIGGER "+trigger)
	}
}
