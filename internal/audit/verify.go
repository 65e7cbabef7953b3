package audit

import (
	"fmt"
	"iter"
	"time"
)

// Report is what a verified log amounts to. Without checkpoints, rows cut off at the end
// leave no trace in the log itself: compare Head with one that was noted earlier.
type Report struct {
	First       int64     `json:"first"` // number of the first row that was read; those before it are archived
	Rows        int64     `json:"rows"`  // number of the last row
	Head        string    `json:"head"`  // hash of the last row; Genesis for an empty log
	Signed      int64     `json:"signed"`
	SignedAt    time.Time `json:"signed_at,omitzero"` // time of the last checkpoint
	Checkpoints int64     `json:"checkpoints"`        // how many were checked
	Unchecked   int64     `json:"unchecked"`          // how many were not, for want of a key
}

// BadRow says which row is the first that does not fit the chain, and why.
type BadRow struct {
	Seq int64
	Why string
}

func (e *BadRow) Error() string { return fmt.Sprintf("audit row %d: %s", e.Seq, e.Why) }

// Verify reads a log and holds one row at a time; see [VerifyParts]. It looks at no checkpoints.
func Verify(rows iter.Seq2[Row, error]) (Report, error) {
	return VerifyParts(Verifiers{}, Merge(rows, nil))
}

// VerifyParts reads a log in parts, oldest first: archives, then what the database has. Parts may
// overlap. A log that does not begin with row 1 must have a row that says that the rows before were
// archived, and with which hash. At the first row that does not fit it stops with a
// *BadRow; an error of a part is returned as it came. The report covers the rows before
// the error.
func VerifyParts(known Verifiers, parts ...Part) (Report, error) {
	v := newVerifier(known)
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

// verifier is what is known of a log up to some row. A copy is independent, but for buffer.
type verifier struct {
	known  Verifiers
	buffer []byte
	report Report

	begun   bool
	begin   place // before the first row
	vouched bool  // a row says that all up to begin was archived
	tip     place // the last row of all
	inPart  bool
	at      place // the last row of this part: behind tip where parts overlap
}

func newVerifier(known Verifiers) verifier {
	start := place{head: Genesis}
	return verifier{known: known, begin: start, tip: start, at: start, report: Report{Head: Genesis}}
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
		return &BadRow{Seq: v.at.seq + 1, Why: "rows are missing: a part of the log ends before it, while another goes on (a needless archive can be left out)"}
	}
	return nil
}

func (v *verifier) entry(entry Entry) error {
	if entry.Note != "" {
		return v.note(entry.Note)
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
	switch {
	case row.Seq > v.tip.seq:
		v.tip = v.at
		v.report.Rows, v.report.Head = row.Seq, row.Hash
		v.vouched = v.vouched || vouches(row, v.begin)
	case row.Seq == v.tip.seq && row.Hash != v.tip.head:
		return &BadRow{Seq: row.Seq, Why: "it is there twice, and the two differ: one of them was changed"}
	}
	return nil
}

// enter takes the first row of a part. Only the first part may begin anywhere; a later one
// may begin before the tip: then its own chain must lead there.
func (v *verifier) enter(row Row) {
	before := place{seq: row.Seq - 1, head: row.Previous}
	v.inPart = true
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

// note compares a checkpoint with the row before it or, where a log begins after an
// archive, with the one before that.
func (v *verifier) note(text string) error {
	if !v.known.Any() {
		v.report.Unchecked++
		return nil
	}
	c, err := v.known.Open(text)
	if err != nil {
		return &BadRow{Seq: max(v.at.seq, 1), Why: "its checkpoint is not signed by the key: it was changed, or signed by another (--key may be given for each)"}
	}
	if bad := v.against(c); bad != nil {
		return bad
	}
	v.report.Checkpoints++
	if c.Seq > v.report.Signed {
		v.report.Signed, v.report.SignedAt = c.Seq, c.At
	}
	return nil
}

func (v *verifier) against(c Checkpoint) error {
	signed := fmt.Sprintf("the checkpoint signed on %s", c.At.Format(time.RFC3339))
	switch {
	case c.Seq > v.at.seq:
		return &BadRow{Seq: v.at.seq + 1, Why: fmt.Sprintf("rows are missing: by %s the log had %d", signed, c.Seq)}
	case c.Seq < v.at.seq-1:
		return &BadRow{Seq: v.at.seq, Why: fmt.Sprintf("%s, of row %d, is not in its place: it was put here", signed, c.Seq)}
	case c.Seq == v.at.seq && c.Head != v.at.head, c.Seq < v.at.seq && c.Head != v.at.previous:
		return &BadRow{Seq: c.Seq, Why: "it is not the row that " + signed + " saw: it was changed, with all that follow or come before"}
	}
	return nil
}

// end is after the last part.
func (v *verifier) end() error {
	if v.begin.seq == 0 || v.vouched {
		return nil
	}
	return &BadRow{Seq: v.begin.seq + 1, Why: "rows are missing: row 1 should come here, and no row says that those before were archived"}
}
