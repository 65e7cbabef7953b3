package audit

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// signed are the checkpoints of every so many rows.
func signed(t testing.TB, key Key, rows []Row, every int64) []Note {
	t.Helper()
	var notes []Note
	for _, row := range rows {
		if row.Seq%every == 0 {
			note, err := key.Sign(CheckpointAt(row))
			require.NoError(t, err)
			notes = append(notes, note)
		}
	}
	return notes
}

// shape is a part in short: r1 r2 n2.
func shape(part Part) (out []string) {
	for entry, err := range part {
		switch {
		case err != nil:
			out = append(out, err.Error())
		case entry.Note != "":
			out = append(out, "n"+entry.Note)
		default:
			out = append(out, fmt.Sprint("r", entry.Row.Seq))
		}
	}
	return out
}

func at2(seqs ...int64) (notes []Note) {
	for _, seq := range seqs {
		notes = append(notes, Note{Seq: seq, Text: fmt.Sprint(seq)})
	}
	return notes
}

func TestMerge(t *testing.T) {
	rows := chain(t, 6)
	require.Equal(t, []string{"r1", "r2", "n2", "r3", "r4", "n4", "n4", "n9"}, shape(Merge(stream(rows[:4]), at2(2, 4, 4, 9))))
	require.Equal(t, []string{"r5", "n4", "r6"}, shape(Merge(stream(rows[4:]), at2(2, 4))), "what the archive took is left out, but for its end")
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
	key, rows := newKey(t), chain(t, 10)
	notes := signed(t, key, rows, 4)
	report, err := VerifyParts(verifiers(t, key), Merge(stream(rows), notes))
	require.NoError(t, err)
	require.Equal(t, Report{First: 1, Rows: 10, Head: rows[9].Hash, Signed: 8, SignedAt: rows[7].At, Checkpoints: 2}, report)

	report, err = VerifyParts(Verifiers{}, Merge(stream(rows), notes))
	require.NoError(t, err)
	require.Equal(t, Report{First: 1, Rows: 10, Head: rows[9].Hash, Unchecked: 2}, report, "without a key")

	changed := newKey(t)
	notes = append(notes[:1], signed(t, changed, rows[7:8], 4)...)
	_, err = VerifyParts(verifiers(t, key, changed), Merge(stream(rows), notes))
	require.NoError(t, err, "a key that was changed")
}

// rebuilt is the log of somebody who can write it, but has no key: all chained anew from row on.
func rebuilt(t testing.TB, rows []Row, from int) []Row {
	t.Helper()
	rows = slices.Clone(rows)
	head := rows[from].Previous
	for i := from; i < len(rows); i++ {
		rows[i].Actor = "mallory"
		row, err := Seal(head, rows[i])
		require.NoError(t, err)
		rows[i], head = row, row.Hash
	}
	return rows
}

func TestVerifySignedFinds(t *testing.T) {
	key, rows := newKey(t), chain(t, 10)
	notes := signed(t, key, rows, 4)
	forged := signed(t, newKey(t), rows, 4)
	for name, c := range map[string]struct {
		rows  []Row
		notes []Note
		seq   int64
		why   string
	}{
		"the end cut off":            {rows[:7], notes, 8, "rows are missing: by the checkpoint signed on 2026-03-01T12:00:08Z the log had 8"},
		"all cut off":                {nil, notes, 1, "rows are missing: by the checkpoint signed on 2026-03-01T12:00:04Z the log had 4"},
		"all chained anew":           {rebuilt(t, rows, 0), notes, 4, "it is not the row that the checkpoint signed on"},
		"the end chained anew":       {rebuilt(t, rows, 6), notes, 8, "it is not the row"},
		"a checkpoint of another":    {rows, forged, 4, "not signed by the key"},
		"a checkpoint changed":       {rows, []Note{{4, flipped(notes[0].Text, 200)}}, 4, "not signed by the key"},
		"a checkpoint moved back":    {rows, []Note{{2, notes[0].Text}}, 3, "rows are missing"},
		"a checkpoint moved forward": {rows, []Note{{9, notes[0].Text}}, 9, "not in its place"},
		"cut off to nothing, forged": {nil, forged, 1, "not signed by the key"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := VerifyParts(verifiers(t, key), Merge(stream(c.rows), c.notes))
			var bad *BadRow
			require.ErrorAs(t, err, &bad)
			require.Equal(t, c.seq, bad.Seq)
			require.Contains(t, bad.Why, c.why)
		})
	}
}
