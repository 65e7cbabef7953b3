package audit

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// keyChain is a log whose first row says that a key begins.
func keyChain(t testing.TB, key Key, n int) []Row {
	t.Helper()
	rows, begins := chain(t, n), SignRow(key)
	rows[0].Operation, rows[0].Arguments, rows[0].Decision = begins.Operation, begins.Arguments, begins.Decision
	seal(t, Genesis, rows)
	return rows
}

// observe are the checkpoints of the first row and of every so many.
func signed(t testing.TB, key Key, rows []Row, every int64) []SignedCheckpoint {
	t.Helper()
	var notes []SignedCheckpoint
	var before Mark
	for _, row := range rows {
		if row.Seq == rows[0].Seq || row.Seq%every == 0 {
			notes = append(notes, signedAt(t, key, row, &before))
		}
	}
	return notes
}

// signedAt is the checkpoint of a row after another, which it takes the place of.
func signedAt(t testing.TB, key Key, row Row, before *Mark) SignedCheckpoint {
	t.Helper()
	c := CheckpointAt(row, *before)
	note, err := key.Sign(c)
	require.NoError(t, err)
	*before = c.Mark()
	return note
}

// signedOld are checkpoints of the first form, of every so many rows.
func signedOld(t testing.TB, key Key, rows []Row, every int64) []SignedCheckpoint {
	t.Helper()
	var notes []SignedCheckpoint
	for _, row := range rows {
		if row.Seq%every == 0 {
			note, err := key.Sign(Checkpoint{Seq: row.Seq, Head: row.Hash, At: row.At, Old: true})
			require.NoError(t, err)
			notes = append(notes, note)
		}
	}
	return notes
}

// shape is a part in short: r1 r2 n2.
func shape(part Segment) (out []string) {
	for entry, err := range part {
		switch {
		case err != nil:
			out = append(out, err.Error())
		case entry.Checkpoint != "":
			out = append(out, "n"+entry.Checkpoint)
		default:
			out = append(out, fmt.Sprint("r", entry.Row.Seq))
		}
	}
	return out
}

func at2(seqs ...int64) (notes []SignedCheckpoint) {
	for _, seq := range seqs {
		notes = append(notes, SignedCheckpoint{Seq: seq, Text: fmt.Sprint(seq)})
	}
	return notes
}

func TestMerge(t *testing.T) {
	rows := chain(t, 6)
	require.Equal(t, []string{"r1", "r2", "n2", "r3", "r4", "n4", "n4", "n9"}, shape(Merge(stream(rows[:4]), at2(2, 4, 4, 9))))
	require.Equal(t, []string{"r5", "n4", "r6"}, shape(Merge(stream(rows[4:]), at2(2, 4))), "what an archive took is left out, but for its end")
	require.Equal(t, []string{"n1"}, shape(Merge(stream(nil), at2(1))))

	broken := errors.New("disk gone")
	require.Equal(t, []string{"r1", "disk gone"}, shape(Merge(func(yield func(Row, error) bool) {
		_ = yield(rows[0], nil) && yield(Row{}, broken)
	}, at2(7))), "rows that could not be read are not missing")
}

// Breaking off is fine anywhere.
func TestMergeStops(t *testing.T) {
	whole := shape(Merge(stream(chain(t, 3)), at2(1, 3, 5)))
	for n := range whole {
		seen := 0
		for range Merge(stream(chain(t, 3)), at2(1, 3, 5)) {
			if seen++; seen > n {
				break
			}
		}
		require.Equal(t, n+1, seen)
	}
}

func TestVerifySigned(t *testing.T) {
	key := newKey(t)
	rows := keyChain(t, key, 10)
	notes := signed(t, key, rows, 4)
	report, err := Check{Keys: verifiers(t, key)}.Verify(Merge(stream(rows), notes))
	require.NoError(t, err)
	require.Equal(t, Report{First: 1, Rows: 10, Head: rows[9].Hash, Signed: 8, SignedAt: rows[7].At, Checkpoints: 3}, report)

	report, err = Check{}.Verify(Merge(stream(rows), notes))
	require.NoError(t, err)
	require.Equal(t, Report{First: 1, Rows: 10, Head: rows[9].Hash, Unchecked: 3}, report, "without a key")
}

// A key that takes another's place begins with a row of its own; both are needed to verify.
func TestVerifyAfterKeyChange(t *testing.T) {
	l := newLedger(t).write(3)
	l.sign()
	l.write(6)
	first, second, silent := l.key, newKey(t), *l
	l.key = second
	l.add(SignRow(second))
	l.sign()
	_, err := l.verify(Check{Keys: verifiers(t, first, second)})
	require.NoError(t, err)
	for _, one := range []Key{first, second} {
		_, err = l.verify(Check{Keys: verifiers(t, one)})
		require.ErrorContains(t, err, "not signed by the key")
	}

	silent.key = second
	for _, row := range []Row{sample(1), SignRow(first)} {
		other := silent
		other.add(row)
		other.sign()
		_, err = other.verify(Check{Keys: verifiers(t, first, second)})
		require.ErrorContains(t, err, "audit row 11: its checkpoint is the first of its key here, and no row says that the key begins")
	}
}

// rebuilt is the log of somebody who can write it, but has no key: all chained anew from row on.
func rebuilt(t testing.TB, rows []Row, from int) []Row {
	t.Helper()
	rows = slices.Clone(rows)
	for i := from; i < len(rows); i++ {
		rows[i].Actor = "mallory"
	}
	seal(t, rows[from].Previous, rows[from:])
	return rows
}

func TestVerifySignedFindsTampering(t *testing.T) {
	key := newKey(t)
	rows := keyChain(t, key, 10)
	notes := signed(t, key, rows, 4) // of rows 1, 4 and 8
	forged := signed(t, newKey(t), rows, 4)
	old := signedOld(t, key, rows, 4)
	for name, c := range map[string]struct {
		rows  []Row
		notes []SignedCheckpoint
		seq   int64
		why   string
	}{
		"the end cut off":             {rows[:7], notes, 8, "rows are missing: by the checkpoint signed on 2026-03-01T12:00:08Z the log had 8"},
		"all cut off":                 {nil, notes, 1, "rows are missing: by the checkpoint signed on 2026-03-01T12:00:01Z the log had 1"},
		"all chained anew":            {rebuilt(t, rows, 0), notes, 1, "it is not the row that the checkpoint signed on"},
		"the end chained anew":        {rebuilt(t, rows, 6), notes, 8, "it is not the row"},
		"a checkpoint of another":     {rows, forged, 1, "not signed by the key"},
		"a checkpoint changed":        {rows, []SignedCheckpoint{{1, flipped(notes[0].Text, 200)}}, 1, "not signed by the key"},
		"a checkpoint moved back":     {rows, []SignedCheckpoint{notes[0], {2, notes[1].Text}}, 2, "it was moved"},
		"a checkpoint moved forward":  {rows, []SignedCheckpoint{notes[0], {9, notes[1].Text}}, 9, "it was moved"},
		"a checkpoint repeated":       {rows, append(notes[:3:3], SignedCheckpoint{9, notes[2].Text}), 9, "it was moved"},
		"cut off to nothing, forged":  {nil, forged, 1, "not signed by the key"},
		"the first checkpoint gone":   {rows, notes[1:], 1, "a key begins to sign here, and the checkpoint of this row is missing"},
		"one in the middle gone":      {rows, []SignedCheckpoint{notes[0], notes[2]}, 2, "checkpoints are missing: the one of row 8 follows one of row 4, and here the one before is of row 1"},
		"an old one put in":           {rows, []SignedCheckpoint{notes[0], notes[1], old[1]}, 8, "of a form that does not count after row 1"},
		"an old one instead of all":   {rows, old, 1, "a key begins to sign here"},
		"the key's row gone with all": {rebuilt(t, chain(t, 10), 0), notes[1:], 4, "it is not the row"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Check{Keys: verifiers(t, key)}.Verify(Merge(stream(c.rows), c.notes))
			var bad *BadRowError
			require.ErrorAs(t, err, &bad)
			require.Equal(t, c.seq, bad.Seq)
			require.Contains(t, bad.Why, c.why)
		})
	}
}

// Verify reads ahead by some batches, and no longer reads when it returns.
func TestVerifyStopsReading(t *testing.T) {
	rows := tamperedAt(chain(t, 3), 1)
	read, isReading := 0, true
	_, err := Check{}.Verify(func(yield func(Entry, error) bool) {
		defer func() { isReading = false }()
		for yield(Entry{Row: rows[min(read, 2)]}, nil) { // without end
			read++
		}
	})
	require.ErrorContains(t, err, "audit row 2: its hash")
	require.False(t, isReading)
	require.LessOrEqual(t, read, (runtime.GOMAXPROCS(0)+3)*batchSize)
}
