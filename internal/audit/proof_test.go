package audit

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// proofRows is the length of the log that is tampered with at every row.
const proofRows = 1000

// proof is a log with checkpoints, and what the verifier knows before each of its rows. To
// go on from there is the same as to verify from the first row, which was not touched.
type proof struct {
	rows   []Row
	notes  []SignedCheckpoint
	before []verifier
}

func newProof(t testing.TB) proof {
	t.Helper()
	key := newKey(t)
	p := proof{rows: keyChain(t, key, proofRows)}
	p.notes = signed(t, key, p.rows, checkpointRows)
	v := newVerifier(Check{Keys: verifiers(t, key)})
	for entry, err := range Merge(stream(p.rows), p.notes) {
		require.NoError(t, err)
		if entry.Checkpoint == "" {
			p.before = append(p.before, v)
		}
		require.NoError(t, v.entry(checkedAlone(entry, v.keys)))
	}
	require.NoError(t, v.end())
	return p
}

func checkedAlone(entry Entry, keys Verifiers) *checkedEntry {
	e := checkedEntry{Entry: entry}
	e.check(keys, nil)
	return &e
}

// find verifies a log that differs from row i (counted from 0) on.
func (p proof) find(t *testing.T, i int, rows []Row) *BadRowError {
	t.Helper()
	v := p.before[i]
	notes := p.notes
	for len(notes) > 0 && notes[0].Seq <= int64(i) {
		notes = notes[1:]
	}
	var err error
	for entry := range Merge(stream(rows), notes) {
		if err = v.entry(checkedAlone(entry, v.keys)); err != nil {
			break
		}
	}
	if err == nil {
		err = v.end()
	}
	var bad *BadRowError
	require.ErrorAs(t, err, &bad, "row %d", i+1)
	return bad
}

// fieldsOfRow is how many fields flip knows.
const fieldsOfRow = 17

// Figure 8: every row of a log of 1,000, each of its fields, with a bit turned over.
func TestEveryFlippedFieldIsFound(t *testing.T) {
	p := newProof(t)
	for i := range p.rows {
		for field := range uint8(fieldsOfRow) {
			tampered := append([]Row{}, p.rows[i:min(i+2, len(p.rows))]...)
			flip(&tampered[0], field, uint16(i*7))
			bad := p.find(t, i, tampered)
			require.Equal(t, tampered[0].Seq, bad.Seq, "field %d", field)
		}
	}
}

// Figure 8: every row dropped, the last ones included.
func TestEveryDroppedRowIsFound(t *testing.T) {
	p := newProof(t)
	for i := range p.rows {
		bad := p.find(t, i, p.rows[i+1:])
		if i == 0 {
			// Until a row says that the first was archived, or none does, all may be well.
			require.EqualValues(t, 2, bad.Seq)
			require.Contains(t, bad.Why, "rows are missing: row 1 should come here")
			continue
		}
		require.Contains(t, bad.Why, "rows are missing")
		require.EqualValues(t, min(i+2, proofRows), bad.Seq)
	}
}

// Figure 8: every row swapped with the next, with its number or without.
func TestEverySwapIsFound(t *testing.T) {
	p := newProof(t)
	for i := range proofRows - 1 {
		a, b := p.rows[i], p.rows[i+1]
		bad := p.find(t, i, append([]Row{b, a}, p.rows[i+2:]...))
		require.EqualValues(t, map[bool]int{true: 1, false: i + 2}[i == 0], bad.Seq, "the first that is not in its place")

		a.Seq, b.Seq = b.Seq, a.Seq
		bad = p.find(t, i, append([]Row{b, a}, p.rows[i+2:]...))
		require.EqualValues(t, i+1, bad.Seq)
	}
}

// nextSigned is the first row from the i-th on, counted from 0, that has a checkpoint.
func nextSigned(i int) int {
	if i == 0 {
		return 1
	}
	return (i/checkpointRows + 1) * checkpointRows
}

// Figure 8: the log cut off after every row. The last checkpoint says how long it was.
func TestEveryCutOffIsFound(t *testing.T) {
	p := newProof(t)
	for i := range p.rows {
		bad := p.find(t, i, nil)
		require.EqualValues(t, i+1, bad.Seq)
		require.Contains(t, bad.Why, fmt.Sprintf("the log had %d", nextSigned(i)))
	}
}

// Where somebody can write the database but has no key, a log chained anew from any row on is
// found by the next checkpoint.
func TestEveryRewrittenEndIsFound(t *testing.T) {
	p := newProof(t)
	for i := 0; i < proofRows; i += 37 {
		bad := p.find(t, i, rebuilt(t, p.rows, i)[i:])
		require.EqualValues(t, nextSigned(i), bad.Seq)
	}
}

// BenchmarkVerify verifies a signed log. The figure is that of a million rows.
func BenchmarkVerify(b *testing.B) {
	p := newProof(b)
	known := p.before[0].keys
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (Check{Keys: known}).Verify(Merge(stream(p.rows), p.notes)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N*proofRows)*1e6, "s/1M-rows")
}
