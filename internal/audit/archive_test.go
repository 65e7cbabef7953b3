package audit

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// archived is a log of ten rows and a row that says that those up to "to" were archived, and the
// text of the archive.
func archived(t testing.TB, key Key, to int64) (file string, rows []Row, notes []Note) {
	t.Helper()
	rows = chain(t, 10)
	notes = signed(t, key, rows, 2)
	var text bytes.Buffer
	segment, err := WriteArchive(&text, verifiers(t, key), Merge(stream(rows), notes), to)
	require.NoError(t, err)
	segment.File = segment.ArchiveName()
	row := segment.Row()
	row.Seq, row.At = 11, at
	row, err = Seal(rows[9].Hash, row)
	require.NoError(t, err)
	return text.String(), append(rows, row), notes
}

func TestArchive(t *testing.T) {
	key := newKey(t)
	file, rows, notes := archived(t, key, 4)
	known := verifiers(t, key)
	rest, restNotes := rows[4:], notes[1:]

	report, err := VerifyParts(known, ReadArchive(strings.NewReader(file)), Merge(stream(rest), restNotes))
	require.NoError(t, err)
	require.Equal(t, Report{First: 1, Rows: 11, Head: rows[10].Hash, Signed: 10, SignedAt: rows[9].At, Checkpoints: 2 + 4}, report)

	report, err = VerifyParts(known, Merge(stream(rest), restNotes))
	require.NoError(t, err, "what remains verifies alone")
	require.EqualValues(t, 5, report.First)
	_, err = Verify(stream(rest))
	require.NoError(t, err)

	segment := Segment{From: 1, To: 4, Head: rows[3].Hash}
	require.NoError(t, CheckArchive(strings.NewReader(file), known, segment))
	require.Equal(t, "audit-000000000001-000000000004.jsonl", segment.ArchiveName())
	require.Equal(t, `{"from":1,"to":4,"head":"`+rows[3].Hash+`","file":"audit-000000000001-000000000004.jsonl"}`, string(rows[10].Arguments))
}

// A second archive begins where the first ended; a crash may have left one that overlaps.
func TestArchivesInSequence(t *testing.T) {
	key := newKey(t)
	known := verifiers(t, key)
	first, rows, notes := archived(t, key, 4)
	var second, stale bytes.Buffer
	segment, err := WriteArchive(&second, known, Merge(stream(rows[4:]), notes[1:]), 8)
	require.NoError(t, err)
	require.Equal(t, Segment{From: 5, To: 8, Head: rows[7].Hash}, segment)
	_, err = WriteArchive(&stale, known, Merge(stream(rows), notes), 6)
	require.NoError(t, err)
	read := func(text string) Part { return ReadArchive(strings.NewReader(text)) }

	_, err = VerifyParts(known, read(first), read(second.String()), Merge(stream(rows[8:]), notes[3:]))
	require.NoError(t, err)
	_, err = VerifyParts(known, read(first), read(stale.String()), read(second.String()), Merge(stream(rows[8:]), notes[3:]))
	require.NoError(t, err, "an overlap")
	report, err := VerifyParts(known, read(stale.String()), Merge(stream(rows), notes))
	require.NoError(t, err, "written, but not yet removed")
	require.EqualValues(t, 11, report.Rows)

	report, err = VerifyParts(known, read(stale.String()), Merge(stream(rows[4:7]), notes[1:2]))
	require.NoError(t, err)
	require.EqualValues(t, 6, report.Signed, "an older checkpoint after a newer one takes nothing back")

	_, err = VerifyParts(known, read(first), Merge(stream(rows[8:]), notes[3:]))
	require.ErrorContains(t, err, "audit row 9: rows are missing: row 5 should come here")
	_, err = VerifyParts(known, read(stale.String()), read(first), Merge(stream(rows[6:]), notes))
	require.ErrorContains(t, err, "audit row 5: rows are missing: a part of the log ends before it")
	_, err = VerifyParts(known, read(stale.String()), Merge(stream(rows[:5]), notes[:2]))
	require.ErrorContains(t, err, "audit row 6: rows are missing: a part of the log ends before it", "the database was cut off")
	_, err = VerifyParts(known, read(stale.String()), Merge(stream(rebuilt(t, rows, 3)), nil))
	require.ErrorContains(t, err, "audit row 6: it is there twice, and the two differ")
	_, err = VerifyParts(known, read(stale.String()), Merge(stream(tamperedAt(rows, 2)), nil))
	require.ErrorContains(t, err, "audit row 3: its hash", "what is in the archive is looked at in the database too")
}

func tamperedAt(rows []Row, i int) []Row {
	rows = append([]Row{}, rows...)
	rows[i].Actor = "mallory"
	return rows
}

// The beginning of a log may be missing only where a row of it says so.
func TestAMissingBeginningIsFound(t *testing.T) {
	_, rows, _ := archived(t, newKey(t), 4)
	for name, c := range map[string]struct {
		rows []Row
		seq  int64
	}{
		"more than was archived": {rows[5:], 6},
		"less than was archived": {rows[3:], 4},
		"no row says so":         {rows[4:10], 5},
		"another operation":      {resealedLast(t, rows[4:], func(r *Row) { r.Operation = "servers.delete" }), 5},
		"refused":                {resealedLast(t, rows[4:], func(r *Row) { r.Decision = "refused" }), 5},
		"not done":               {resealedLast(t, rows[4:], func(r *Row) { r.Outcome = "failed" }), 5},
		"no arguments":           {resealedLast(t, rows[4:], func(r *Row) { r.Arguments = nil }), 5},
		"another number":         {resealedLast(t, rows[4:], func(r *Row) { r.Arguments = []byte(`{"to":3,"head":"` + rows[3].Hash + `"}`) }), 5},
		"another log":            {resealedLast(t, rows[4:], func(r *Row) { r.Arguments = []byte(`{"to":4,"head":"` + Genesis + `"}`) }), 5},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Verify(stream(c.rows))
			var bad *BadRow
			require.ErrorAs(t, err, &bad)
			require.Equal(t, c.seq, bad.Seq)
			require.Contains(t, bad.Why, "no row says that those before were archived")
		})
	}
	_, err := Verify(stream(rows[4:]))
	require.NoError(t, err)
}

// Who rewrites what was left after an archive, its own row included, is found by the checkpoint of
// the archive's end.
func TestARewrittenRestIsFound(t *testing.T) {
	key := newKey(t)
	_, rows, notes := archived(t, key, 4)
	forged := append([]Row{}, rows[4:]...)
	forged[0].Previous = rows[5].Hash
	forged[len(forged)-1].Arguments = []byte(`{"to":4,"head":"` + rows[5].Hash + `"}`)
	forged = rebuilt(t, forged, 0)
	_, err := Verify(stream(forged))
	require.NoError(t, err, "by itself it is whole")
	_, err = VerifyParts(verifiers(t, key), Merge(stream(forged), notes[1:2]))
	require.ErrorContains(t, err, "audit row 4: it is not the row that the checkpoint")
}

func resealedLast(t *testing.T, rows []Row, change func(*Row)) []Row {
	t.Helper()
	rows = append([]Row{}, rows...)
	last := &rows[len(rows)-1]
	change(last)
	row, err := Seal(last.Previous, *last)
	require.NoError(t, err)
	*last = row
	return rows
}

func TestWriteArchiveRefuses(t *testing.T) {
	key, rows := newKey(t), chain(t, 6)
	known := verifiers(t, key)
	_, err := WriteArchive(&bytes.Buffer{}, known, Merge(stream(tamperedAt(rows, 2)), nil), 4)
	require.ErrorContains(t, err, "audit row 3: its hash")
	_, err = WriteArchive(&bytes.Buffer{}, known, Merge(stream(rows), signed(t, newKey(t), rows, 2)), 4)
	require.ErrorContains(t, err, "not signed by the key")
	_, err = WriteArchive(&bytes.Buffer{}, known, Merge(stream(rows), nil), 7)
	require.EqualError(t, err, "the rows end with 6, not with 7")
	_, err = WriteArchive(&bytes.Buffer{}, known, Merge(stream(nil), nil), 0)
	require.ErrorContains(t, err, "the rows end with 0")
	_, err = WriteArchive(fullDisk{}, known, Merge(stream(rows), nil), 4)
	require.ErrorContains(t, err, "no space")
	_, err = WriteArchive(&bytes.Buffer{}, known, func(yield func(Entry, error) bool) { yield(Entry{}, errors.New("disk gone")) }, 4)
	require.EqualError(t, err, "disk gone")
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space") }

func TestCheckArchiveRefuses(t *testing.T) {
	key := newKey(t)
	file, rows, _ := archived(t, key, 4)
	lines := strings.SplitAfter(file, "\n")
	good := Segment{From: 1, To: 4, Head: rows[3].Hash}
	for name, c := range map[string]struct {
		text string
		want Segment
	}{
		"another end":           {file, Segment{From: 1, To: 5, Head: rows[4].Hash}},
		"another beginning":     {file, Segment{From: 2, To: 4, Head: rows[3].Hash}},
		"another hash":          {file, Segment{From: 1, To: 4, Head: rows[4].Hash}},
		"empty":                 {"", good},
		"a line dropped":        {strings.Join(lines[1:], ""), good},
		"the end dropped":       {strings.Join(lines[:4], ""), good},
		"a row changed":         {strings.Replace(file, "local:alice", "local:allie", 1), good},
		"a checkpoint changed":  {strings.Replace(file, `\n2\n`, `\n3\n`, 1), good},
		"the last byte dropped": {file[:len(file)-1], good},
		"an empty line":         {file + "\n", good},
	} {
		t.Run(name, func(t *testing.T) {
			require.Error(t, CheckArchive(strings.NewReader(c.text), verifiers(t, key), c.want))
		})
	}
}

func TestReadArchiveRefuses(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"no JSON":                  {"{", "line 1: "},
		"an array":                 {"[]\n", "line 1: "},
		"nothing":                  {"{}\n", "line 1: "},
		"two documents":            {`{"checkpoint":"x"}{}` + "\n", "line 1: "},
		"an unknown member":        {`{"checkpoint":"x","more":1}` + "\n", "line 1: "},
		"a member twice":           {`{"checkpoint":"x","checkpoint":"y"}` + "\n", "line 1: "},
		"another spelling":         {`{"Checkpoint":"x"}` + "\n", "line 1: "},
		"a row with a checkpoint":  {`{"checkpoint":"x"}` + "\n" + `{"seq":1,"checkpoint":"x"}` + "\n", "line 2: "},
		"a hash with a checkpoint": {`{"hash":"x","checkpoint":"x"}` + "\n", "line 1: "},
		"no end of the line":       {`{"checkpoint":"x"}`, "line 1: "},
		"a line without end":       {strings.Repeat(" ", maxLine) + `{"checkpoint":"x"}` + "\n", "line 1: "},
		"no text":                  {"\xff\n", "line 1: "},
	} {
		t.Run(name, func(t *testing.T) {
			var last error
			for _, err := range ReadArchive(strings.NewReader(c.text)) {
				last = err
			}
			require.ErrorIs(t, last, errLine)
			require.ErrorContains(t, last, c.want)
		})
	}
	for _, err := range ReadArchive(brokenReader{}) {
		require.EqualError(t, err, "line 1: no randomness")
	}
	for range ReadArchive(strings.NewReader(`{"checkpoint":"x"}` + "\n{\n")) {
		break // nothing more is read
	}
}

func TestCut(t *testing.T) {
	for name, c := range map[string]struct {
		cut  Cut
		want int64
	}{
		"without checkpoints":  {Cut{Limit: 7}, 7},
		"nothing":              {Cut{Limit: 0}, 0},
		"more than there is":   {Cut{Limit: -3}, 0},
		"the last checkpoint":  {Cut{7, at2(2, 5, 8)}, 5},
		"at a checkpoint":      {Cut{8, at2(2, 5, 8)}, 8},
		"before the first one": {Cut{1, at2(2, 5, 8)}, 0},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, c.cut.To()) })
	}
}

// FuzzArchive: no archive but the right one passes for it, whatever was done to its text; what
// is read at all is written the same again.
func FuzzArchive(f *testing.F) {
	known, err := ParseVerifiers(oldVerifier)
	require.NoError(f, err)
	rows := chain(f, 2)
	var text bytes.Buffer
	segment, err := WriteArchive(&text, known, Merge(stream(rows), []Note{{1, oldNote}}), 2)
	require.NoError(f, err)
	f.Add(text.String())
	f.Add(strings.Replace(text.String(), "alice", "bob", 1))
	f.Add("{\"checkpoint\":\"x\"}\n")
	f.Fuzz(func(t *testing.T, changed string) {
		if CheckArchive(strings.NewReader(changed), known, segment) != nil {
			return
		}
		var again bytes.Buffer
		_, err := WriteArchive(&again, known, ReadArchive(strings.NewReader(changed)), 2)
		require.NoError(t, err)
		var kept []string
		for line := range strings.Lines(again.String()) {
			if !strings.HasPrefix(line, `{"checkpoint"`) {
				kept = append(kept, line)
			}
		}
		require.Equal(t, strings.SplitAfterN(text.String(), "\n", 4)[0], kept[0])
		require.Equal(t, strings.SplitAfterN(text.String(), "\n", 4)[2], kept[1])
	})
}
