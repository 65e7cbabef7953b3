package audit

import (
	"errors"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func stream(rows []Row) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}
}

func TestVerifyWhole(t *testing.T) {
	report, err := Verify(stream(nil))
	require.NoError(t, err)
	require.Equal(t, Report{Head: Genesis}, report)

	rows := chain(t, 5)
	report, err = Verify(stream(rows))
	require.NoError(t, err)
	require.Equal(t, Report{First: 1, Rows: 5, Head: rows[4].Hash}, report)

	// Rows cut off at the end show in the head alone.
	shorter, err := Verify(stream(rows[:4]))
	require.NoError(t, err)
	require.NotEqual(t, report.Head, shorter.Head)
}

func TestVerifyPassesErrorsOn(t *testing.T) {
	broken := errors.New("disk gone")
	rows := chain(t, 3)
	report, err := Verify(func(yield func(Row, error) bool) {
		_ = yield(rows[0], nil) && yield(Row{}, broken)
	})
	require.ErrorIs(t, err, broken)
	require.Equal(t, Report{First: 1, Rows: 1, Head: rows[0].Hash}, report)
}

func TestVerifyNamesTheFirstBadRow(t *testing.T) {
	const missing, order, follows, changed = "missing", "out of order", "does not follow", "hash is not that"
	for name, c := range map[string]struct {
		tamper func([]Row) []Row
		seq    int64
		why    string
	}{
		"changed":             {func(r []Row) []Row { r[2].Actor = "mallory"; return r }, 3, changed},
		"finer time":          {func(r []Row) []Row { r[2].At = r[2].At.Add(1); return r }, 3, "finer"},
		"resealed":            {func(r []Row) []Row { r[2] = resealed(r[2]); return r }, 4, follows},
		"dropped":             {func(r []Row) []Row { return slices.Delete(r, 2, 3) }, 4, missing},
		"cut in the middle":   {func(r []Row) []Row { return slices.Delete(r, 1, 5) }, 6, missing},
		"swapped":             {func(r []Row) []Row { r[2], r[3] = r[3], r[2]; return r }, 4, missing},
		"duplicated":          {func(r []Row) []Row { return slices.Insert(r, 3, r[2]) }, 3, order},
		"dropped, renumbered": {func(r []Row) []Row { r = slices.Delete(r, 2, 3); r[2].Seq = 3; return r }, 3, follows},
		"row 0":               {func(r []Row) []Row { r[0].Seq = 0; r[0] = resealed(r[0]); return r }, 0, order},
		"another beginning":   {func(r []Row) []Row { return otherBeginning(r) }, 1, follows},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Verify(stream(c.tamper(chain(t, 6))))
			var bad *BadRowError
			require.ErrorAs(t, err, &bad)
			require.Equal(t, c.seq, bad.Seq)
			require.Contains(t, bad.Why, c.why)
			require.ErrorContains(t, err, "audit row ")
		})
	}
}

func hashText(row Row) string {
	hash, _ := hashOf(nil, &row)
	return string(hash[:])
}

func resealed(row Row) Row {
	row.Actor = "mallory"
	row.Hash = hashText(row)
	return row
}

func otherBeginning(rows []Row) []Row {
	row := rows[0]
	row.Previous = rows[5].Hash
	row.Hash = hashText(row)
	return []Row{row}
}

func flip(row *Row, field uint8, bit uint16) {
	fields := textFields(row)
	switch field %= fieldsOfRow; field {
	case 12:
		row.Seq ^= 1 << (bit % 64)
	case 13:
		row.At = time.Unix(0, row.At.UnixNano()^1<<(bit%63)).UTC()
	case 14:
		row.APIStatus ^= 1 << (bit % 32)
	case 15:
		row.Arguments = []byte(flipped(string(row.Arguments), bit))
	case 16:
		row.Hash = flipped(row.Hash, bit)
	default:
		*fields[field] = flipped(*fields[field], bit)
	}
}

func flipped(s string, bit uint16) string {
	text := []byte(s)
	text[int(bit/8)%len(text)] ^= 1 << (bit % 8)
	return string(text)
}
