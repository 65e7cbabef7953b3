package store_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/store"
)

// archiveTo writes an archive up to a row, and what is to be appended for it.
func archiveTo(t testing.TB, db *store.Store, known audit.Verifiers, to int64) (text string, segment audit.Segment, row audit.Row) {
	t.Helper()
	var file bytes.Buffer
	segment, err := audit.WriteArchive(&file, known, audit.Merge(db.Rows(t.Context(), audit.Filter{}), signedNotes(t, db)), to)
	require.NoError(t, err)
	segment.File = segment.ArchiveName()
	row = segment.Row()
	row.At, row.Actor, row.Surface = start.Add(time.Minute), "local:alice", "terminal"
	return file.String(), segment, row
}

func archivedPart(text string) audit.Part { return audit.ReadArchive(bytes.NewReader([]byte(text))) }

func TestArchived(t *testing.T) {
	onEachSigned(t, func(t *testing.T, db *store.Store, known audit.Verifiers) {
		growing(t, db, 250, start)
		first, segment, row := archiveTo(t, db, known, 101)
		require.NoError(t, db.Archived(t.Context(), segment, row))
		require.Equal(t, []int64{101, 201}, signedRows(t, db), "the last one stays: what remains follows it")
		left := rows(t, db, audit.Filter{})
		require.Len(t, left, 250-101+1)
		require.EqualValues(t, 102, left[0].Seq)
		require.Equal(t, "audit.archive", left[len(left)-1].Operation)
		require.EqualValues(t, 102, verifiedLog(t, db, known).First)
		require.EqualValues(t, 1, verifiedLog(t, db, known, archivedPart(first)).First)

		growing(t, db, 1, start)
		second, segment, row := archiveTo(t, db, known, 201)
		require.NoError(t, db.Archived(t.Context(), segment, row))
		report := verifiedLog(t, db, known, archivedPart(first), archivedPart(second))
		require.EqualValues(t, 253, report.Rows)
		require.EqualValues(t, 3+2, report.Checkpoints, "1, 101, 201 and, of the second archive and the rest, 101 and 201 again")
	})
}

// All may go: the row that says so remains.
func TestArchivedWhole(t *testing.T) {
	onEachSigned(t, func(t *testing.T, db *store.Store, known audit.Verifiers) {
		growing(t, db, 1, start)
		text, segment, row := archiveTo(t, db, known, 1)
		require.NoError(t, db.Archived(t.Context(), segment, row))
		require.Len(t, rows(t, db, audit.Filter{}), 1)
		growing(t, db, 1, start)
		require.EqualValues(t, 3, verifiedLog(t, db, known, archivedPart(text)).Rows)
	})
}

// What is not exactly what was verified stays, and no row is appended.
func TestArchivedRefuses(t *testing.T) {
	onEachSigned(t, func(t *testing.T, db *store.Store, known audit.Verifiers) {
		growing(t, db, 101, start)
		_, good, row := archiveTo(t, db, known, 101)
		for name, change := range map[string]func(*audit.Segment, *audit.Row){
			"another beginning": func(s *audit.Segment, _ *audit.Row) { s.From = 2 },
			"another end":       func(s *audit.Segment, _ *audit.Row) { s.To = 100 },
			"an end to come":    func(s *audit.Segment, _ *audit.Row) { s.To = 102 },
			"another hash":      func(s *audit.Segment, _ *audit.Row) { s.Head = audit.Genesis },
			"a row of no time":  func(_ *audit.Segment, r *audit.Row) { r.At = time.Time{} },
		} {
			segment, row := good, row
			change(&segment, &row)
			require.Error(t, db.Archived(t.Context(), segment, row), name)
			require.Len(t, rows(t, db, audit.Filter{}), 101, name)
		}
		require.NoError(t, db.Archived(t.Context(), good, row))
		require.ErrorContains(t, db.Archived(t.Context(), good, row), "no longer begins with", "archived twice")
		verifiedLog(t, db, known)
	})
}

// The triggers let go of what was archived, and of nothing else.
func TestArchivedRowsAloneMayGo(t *testing.T) {
	key, known := auditKey(t)
	path := t.TempDir() + "/vpsbot.db"
	db := open(t, "sqlite:"+path)
	db.SignWith(key)
	growing(t, db, 120, start)
	_, segment, row := archiveTo(t, db, known, 101)
	require.NoError(t, db.Archived(t.Context(), segment, row))
	require.Equal(t, []string{"101"}, query(t, path, "SELECT last_seq FROM audit_archives"))
	require.ErrorContains(t, tryExecute(t, path, "DELETE FROM audit WHERE seq = 102"), "audit rows are never deleted")
	require.ErrorContains(t, tryExecute(t, path, "DELETE FROM audit_checkpoints"), "checkpoints are never deleted")
}
