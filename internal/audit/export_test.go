package audit

import (
	"bytes"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func exported(t testing.TB, log Segment) string {
	t.Helper()
	var text bytes.Buffer
	require.NoError(t, Export(&text, log, ""))
	return text.String()
}

func read(text string) Segment { return ReadExport(strings.NewReader(text)) }

// archivedLog is a log of ten rows and a row that says that those up to 4 were archived, with
// checkpoints of the first form: the text of the archive, and what is left.
func archivedLog(t testing.TB, key Key) (file string, rest []Row, notes []SignedCheckpoint) {
	t.Helper()
	rows := chain(t, 10)
	notes = signedOld(t, key, rows, 2)
	rows = append(rows, archiveRow(11, `{"from":1,"to":4,"head":"`+rows[3].Hash+`","file":"audit-000000000001-000000000004.jsonl"}`))
	seal(t, rows[9].Hash, rows[10:])
	return exported(t, Merge(stream(rows[:4]), notes[:2])), rows[4:], notes[1:]
}

func archiveRow(seq int64, arguments string) Row {
	row := sample(seq)
	row.Operation, row.Decision, row.Outcome, row.Arguments = archiveOperation, "allowed", "done", []byte(arguments)
	return row
}

// What an earlier version archived is verified with what is left, and what is left alone.
func TestArchivesOfEarlierVersions(t *testing.T) {
	key := newKey(t)
	known := Check{Keys: verifiers(t, key)}
	file, rest, notes := archivedLog(t, key)
	report, err := known.Verify(read(file), Merge(stream(rest), notes))
	require.NoError(t, err)
	require.Equal(t, Report{First: 1, Rows: 11, Head: rest[6].Hash, Signed: 10, SignedAt: rest[5].At, Checkpoints: 5}, report)
	report, err = known.Verify(Merge(stream(rest), notes))
	require.NoError(t, err, "what remains verifies alone")
	require.EqualValues(t, 5, report.First)
	_, err = Verify(stream(rest))
	require.NoError(t, err)
}

// From the row on that says that a key signs with the checkpoints of today, nothing can be said to
// have been archived.
func TestSignedLogIsNotArchived(t *testing.T) {
	key := newKey(t)
	rows := keyChain(t, key, 9)
	says := archiveRow(10, `{"to":4,"head":"`+rows[3].Hash+`"}`)
	rows = append(rows, says)
	seal(t, rows[8].Hash, rows[9:])
	notes := signed(t, key, rows, 2)
	_, err := Check{Keys: verifiers(t, key)}.Verify(Merge(stream(rows[4:]), notes))
	require.Error(t, err, "by the chain of its checkpoints")

	// The same without checkpoints, where the log was signed only later.
	begins := SignRow(key)
	begins.Seq, begins.At, says.Seq = 6, rows[4].At, 7
	rows = []Row{rows[4], begins, says}
	seal(t, rows[0].Hash, rows[1:])
	_, err = Verify(stream(rows))
	require.ErrorContains(t, err, "audit row 5: rows are missing: row 1 should come here")
}

// Exports continue each other, and may overlap.
func TestConsecutiveExports(t *testing.T) {
	key := newKey(t)
	known := Check{Keys: verifiers(t, key)}
	rows := keyChain(t, key, 10)
	notes := signed(t, key, rows, 2)
	whole := Merge(stream(rows), notes)
	first := exported(t, Merge(stream(rows[:4]), notes[:3]))
	second := exported(t, Merge(stream(rows[4:8]), notes[:5]))
	stale := exported(t, Merge(stream(rows[:6]), notes[:4]))
	for name, parts := range map[string][]Segment{
		"one":               {read(exported(t, whole))},
		"one, and all":      {read(exported(t, whole)), whole},
		"in order":          {read(first), read(second), Merge(stream(rows[8:]), notes)},
		"an overlap":        {read(first), read(stale), read(second), Merge(stream(rows[8:]), notes)},
		"the older first":   {read(stale), whole},
		"a later, then all": {read(second), whole},
	} {
		report, err := known.Verify(parts...)
		require.NoError(t, err, name)
		require.EqualValues(t, 1, report.First, name)
		require.EqualValues(t, 10, report.Rows, name)
	}
	moved := strings.SplitAfter(exported(t, whole), "\n")
	moved[4], moved[3] = moved[3], moved[4] // the checkpoint of row 2 and row 3
	for want, parts := range map[string][]Segment{
		"audit row 3: the checkpoint signed on 2026-03-01T12:00:02Z, of row 2, is not in its place": {read(strings.Join(moved, ""))},
		"audit row 9: rows are missing: row 5 should come here":                                     {read(first), Merge(stream(rows[8:]), notes)},
		"audit row 5: rows are missing: a part of the log ends before it":                           {read(stale), read(first), Merge(stream(rows[6:]), notes)},
		"audit row 6: it is there twice, and the two differ":                                        {read(stale), Merge(stream(rebuilt(t, rows, 3)), nil)},
		"audit row 3: its hash":                                 {read(stale), Merge(stream(tamperedAt(rows, 2)), nil)},
		"audit row 5: rows are missing: row 1 should come here": {read(second)},
	} {
		_, err := known.Verify(parts...)
		require.ErrorContains(t, err, want)
	}
}

func tamperedAt(rows []Row, i int) []Row {
	rows = append([]Row{}, rows...)
	rows[i].Actor = "mallory"
	return rows
}

// The beginning of a log may be missing only where a row of it says so.
func TestMissingBeginning(t *testing.T) {
	_, rest, _ := archivedLog(t, newKey(t))
	before := chain(t, 4)
	for name, c := range map[string]struct {
		rows []Row
		seq  int64
	}{
		"more than was archived": {rest[1:], 6},
		"less than was archived": {append(before[3:4:4], rest...), 4},
		"no row says so":         {rest[:6], 5},
		"another operation":      {resealedLast(t, rest, func(r *Row) { r.Operation = "servers.delete" }), 5},
		"refused":                {resealedLast(t, rest, func(r *Row) { r.Decision = "refused" }), 5},
		"not done":               {resealedLast(t, rest, func(r *Row) { r.Outcome = "failed" }), 5},
		"no arguments":           {resealedLast(t, rest, func(r *Row) { r.Arguments = nil }), 5},
		"another number":         {resealedLast(t, rest, func(r *Row) { r.Arguments = []byte(`{"to":3,"head":"` + before[3].Hash + `"}`) }), 5},
		"another log":            {resealedLast(t, rest, func(r *Row) { r.Arguments = []byte(`{"to":4,"head":"` + Genesis + `"}`) }), 5},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Verify(stream(c.rows))
			var bad *BadRowError
			require.ErrorAs(t, err, &bad)
			require.Equal(t, c.seq, bad.Seq)
			require.Contains(t, bad.Why, "no row says that those before were archived")
		})
	}
}

// Who rewrites what was left after an archive, its own row included, is found by the checkpoint of
// the archive's end.
func TestRewrittenRest(t *testing.T) {
	key := newKey(t)
	_, rest, notes := archivedLog(t, key)
	forged := append([]Row{}, rest...)
	forged[0].Previous = rest[5].Hash
	forged[len(forged)-1].Arguments = []byte(`{"to":4,"head":"` + rest[5].Hash + `"}`)
	forged = rebuilt(t, forged, 0)
	_, err := Verify(stream(forged))
	require.NoError(t, err, "by itself it is whole")
	_, err = Check{Keys: verifiers(t, key)}.Verify(Merge(stream(forged), notes[:1]))
	require.ErrorContains(t, err, "audit row 4: it is not the row that the checkpoint")
}

func resealedLast(t *testing.T, rows []Row, change func(*Row)) []Row {
	t.Helper()
	rows = slices.Clone(rows)
	last := rows[len(rows)-1:]
	change(&last[0])
	seal(t, last[0].Previous, last)
	return rows
}

func TestExportOfSelection(t *testing.T) {
	rows := chain(t, 3)
	var text bytes.Buffer
	require.NoError(t, Export(&text, Merge(stream(rows), at2(1, 3)), "--actor local:alice"))
	var got []string
	for entry, err := range read(text.String()) {
		require.NoError(t, err)
		got = append(got, entry.Selection+entry.Row.Hash+entry.Checkpoint)
	}
	require.Equal(t, []string{"--actor local:alice", rows[0].Hash, rows[1].Hash, rows[2].Hash}, got, "no checkpoints: they are of the whole")
}

func TestExportPassesErrorsOn(t *testing.T) {
	require.ErrorContains(t, Export(fullDisk{}, Merge(stream(chain(t, 1)), nil), ""), "no space")
	require.ErrorContains(t, Export(fullDisk{}, Merge(stream(nil), nil), "--actor a"), "no space")
	require.ErrorContains(t, Export(fullDisk{}, Merge(stream(nil), at2(1)), ""), "no space")
	require.EqualError(t, Export(&bytes.Buffer{}, func(yield func(Entry, error) bool) { yield(Entry{}, errors.New("disk gone")) }, ""), "disk gone")
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space") }

func TestReadExportRefuses(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"no JSON":                  {"{", "line 1: "},
		"an array":                 {"[]\n", "line 1: "},
		"nothing":                  {"{}\n", "line 1: "},
		"two documents":            {`{"checkpoint":"x"}{}` + "\n", "line 1: "},
		"an unknown member":        {`{"checkpoint":"x","more":1}` + "\n", "line 1: "},
		"a member twice":           {`{"checkpoint":"x","checkpoint":"y"}` + "\n", "line 1: "},
		"another spelling":         {`{"Checkpoint":"x"}` + "\n", "line 1: "},
		"a row with a checkpoint":  {`{"checkpoint":"x"}` + "\n" + `{"seq":1,"hash":"x","checkpoint":"x"}` + "\n", "line 2: "},
		"a row without a hash":     {`{"seq":1}` + "\n", "line 1: "},
		"an actor with one":        {`{"checkpoint":"x","actor":"y"}` + "\n", "line 1: "},
		"an empty one with one":    {`{"checkpoint":"x","actor":""}` + "\n", "line 1: "},
		"an actor with selection":  {`{"selection":"x","actor":"y"}` + "\n", "line 1: "},
		"a hash with a checkpoint": {`{"hash":"x","checkpoint":"x"}` + "\n", "line 1: "},
		"a selection with more":    {`{"selection":"x","checkpoint":"x"}` + "\n", "line 1: "},
		"a selection later":        {`{"checkpoint":"x"}` + "\n" + `{"selection":"x"}` + "\n", "line 2: "},
		"no end of the line":       {`{"checkpoint":"x"}`, "line 1: "},
		"a line without end":       {strings.Repeat(" ", maxLine) + `{"checkpoint":"x"}` + "\n", "line 1: "},
		"no text":                  {"\xff\n", "line 1: "},
		"an empty line":            {"\n", "line 1: "},
	} {
		t.Run(name, func(t *testing.T) {
			var last error
			for _, err := range read(c.text) {
				last = err
			}
			require.ErrorIs(t, last, errLine)
			require.ErrorContains(t, last, c.want)
		})
	}
	for _, err := range ReadExport(brokenReader{}) {
		require.EqualError(t, err, "line 1: no randomness")
	}
	for range read(`{"checkpoint":"x"}` + "\n{\n") {
		break // nothing more is read
	}
}

// FuzzExport: no export but the right one verifies with the end that it had, whatever was done to
// its text.
func FuzzExport(f *testing.F) {
	key := newKey(f)
	rows := keyChain(f, key, 3)
	text := exported(f, Merge(stream(rows), signed(f, key, rows, 2)))
	check := Check{Keys: verifiers(f, key), Contains: []Mark{{rows[2].Seq, rows[2].Hash}}}
	f.Add(text)
	f.Add(strings.Replace(text, "alice", "bob", 1))
	elsewhere := regexp.MustCompile(`T12:([0-9:.]*)Z"`).ReplaceAllString(text, `T13:$1+01:00"`) // the same times
	require.NotEqual(f, text, elsewhere)
	f.Add(elsewhere)
	f.Add("{\"checkpoint\":\"x\"}\n")
	f.Fuzz(func(t *testing.T, changed string) {
		report, err := check.Verify(read(changed))
		if err != nil {
			return
		}
		require.EqualValues(t, 3, report.Rows)
		var got []Row
		for entry, err := range read(changed) {
			require.NoError(t, err)
			if entry.Checkpoint == "" {
				got = append(got, entry.Row)
			}
		}
		require.Equal(t, rows, got)
	})
}
