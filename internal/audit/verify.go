package audit

import (
	"fmt"
	"iter"
	"time"
)

// Report is what a verified log amounts to. Without checkpoints, rows cut off at the end
// leave no trace in the log itself: compare Head with one that was noted earlier.
type Report struct {
	First       int64     `json:"first"` // number of the first row that was read; those before it were archived
	Rows        int64     `json:"rows"`  // number of the last row
	Head        string    `json:"head"`  // hash of the last row; Genesis for an empty log
	Signed      int64     `json:"signed"`
	SignedAt    time.Time `json:"signed_at,omitzero"` // time of the last checkpoint
	Checkpoints int64     `json:"checkpoints"`        // how many were checked
	Unchecked   int64     `json:"unchecked"`          // how many were not, for want of a key
	Late        int64     `json:"late"`               // how many stretches were signed only later, as a row of each says
}

// BadRow says which row is the first that does not fit the chain, and why.
type BadRow struct {
	Seq     int64
	Why     string
	Outside bool // by what is kept outside the database: it may have been restored from a copy
}

func (e *BadRow) Error() string { return fmt.Sprintf("audit row %d: %s", e.Seq, e.Why) }

// Unsigned says which rows have no checkpoint that should have one.
type Unsigned struct {
	From, To int64
	Why      string
}

func (e *Unsigned) Error() string {
	return fmt.Sprintf("audit rows %d to %d: %s", e.From, e.To, e.Why)
}

// Verify reads a log and holds one row at a time; see [Check.Verify]. It looks at no checkpoints.
func Verify(rows iter.Seq2[Row, error]) (Report, error) {
	return Check{}.Verify(Merge(rows, nil))
}

// Check is what a log is held to.
type Check struct {
	Known   Verifiers  // with any, all but the newest rows must be signed
	Kept    Checkpoint // the newest checkpoint that is kept outside the database, which the log must have; zero: none
	AtLeast []Mark     // rows that the log must have
}

// Verify reads a log in parts, oldest first: archives and exports, then what the database has. Parts
// may overlap. A log that does not begin with row 1 must have a row that says that the rows
// before were archived, and with which hash. At the first row that does not fit it stops with a
// *BadRow, and for rows that are not signed in time it ends with an *Unsigned; an error of a part
// is returned as it came. The report covers the rows before the error.
func (c Check) Verify(parts ...Part) (Report, error) {
	v := newVerifier(c)
	for _, part := range parts {
		if err := v.part(part); err != nil {
			return v.report, err
		}
	}
	return v.report, v.end()
}

// place is a row's place in the chain.
type place struct {
	seq            int64
	head, previous string // the row's hash, and that of the row before
}

// verifier is what is known of a log up to some row. A copy is independent, but for buffer,
// marks and what signatures holds.
type verifier struct {
	signatures
	buffer []byte
	report Report
	marks  map[int64]string // rows that are still to come, and the hash that they must have

	begun   bool
	begin   place // before the first row
	vouched bool  // a row says that all up to begin was archived
	tip     place // the last row of all
	inPart  bool
	opens   int64 // the first row of this part
	at      place // the last row of this part: behind tip where parts overlap
}

func newVerifier(c Check) verifier {
	start := place{head: Genesis}
	v := verifier{begin: start, tip: start, at: start, report: Report{Head: Genesis}, marks: map[int64]string{}}
	v.known, v.kept = c.Known, c.Kept
	for _, mark := range c.AtLeast {
		v.marks[mark.Seq] = mark.Hash
	}
	return v
}

func (v *verifier) part(part Part) error {
	v.inPart, v.at = false, v.tip
	for entry, err := range part {
		if err == nil {
			err = v.entry(entry)
		}
		if err != nil {
			return err
		}
	}
	if v.at.seq < v.tip.seq {
		return &BadRow{Seq: v.at.seq + 1, Why: "rows are missing: a part of the log ends before it, while another goes on (a needless file can be left out)"}
	}
	return v.beginning()
}

func (v *verifier) entry(entry Entry) error {
	if entry.Note != "" {
		return v.note(entry.Note, entry.Of)
	}
	if err := v.beginning(); err != nil {
		return err
	}
	return v.row(entry.Row)
}

func (v *verifier) row(row Row) error {
	if !v.inPart {
		v.enter(row)
	}
	var why string
	if why, v.buffer = mismatch(v.at, row, v.buffer); why != "" {
		return &BadRow{Seq: row.Seq, Why: why}
	}
	v.at = place{row.Seq, row.Hash, row.Previous}
	if want, named := v.marks[row.Seq]; named {
		if want != row.Hash {
			return &BadRow{Seq: row.Seq, Why: "it is not the row that was to be there: that has another hash"}
		}
		delete(v.marks, row.Seq)
	}
	switch {
	case row.Seq > v.tip.seq:
		v.tip = v.at
		v.report.Rows, v.report.Head = row.Seq, row.Hash
		// Once the log is signed, nothing goes any more.
		v.vouched = v.vouched || v.signs == 0 && vouches(row, v.begin)
	case row.Seq == v.tip.seq && row.Hash != v.tip.head:
		return &BadRow{Seq: row.Seq, Why: "it is there twice, and the two differ: one of them was changed, or the database is another than the files are of"}
	}
	v.signed(row)
	return nil
}

// enter takes the first row of a part. Only the first part may begin anywhere; a later one
// may begin before the tip: then its own chain must lead there, and what it has before the
// beginning of the first one counts.
func (v *verifier) enter(row Row) {
	before := place{seq: row.Seq - 1, head: row.Previous}
	v.inPart, v.opens = true, row.Seq
	if !v.begun && row.Seq > 1 {
		v.begin, v.tip = before, before
	}
	if !v.begun {
		v.begun, v.report.First = true, v.begin.seq+1
	}
	v.at = v.tip
	if 0 < before.seq && before.seq < v.tip.seq {
		v.at = before
	}
	if before.seq == 0 {
		v.at = place{head: Genesis}
	}
	if v.at.seq < v.begin.seq {
		v.begin, v.report.First = v.at, v.at.seq+1
	}
}

// mismatch says what is wrong with the row that comes after a verified one.
func mismatch(before place, row Row, buffer []byte) (string, []byte) {
	next := before.seq + 1
	switch {
	case row.Seq > next:
		return fmt.Sprintf("rows are missing: row %d should come here", next), buffer
	case row.Seq < next:
		return fmt.Sprintf("it is out of order: row %d should come here", next), buffer
	case row.Previous != before.head:
		return "it does not follow the row before it: a row was changed, dropped or put in", buffer
	case row.At.Nanosecond()%int(time.Millisecond) != 0:
		return "its time is finer than the log keeps: it was changed", buffer
	}
	hash, buffer := digest(buffer, row)
	if hash != row.Hash {
		return "its hash is not that of its content: it was changed", buffer
	}
	return "", buffer
}

// end is after the last part.
func (v *verifier) end() error {
	if v.begin.seq > 0 && !v.vouched {
		return &BadRow{Seq: v.begin.seq + 1, Why: "rows are missing: row 1 should come here, and no row says that those before were archived"}
	}
	if err := v.outside(); err != nil {
		return err
	}
	if want, named := v.marks[v.begin.seq]; named && want == v.begin.head {
		delete(v.marks, v.begin.seq)
	}
	for seq := range v.marks {
		if seq > v.tip.seq {
			return &BadRow{Seq: v.tip.seq + 1, Why: fmt.Sprintf("rows are missing: the log was to have at least %d", seq)}
		}
		return &BadRow{Seq: v.begin.seq + 1, Why: fmt.Sprintf("row %d was archived, and its file is not here", seq)}
	}
	return v.unsigned()
}
