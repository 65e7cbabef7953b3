package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/store/storetest"
)

// signer is a store on a file that signs, and what it was warned of.
type signer struct {
	*testing.T
	path  string
	db    *store.Store
	key   audit.Key
	known audit.Verifiers
	keep  audit.CheckpointFile
	warns []string
	at    time.Time
}

func newSigner(t *testing.T) *signer {
	t.Helper()
	s := &signer{T: t, path: fileOf(storetest.SQLite(t)), keep: audit.CheckpointFile{Path: filepath.Join(t.TempDir(), "kept")}, at: start}
	s.key, s.known = auditKey(t)
	s.begin()
	return s
}

// begin starts a process with the key.
func (s *signer) begin() { s.db = s.with(s.key, s.keep) }

func (s *signer) with(key audit.Key, keep audit.CheckpointFile) *store.Store {
	s.Helper()
	db := open(s.T, "sqlite:"+s.path)
	db.SignWith(store.Signing{Key: key, Keep: keep, Warn: func(err error) { s.warns = append(s.warns, err.Error()) }})
	return db
}

// write appends rows, all after the next checkpoint is due.
func (s *signer) write(db *store.Store, n int) {
	s.Helper()
	s.at = s.at.Add(11 * time.Minute)
	growing(s.T, db, n, s.at)
}

func (s *signer) verify() (audit.Report, error) {
	s.Helper()
	kept, err := s.keep.Newest()
	require.NoError(s, err)
	return readLog(s.T, "sqlite:"+s.path, audit.Check{Keys: s.known, Kept: kept})
}

// harm does what somebody can who can write the file.
func (s *signer) harm(statement string) {
	s.Helper()
	dropTriggers(s.T, s.path)
	execute(s.T, s.path, statement)
}

// A signer signs nothing on top of a log that does not have what was signed before: neither the
// process that signed it nor one that begins later. Rows are written all the same.
func TestSignerRefuses(t *testing.T) {
	for name, c := range map[string]struct{ statement, warning string }{
		"its last checkpoint gone":       {"DELETE FROM audit_checkpoints WHERE seq = 5", "it does not have the checkpoint of row 5"},
		"all checkpoints gone":           {"DELETE FROM audit_checkpoints", "it does not have the checkpoint of row 5"},
		"put back to an earlier state":   {"DELETE FROM audit WHERE seq > 3; DELETE FROM audit_checkpoints WHERE seq > 3", "it does not have the checkpoint of row 5"},
		"its row another":                {"UPDATE audit SET hash = previous WHERE seq = 5", "it does not have the checkpoint of row 5"},
		"rows cut off":                   {"DELETE FROM audit WHERE seq > 4", "it does not have the checkpoint of row 5"},
		"a checkpoint put in at the end": {"INSERT INTO audit_checkpoints SELECT 6, at, note FROM audit_checkpoints WHERE seq = 5", "is not signed by this key"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, again := range []bool{false, true} {
				s := newSigner(t)
				for range 3 {
					s.write(s.db, 1)
				}
				s.write(s.db, 1)
				require.Equal(t, []int64{2, 3, 4, 5}, signedRows(t, s.db))
				growing(t, s.db, 1, s.at)
				s.harm(c.statement)
				_, err := s.verify()
				require.Error(t, err)
				if again {
					s.begin()
				} else {
					require.NoError(t, os.Remove(s.keep.Path), "what is in memory is enough")
				}
				before := signedRows(t, s.db)
				s.write(s.db, 2)
				s.write(s.db, 2)
				require.Equal(t, before, signedRows(t, s.db), "nothing is signed")
				require.Len(t, s.warns, 1, "said once")
				require.Contains(t, s.warns[0], "the audit log is not signed any more: ")
				require.Contains(t, s.warns[0], c.warning)
				_, err = s.verify()
				require.Error(t, err)
			}
		})
	}
}

// A log that was cut off below its newest checkpoint, by a process that has nothing else to go by.
func TestTruncatedLogIsNotSigned(t *testing.T) {
	s := newSigner(t)
	s.write(s.db, 5)
	s.write(s.db, 1)
	s.harm("DELETE FROM audit WHERE seq > 3")
	other := s.with(s.key, audit.CheckpointFile{})
	s.write(other, 1)
	require.Len(t, s.warns, 1)
	require.Contains(t, s.warns[0], "it ends with row 4, and its newest checkpoint is of row 7: rows were cut off")
}

// What was kept outside was written over: it may have been something newer.
func TestSignerRefusesWithoutItsCheckpointFile(t *testing.T) {
	s := newSigner(t)
	s.write(s.db, 1)
	require.NoError(t, os.WriteFile(s.keep.Path, []byte("nonsense"), 0o600))
	s.write(s.db, 1)
	require.Len(t, s.warns, 1)
	require.Contains(t, s.warns[0], "what is kept of it outside the database was changed")
}

// Where nothing can be kept outside, the rule is off, and said once.
func TestSigningWithoutACheckpointFile(t *testing.T) {
	s := newSigner(t)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	db := s.with(s.key, audit.CheckpointFile{Path: filepath.Join(file, "kept")})
	s.write(db, 1)
	s.write(db, 1)
	require.Equal(t, []int64{2, 3}, signedRows(t, db))
	require.Len(t, s.warns, 1)
	require.Contains(t, s.warns[0], "VPSBOT_AUDIT_STATE")
}

// Rows of processes without the key are named by the next one that signs.
func TestUnsignedRowsAreClosed(t *testing.T) {
	for name, c := range map[string]struct {
		rows  int
		later time.Duration
		late  bool
	}{
		"few, at once":       {50, 0, false},
		"100, at once":       {100, 0, false},
		"101":                {101, 0, true},
		"few, but too late":  {3, 11 * time.Minute, true},
		"few, set back":      {3, -11 * time.Minute, true},
		"few, and much time": {3, 9 * time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSigner(t)
			s.write(s.db, 1)
			without := open(t, "sqlite:"+s.path)
			from := s.at
			for range c.rows {
				growing(t, without, 1, from.Add(c.later))
			}
			_, err := s.verify()
			require.Equal(t, c.late, err != nil, err)
			if c.late {
				require.ErrorAs(t, err, new(*audit.UnsignedError))
			}
			s.at = s.at.Add(time.Hour)
			s.write(s.db, 1)
			report, err := s.verify()
			require.NoError(t, err)
			closed := rows(t, s.db, audit.Filter{Operation: audit.LateOperation})
			if !c.late {
				require.Empty(t, closed)
				return
			}
			require.Len(t, closed, 1)
			require.EqualValues(t, 1, report.Late)
			require.JSONEq(t, fmt.Sprintf(`{"from":3,"to":%d}`, 3+c.rows), string(closed[0].Arguments))
		})
	}
}

// A new key begins with a row of its own. The old one does not go on after it.
func TestAChangedKey(t *testing.T) {
	s := newSigner(t)
	s.write(s.db, 1)
	second, _ := auditKey(t)
	db := s.with(second, s.keep)
	s.write(db, 1)
	require.Equal(t, []int64{2, 4}, signedRows(t, db))
	known, err := audit.ParseVerifiers(s.key.Verifier(), second.Verifier())
	require.NoError(t, err)
	verifiedLog(t, db, known)
	s.write(s.db, 1)
	require.Equal(t, []int64{2, 4}, signedRows(t, db))
	require.Len(t, s.warns, 1)
	require.Contains(t, s.warns[0], "is not signed by this key, which has signed before")
	s.write(db, 1)
	verifiedLog(t, db, known)
}

// A restored log is taken up by a person's word, in a signed row. What other processes and other
// machines have kept is given up by it.
func TestRestoredLogIsAccepted(t *testing.T) {
	s := newSigner(t)
	elsewhere := audit.CheckpointFile{Path: filepath.Join(t.TempDir(), "kept")}
	s.write(s.db, 3)
	copied := filepath.Join(t.TempDir(), "copy.db")
	require.NoError(t, s.db.Backup(t.Context(), copied))
	s.write(s.db, 3)
	text, err := os.ReadFile(s.keep.Path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(elsewhere.Path, text, 0o600))
	require.NoError(t, s.db.Close())
	raw, err := os.ReadFile(copied)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(s.path, raw, 0o600))
	s.begin()
	_, err = s.verify()
	require.ErrorAs(t, err, new(*audit.BadRowError))
	last := rows(t, s.db, audit.Filter{Limit: 1})[0]
	kept, err := s.keep.Newest()
	require.NoError(t, err)
	mark := audit.Mark{Seq: last.Seq, Hash: last.Hash}
	accept := audit.AcceptRow(mark, kept)
	accept.At, accept.Actor = s.at.Add(time.Minute), "local:alice"
	wrong := mark
	wrong.Seq--
	require.ErrorContains(t, s.db.Accept(t.Context(), wrong, accept), "the log has no row 3 with that hash")
	unsigned := open(t, "sqlite:"+s.path)
	require.ErrorContains(t, unsigned.Accept(t.Context(), mark, accept), "there is no key to sign with")
	require.NoError(t, s.db.Accept(t.Context(), mark, accept))
	report, err := s.verify()
	require.NoError(t, err)
	require.EqualValues(t, 5, report.Signed)

	other := s.with(s.key, elsewhere)
	s.write(other, 1)
	s.write(s.db, 1)
	require.Empty(t, s.warns)
	_, err = readLog(t, "sqlite:"+s.path, audit.Check{Keys: s.known, Kept: kept})
	require.NoError(t, err, "elsewhere the row tells")

	// It gives up nothing of later.
	kept, err = s.keep.Newest()
	require.NoError(t, err)
	s.harm("DELETE FROM audit WHERE seq > 5; DELETE FROM audit_checkpoints WHERE seq > 5")
	_, err = s.verify()
	require.ErrorAs(t, err, new(*audit.BadRowError))
	s.begin()
	s.write(s.db, 1)
	require.Len(t, s.warns, 1)
}

// Somebody who cannot sign puts a row in, of a time to come, that takes a restored log up. It is
// signed in its turn, and the log is put back to that copy later on.
func TestInsertedRowAcceptsNoLog(t *testing.T) {
	s := newSigner(t)
	s.write(s.db, 3)
	last := rows(t, s.db, audit.Filter{Limit: 1})[0]
	kept, err := s.keep.Newest()
	require.NoError(t, err)
	forged := audit.AcceptRow(audit.Mark{Seq: last.Seq, Hash: last.Hash}, kept)
	forged.At, forged.Actor = s.at.Add(1000*time.Hour), "local:mallory"
	without := open(t, "sqlite:"+s.path)
	require.NoError(t, without.Note(t.Context(), forged))
	require.NoError(t, without.Close())
	s.write(s.db, 2)
	copied := filepath.Join(t.TempDir(), "copy.db")
	require.NoError(t, s.db.Backup(t.Context(), copied))
	s.write(s.db, 3)
	_, err = s.verify()
	require.NoError(t, err)
	require.NoError(t, s.db.Close())
	raw, err := os.ReadFile(copied)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(s.path, raw, 0o600))
	_, err = s.verify()
	require.ErrorAs(t, err, new(*audit.BadRowError))
	s.begin()
	before := signedRows(t, s.db)
	s.write(s.db, 2)
	require.Equal(t, before, signedRows(t, s.db), "nothing is signed")
	require.Len(t, s.warns, 1)
	_, err = s.verify()
	require.ErrorAs(t, err, new(*audit.BadRowError))
}
