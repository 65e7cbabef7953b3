package audit

import (
	"fmt"
	"iter"
	"time"
)

// Report is the result of a verification. Without checkpoints, rows that were cut off at the end leave no
// trace in the log itself: compare Head with one that was noted earlier.
type Report struct {
	First       int64     `json:"first"` // number of the first row that was read; the rows before were archived, or left out by [Check.Part]
	Rows        int64     `json:"rows"`  // number of the last row
	Head        string    `json:"head"`  // hash of the last row; Genesis for an empty log
	Signed      int64     `json:"signed"`
	SignedAt    time.Time `json:"signed_at,omitzero"` // time of the last checkpoint
	Checkpoints int64     `json:"checkpoints"`        // how many were checked
	Unchecked   int64     `json:"unchecked"`          // how many were not, for want of a key
	Late        int64     `json:"late"`               // how many stretches were signed only later, as a row of each says
}

// BadRowError names the first row that does not fit the chain, and the reason.
type BadRowError struct {
	Seq     int64
	Why     string
	Outside bool // by the checkpoint that is kept outside the database, which may have been restored from a copy
}

func (e *BadRowError) Error() string { return fmt.Sprintf("audit row %d: %s", e.Seq, e.Why) }

// UnsignedError names rows that should have a checkpoint and have none.
type UnsignedError struct {
	From, To int64
	Why      string
}

func (e *UnsignedError) Error() string {
	return fmt.Sprintf("audit rows %d to %d: %s", e.From, e.To, e.Why)
}

// Verify verifies a log without checkpoints; see [Check.Verify].
func Verify(rows iter.Seq2[Row, error]) (Report, error) {
	return Check{}.Verify(Merge(rows, nil))
}

// Check is what a log is verified against.
type Check struct {
	Keys     Verifiers  // with any, all but the newest rows must be signed
	Kept     Checkpoint // the newest checkpoint that is kept outside the database, which the log must have; zero: none
	Contains []Mark     // rows that the log must have
	Part     bool       // the log may begin anywhere: what comes before is not verified
}

// Verify reads a log in segments, oldest first: archives and exports, then the database. It reads each in a
// goroutine of its own, which has ended when Verify returns; some hundreds of rows are in memory at a time.
// Segments may overlap. A log that does not begin with row 1 must have a row that says that the
// rows before were archived, and with which hash. Verify stops with a *BadRowError at the first row that does
// not fit, and ends with an *UnsignedError for rows that were not signed in time; an error of a segment is
// returned as it is. The report covers the rows before the error.
func (c Check) Verify(segments ...Segment) (Report, error) {
	v := newVerifier(c)
	for _, segment := range segments {
		if err := v.segment(segment); err != nil {
			return v.report, err
		}
	}
	return v.report, v.end()
}

type position struct {
	seq            int64
	head, previous string // the row's hash, and that of the row before
}

// verifier is what is known of a log up to some row. A copy is independent, but for wanted and the checkpoints.
type verifier struct {
	checkpointState
	report Report
	part   bool             // as [Check.Part]
	wanted map[int64]string // rows that are still to come, and the hash that they must have

	isStarted        bool
	start            position // before the first row
	isArchiveCovered bool     // a row says that all rows up to start were archived
	tip              position // the last row of all
	inSegment        bool
	segmentStart     int64    // the first row of this segment
	at               position // the last row of this segment: behind tip where segments overlap
}

func newVerifier(c Check) verifier {
	start := position{head: Genesis}
	v := verifier{start: start, tip: start, at: start, report: Report{Head: Genesis}, wanted: map[int64]string{}}
	v.keys, v.kept, v.part = c.Keys, c.Kept, c.Part
	for _, mark := range c.Contains {
		v.wanted[mark.Seq] = mark.Hash
	}
	return v
}

func (v *verifier) segment(segment Segment) error {
	v.inSegment, v.at = false, v.tip
	for entry, err := range precheck(segment, v.keys) {
		if err == nil {
			err = v.entry(entry)
		}
		if err != nil {
			return err
		}
	}
	if v.at.seq < v.tip.seq {
		return &BadRowError{Seq: v.at.seq + 1, Why: "rows are missing: a part of the log ends before it, while another goes on (a needless file can be left out)"}
	}
	return v.checkKeyRow()
}

func (v *verifier) entry(entry *checkedEntry) error {
	if entry.checkpoint != nil {
		return v.checkCheckpoint(entry)
	}
	if err := v.checkKeyRow(); err != nil {
		return err
	}
	return v.row(&entry.Row, entry.hashFits)
}

func (v *verifier) row(row *Row, hashFits bool) error {
	if !v.inSegment {
		v.enterSegment(row)
	}
	if why := v.rowFault(row, hashFits); why != "" {
		return &BadRowError{Seq: row.Seq, Why: why}
	}
	v.at = position{row.Seq, row.Hash, row.Previous}
	if want, named := v.wanted[row.Seq]; named {
		if want != row.Hash {
			return &BadRowError{Seq: row.Seq, Why: "it is not the row that was to be there: that has another hash"}
		}
		delete(v.wanted, row.Seq)
	}
	switch {
	case row.Seq > v.tip.seq:
		v.tip = v.at
		v.report.Rows, v.report.Head = row.Seq, row.Hash
		// Nothing is archived once the log is signed.
		v.isArchiveCovered = v.isArchiveCovered || v.keyRow == 0 && coversArchive(row, v.start)
	case row.Seq == v.tip.seq && row.Hash != v.tip.head:
		return &BadRowError{Seq: row.Seq, Why: "it is there twice, and the two differ: one of them was changed, or the database is another than the files are of"}
	}
	v.observe(row)
	return nil
}

// enterSegment notes the first row of a segment. The first segment may begin anywhere. A later one may begin
// before the tip: then its own chain must lead to the tip, and its rows before start count.
func (v *verifier) enterSegment(row *Row) {
	before := position{seq: row.Seq - 1, head: row.Previous}
	v.inSegment, v.segmentStart = true, row.Seq
	if !v.isStarted && row.Seq > 1 {
		v.start, v.tip = before, before
	}
	if !v.isStarted {
		v.isStarted, v.report.First = true, v.start.seq+1
	}
	v.at = v.tip
	if 0 < before.seq && before.seq < v.tip.seq {
		v.at = before
	}
	if before.seq == 0 {
		v.at = position{head: Genesis}
	}
	if v.at.seq < v.start.seq {
		v.start, v.report.First = v.at, v.at.seq+1
	}
}

// rowFault returns what is wrong with the next row of a segment; "" for nothing.
func (v *verifier) rowFault(row *Row, hashFits bool) (why string) {
	next := v.at.seq + 1
	switch {
	case row.Seq > next:
		return fmt.Sprintf("rows are missing: row %d should come here", next)
	case row.Seq < next:
		return fmt.Sprintf("it is out of order: row %d should come here", next)
	case row.Previous != v.at.head:
		return "it does not follow the row before it: a row was changed, dropped or put in"
	case row.Unused != "":
		return "it has a text in a column that is always empty: it was changed"
	case row.At.Nanosecond()%int(time.Millisecond) != 0:
		return "its time is finer than the log keeps: it was changed"
	case !hashFits:
		return changedRow
	}
	return ""
}

// end checks the log as a whole, after the last segment.
func (v *verifier) end() error {
	if v.start.seq > 0 && !v.isArchiveCovered && !v.part {
		return &BadRowError{Seq: v.start.seq + 1, Why: "rows are missing: row 1 should come here, and no row says that those before were archived"}
	}
	if err := v.checkKept(); err != nil {
		return err
	}
	if want, named := v.wanted[v.start.seq]; named && want == v.start.head {
		delete(v.wanted, v.start.seq)
	}
	for seq := range v.wanted {
		if seq > v.tip.seq {
			return &BadRowError{Seq: v.tip.seq + 1, Why: fmt.Sprintf("rows are missing: the log was to have at least %d", seq)}
		}
		return &BadRowError{Seq: v.start.seq + 1, Why: fmt.Sprintf("row %d was archived, and its file is not here", seq)}
	}
	return v.checkSigned()
}
