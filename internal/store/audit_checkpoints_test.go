package store_test

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/store/storetest"
)

func auditKey(t testing.TB) (audit.Key, audit.Verifiers) {
	t.Helper()
	private, err := audit.NewKey(rand.Reader)
	require.NoError(t, err)
	key, err := audit.ParseKey(private)
	require.NoError(t, err)
	known, err := audit.ParseVerifiers(key.Verifier())
	require.NoError(t, err)
	return key, known
}

// onEachSigned runs a test on a new database of each engine that signs its log.
func onEachSigned(t *testing.T, test func(t *testing.T, db *store.Store, known audit.Verifiers)) {
	t.Helper()
	onEach(t, func(t *testing.T, url string) {
		key, known := auditKey(t)
		db := open(t, url)
		db.SignWith(store.Signing{Key: key})
		test(t, db, known)
	})
}

// growing appends rows, one a second from the given time on.
func growing(t testing.TB, db *store.Store, n int, from time.Time) {
	t.Helper()
	for i := range n {
		note := row("noted")
		note.At = from.Add(time.Duration(i) * time.Second)
		require.NoError(t, db.Note(t.Context(), note))
	}
}

func signedNotes(t testing.TB, db *store.Store) []audit.SignedCheckpoint {
	t.Helper()
	list, err := db.Checkpoints(t.Context())
	require.NoError(t, err)
	return list
}

// signedRows are the numbers of the rows that have a checkpoint.
func signedRows(t testing.TB, db *store.Store) (seqs []int64) {
	t.Helper()
	for _, note := range signedNotes(t, db) {
		seqs = append(seqs, note.Seq)
	}
	return seqs
}

func verifiedLog(t testing.TB, db *store.Store, known audit.Verifiers) audit.Report {
	t.Helper()
	report, err := verifyAll(t, db, known)
	require.NoError(t, err)
	return report
}

func verifyAll(t testing.TB, db *store.Store, known audit.Verifiers) (audit.Report, error) {
	t.Helper()
	return audit.Check{Keys: known}.Verify(audit.Merge(db.Rows(t.Context(), audit.Filter{}), signedNotes(t, db)))
}

func TestCheckpoints(t *testing.T) {
	onEachSigned(t, func(t *testing.T, db *store.Store, known audit.Verifiers) {
		growing(t, db, 219, start)
		require.Equal(t, []int64{2, 102, 202}, signedRows(t, db), "with the row that says that the key begins, then every 100 rows")
		growing(t, db, 2, start.Add(time.Hour))
		require.Equal(t, []int64{2, 102, 202, 221}, signedRows(t, db), "after ten minutes, with the next row")
		report := verifiedLog(t, db, known)
		require.EqualValues(t, 222, report.Rows)
		require.EqualValues(t, 221, report.Signed)
		require.Equal(t, ms(start.Add(time.Hour)), report.SignedAt)
		require.EqualValues(t, 4, report.Checkpoints)
		require.Zero(t, report.Late)
		begins := rows(t, db, audit.Filter{Operation: audit.SignOperation})
		require.Len(t, begins, 1)
		require.EqualValues(t, 2, begins[0].Seq)
	})
}

// Whatever writes a row signs, not Note alone.
func TestEveryWriteSigns(t *testing.T) {
	onEachSigned(t, func(t *testing.T, db *store.Store, known audit.Verifiers) {
		inserted(t, db, asked("1"))
		require.Equal(t, []int64{2}, signedRows(t, db))
		m := claim("1")
		late := row("approved")
		late.At = start.Add(time.Hour)
		_, err := db.Move(t.Context(), m, late)
		require.NoError(t, err)
		require.Equal(t, []int64{2, 3}, signedRows(t, db))
		verifiedLog(t, db, known)
	})
}

func TestNoSigningWithoutAKey(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		db := open(t, url)
		growing(t, db, 3, start)
		require.Empty(t, signedNotes(t, db))
		key, known := auditKey(t)
		_, err := verifyAll(t, db, known)
		require.ErrorAs(t, err, new(*audit.UnsignedError))
		db.SignWith(store.Signing{Key: key})
		growing(t, db, 1, start)
		require.Equal(t, []int64{5}, signedRows(t, db), "the first row with a key covers all before")
		verifiedLog(t, db, known)
	})
}

// A checkpoint that cannot be written keeps its row from being written.
func TestNoRowWithoutItsCheckpoint(t *testing.T) {
	key, _ := auditKey(t)
	path := fileOf(storetest.SQLite(t))
	db := open(t, "sqlite:"+path)
	db.SignWith(store.Signing{Key: key})
	execute(t, path, "DROP TABLE audit_checkpoints")
	require.Error(t, db.Note(t.Context(), row("noted")))
	require.Empty(t, rows(t, db, audit.Filter{}))
	_, err := db.Checkpoints(t.Context())
	require.Error(t, err)
}

func TestCheckpointsStay(t *testing.T) {
	key, _ := auditKey(t)
	path := fileOf(storetest.SQLite(t))
	db := open(t, "sqlite:"+path)
	db.SignWith(store.Signing{Key: key})
	growing(t, db, 1, start)
	require.ErrorContains(t, tryExecute(t, path, "UPDATE audit_checkpoints SET note = ''"), "checkpoints are never changed")
	require.ErrorContains(t, tryExecute(t, path, "DELETE FROM audit_checkpoints"), "checkpoints are never deleted")
}

// Somebody who can write the file goes round the triggers. The checkpoints tell.
func TestTamperingIsDetected(t *testing.T) {
	for name, c := range map[string]struct{ statement, want string }{
		"changed":             {"UPDATE audit SET actor = 'mallory' WHERE seq = 50", "audit row 50: its hash is not that of its content"},
		"unused text":         {"UPDATE audit SET on_behalf = 'mallory' WHERE seq = 50", "audit row 50: it has a text in a column that is always empty: it was changed"},
		"NULL in the place":   {"ALTER TABLE audit RENAME TO old; CREATE TABLE audit AS SELECT * FROM old; UPDATE audit SET reason = NULL WHERE seq = 50", `name "reason": converting NULL`},
		"dropped":             {"DELETE FROM audit WHERE seq = 50", "audit row 51: rows are missing: row 50 should come here"},
		"first dropped":       {"DELETE FROM audit WHERE seq = 1", "audit row 2: rows are missing: row 1 should come here"},
		"cut off":             {"DELETE FROM audit WHERE seq > 50", "audit row 51: rows are missing: by the checkpoint signed on"},
		"all dropped":         {"DELETE FROM audit", "audit row 1: rows are missing: by the checkpoint signed on"},
		"checkpoint dropped":  {"DELETE FROM audit_checkpoints WHERE seq = 2", "audit row 2: a key begins to sign here, and the checkpoint of this row is missing"},
		"checkpoints dropped": {"DELETE FROM audit_checkpoints", "audit row 2: a key begins to sign here"},
		"swapped":             {"UPDATE audit SET seq = -50 WHERE seq = 50; UPDATE audit SET seq = 50 WHERE seq = 51; UPDATE audit SET seq = 51 WHERE seq = -50", "audit row 50: it does not follow"},
		"checkpoint exchange": {"UPDATE audit_checkpoints SET seq = 90 WHERE seq = 102", "audit row 90: the checkpoint that is kept for row 90 is that of row 102: it was moved"},
		"said to be archived": {"INSERT INTO audit_archives VALUES (50, 1, '', '', 0); DELETE FROM audit WHERE seq <= 50", "audit row 51: rows are missing: row 1 should come here"},
	} {
		t.Run(name, func(t *testing.T) {
			key, known := auditKey(t)
			path := fileOf(storetest.SQLite(t))
			db := open(t, "sqlite:"+path)
			db.SignWith(store.Signing{Key: key})
			growing(t, db, 110, start)
			verifiedLog(t, db, known)
			dropTriggers(t, path)
			execute(t, path, c.statement)
			_, err := verifyAll(t, db, known)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestReplicasSignOneLog(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		key, known := auditKey(t)
		replicas := [2]*store.Store{open(t, url), open(t, url)}
		for i := range 150 {
			replicas[i%2].SignWith(store.Signing{Key: key})
			growing(t, replicas[i%2], 1, start)
		}
		require.Equal(t, []int64{2, 102}, signedRows(t, replicas[0]), "one checkpoint, whoever's turn it was")
		verifiedLog(t, replicas[1], known)
	})
}
