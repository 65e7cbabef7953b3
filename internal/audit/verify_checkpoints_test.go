package audit

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ledger is a log that is written with a key, or without.
type ledger struct {
	t      testing.TB
	key    Key
	rows   []Row
	notes  []SignedCheckpoint
	before Mark
	at     time.Time
}

func newLedger(t testing.TB) *ledger {
	l := &ledger{t: t, key: newKey(t), at: at}
	l.add(SignRow(l.key))
	l.sign()
	return l
}

func (l *ledger) add(row Row) {
	head := Genesis
	if n := len(l.rows); n > 0 {
		head = l.rows[n-1].Hash
	}
	row.Seq, row.At = int64(len(l.rows)+1), l.at
	l.rows = append(l.rows, row)
	seal(l.t, head, l.rows[len(l.rows)-1:])
}

// write appends rows without a checkpoint.
func (l *ledger) write(n int) *ledger {
	for range n {
		l.add(sample(1))
	}
	return l
}

func (l *ledger) sign() {
	l.notes = append(l.notes, signedAt(l.t, l.key, l.rows[len(l.rows)-1], &l.before))
}

func (l *ledger) newest() Checkpoint {
	c, err := ReadCheckpoint(l.notes[len(l.notes)-1].Text)
	require.NoError(l.t, err)
	return c
}

func (l *ledger) verify(c Check) (Report, error) {
	return c.Verify(Merge(stream(l.rows), l.notes))
}

func (l *ledger) signedCheck() Check { return Check{Keys: verifiers(l.t, l.key)} }

// What is unsigned at the end is named, if it is too much or too old.
func TestUnsignedEnd(t *testing.T) {
	for name, c := range map[string]struct {
		rows  int
		later time.Duration
		want  *UnsignedError
	}{
		"nothing":          {0, 0, nil},
		"100 rows":         {100, 0, nil},
		"101 rows":         {101, 0, &UnsignedError{From: 2, To: 102}},
		"10 minutes":       {1, checkpointTime, nil},
		"a moment more":    {1, checkpointTime + time.Millisecond, &UnsignedError{From: 2, To: 2}},
		"a clock set back": {3, -checkpointTime - time.Millisecond, &UnsignedError{From: 2, To: 4}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLedger(t)
			l.at = l.at.Add(c.later)
			_, err := l.write(c.rows).verify(l.signedCheck())
			if c.want == nil {
				require.NoError(t, err)
				return
			}
			var unsigned *UnsignedError
			require.ErrorAs(t, err, &unsigned)
			require.Equal(t, [2]int64{c.want.From, c.want.To}, [2]int64{unsigned.From, unsigned.To})
			require.ErrorContains(t, err, "they are not signed")
			_, err = l.verify(Check{})
			require.NoError(t, err, "without a key nobody knows")
		})
	}
}

// The next signer closes such a stretch with a row that says so.
func TestRowsSignedLate(t *testing.T) {
	l := newLedger(t).write(150)
	l.add(LateRow(2, 151))
	l.sign()
	report, err := l.verify(l.signedCheck())
	require.NoError(t, err)
	require.EqualValues(t, 1, report.Late)

	for name, last := range map[string]Row{
		"no row":          sample(1),
		"another stretch": LateRow(3, 151),
		"another row":     func() Row { r := LateRow(2, 151); r.Operation = archiveOperation; return r }(),
	} {
		l := newLedger(t).write(150)
		l.add(last)
		l.sign()
		_, err := l.verify(l.signedCheck())
		require.ErrorContains(t, err, "audit row 2: rows 2 to 151 have no checkpoint, and no row says why", name)
	}
}

// A key and no checkpoint: the log is unsigned, or was made so.
func TestUnsignedLog(t *testing.T) {
	key := newKey(t)
	known := Check{Keys: verifiers(t, key)}
	for _, rows := range [][]Row{nil, chain(t, 1), chain(t, 300)} {
		_, err := known.Verify(Merge(stream(rows), nil))
		require.ErrorAs(t, err, new(*UnsignedError))
		require.ErrorContains(t, err, "the log has no checkpoint")
	}
}

// What is kept elsewhere must be in the log.
func TestVerifyAgainstKeptCheckpoint(t *testing.T) {
	l := newLedger(t).write(99)
	l.sign()
	kept := l.newest()
	l.write(30)
	for name, known := range map[string]Verifiers{"with the key": verifiers(t, l.key), "without": {}} {
		t.Run(name, func(t *testing.T) {
			check := Check{Keys: known, Kept: kept, Contains: []Mark{{50, l.rows[49].Hash}, {130, l.rows[129].Hash}}}
			_, err := l.verify(check)
			require.NoError(t, err)

			again := Check{Keys: known, Kept: kept}
			var bad *BadRowError
			_, err = again.Verify(Merge(stream(l.rows[:60]), l.notes[:1]))
			require.ErrorAs(t, err, &bad, "put back to an earlier state")
			require.True(t, bad.Outside)
			require.EqualValues(t, 61, bad.Seq)
			_, err = again.Verify(Merge(stream(l.rows[:101]), l.notes[:1]))
			require.ErrorContains(t, err, "audit row 100: the checkpoint of row 100", "a checkpoint dropped")
			_, err = again.Verify(Merge(stream(rebuilt(t, l.rows, 60)), l.notes[:1]))
			require.ErrorContains(t, err, "is kept outside the database and not in it")
			_, err = again.Verify(Merge(stream(nil), nil))
			require.ErrorContains(t, err, "audit row 1: rows are missing: the checkpoint of row 100")

			again = Check{Keys: known, Contains: check.Contains}
			_, err = again.Verify(Merge(stream(l.rows[:120]), l.notes))
			require.ErrorContains(t, err, "audit row 121: rows are missing: the log was to have at least 130")
			_, err = Check{Contains: check.Contains}.Verify(Merge(stream(rebuilt(t, l.rows, 20)), nil))
			require.ErrorContains(t, err, "audit row 50: it is not the row that was to be there")
		})
	}
}

// A row before a log that was archived can be held to as well.
func TestContainsArchivedRows(t *testing.T) {
	key := newKey(t)
	_, rest, notes := archivedLog(t, key)
	_, err := Check{Contains: []Mark{{4, rest[0].Previous}}}.Verify(Merge(stream(rest), notes))
	require.NoError(t, err)
	_, err = Check{Contains: []Mark{{4, Genesis}}}.Verify(Merge(stream(rest), notes))
	require.Error(t, err)
	_, err = Check{Contains: []Mark{{3, Genesis}}}.Verify(Merge(stream(rest), notes))
	require.ErrorContains(t, err, "row 3 was archived, and its file is not here")
}

// moved is a log with checkpoints of the first form, which one of today has taken up.
func moved(t testing.TB) *ledger {
	l := &ledger{t: t, key: newKey(t), at: at}
	l.write(40)
	l.notes = signedOld(t, l.key, l.rows, 20)
	old, err := ReadCheckpoint(l.notes[1].Text)
	require.NoError(t, err)
	l.before = old.Mark()
	l.write(3)
	l.add(SignRow(l.key))
	l.sign()
	return l.write(5)
}

// A log moves to the checkpoints of today by one row; from it on no other counts.
func TestTransitionToChainedCheckpoints(t *testing.T) {
	l := moved(t)
	report, err := l.verify(l.signedCheck())
	require.NoError(t, err)
	require.EqualValues(t, 3, report.Checkpoints)
	require.EqualValues(t, 44, report.Signed)

	for name, notes := range map[string][]SignedCheckpoint{
		"the last old one gone":     {l.notes[0], l.notes[2]},
		"all old ones gone":         {l.notes[2]},
		"the new one gone":          l.notes[:2],
		"an old one after it":       append(l.notes[:3:3], signedOld(t, l.key, l.rows[44:46], 1)[1]),
		"an old one instead of it":  append(l.notes[:2:2], signedOld(t, l.key, l.rows[43:44], 1)[0]),
		"an old one beside the new": {l.notes[0], l.notes[1], signedOld(t, l.key, l.rows[43:44], 1)[0], l.notes[2]},
	} {
		_, err := l.signedCheck().Verify(Merge(stream(l.rows), notes))
		require.ErrorAs(t, err, new(*BadRowError), name)
	}
	_, err = l.signedCheck().Verify(Merge(stream(l.rows[:43]), l.notes[:2]))
	require.NoError(t, err, "of before it moved on, which what is kept elsewhere tells from today")
	_, err = Check{Keys: verifiers(t, l.key), Kept: l.newest()}.Verify(Merge(stream(l.rows[:43]), l.notes[:2]))
	require.ErrorAs(t, err, new(*BadRowError))
}

// A restored log is taken up by a signed row, which gives up what is kept of before it.
func TestRestoredLogIsAccepted(t *testing.T) {
	l := newLedger(t).write(99)
	l.sign()
	kept := l.newest()
	l.rows, l.notes, l.at = l.rows[:60], l.notes[:1], l.at.Add(time.Minute)
	l.before = l.newest().Mark()
	l.add(AcceptRow(Mark{60, l.rows[59].Hash}, kept))
	_, err := l.verify(Check{Keys: verifiers(t, l.key), Kept: kept})
	require.ErrorAs(t, err, new(*BadRowError), "anybody can write a row")
	l.sign()
	_, err = l.verify(Check{Keys: verifiers(t, l.key), Kept: kept})
	require.NoError(t, err)
	later := kept
	later.At = l.at
	_, err = l.verify(Check{Keys: verifiers(t, l.key), Kept: later})
	require.ErrorAs(t, err, new(*BadRowError), "not what came after")
	_, err = l.verify(Check{Kept: kept})
	require.ErrorAs(t, err, new(*BadRowError), "without the key nobody knows who wrote the row")
}

// A row that takes a log up, put in beforehand by somebody who cannot sign, is signed in its turn with
// what comes after it. It gives up nothing.
func TestForgedAcceptRow(t *testing.T) {
	for name, after := range map[string]Row{"a row": {Operation: "servers.stop"}, "a late row": LateRow(1, 2)} {
		l := newLedger(t).write(10)
		l.sign()
		forged := AcceptRow(Mark{1, l.rows[0].Hash}, l.newest())
		real := l.at
		l.at = real.Add(time.Hour)
		l.add(forged)
		l.at = real
		l.add(Row{Operation: "servers.stop"})
		l.add(after)
		l.sign()
		rows, notes := len(l.rows), len(l.notes)
		l.write(30)
		l.sign()
		check := Check{Keys: verifiers(t, l.key), Kept: l.newest()}
		l.rows, l.notes = l.rows[:rows], l.notes[:notes]
		_, err := l.verify(check)
		require.ErrorAs(t, err, new(*BadRowError), name)
	}
}
