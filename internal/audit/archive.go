package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
)

// ArchiveOperation is the operation of the row that says that rows were archived.
const ArchiveOperation = "audit.archive"

// Segment is a stretch of a log. It is also the arguments of the row that says that it was
// archived.
type Segment struct {
	From int64  `json:"from"` // number of its first row
	To   int64  `json:"to"`   // number of its last row
	Head string `json:"head"` // hash of its last row
	File string `json:"file"` // where it went: a name, no path
}

// Archiver removes what was archived.
type Archiver interface {
	Store
	Notary
	// Archived removes the rows of a segment and their checkpoints but the last, and appends
	// the row, all or nothing. It fails if the log no longer begins with exactly these rows.
	Archived(ctx context.Context, s Segment, row Row) error
}

// Row is the row that says that the segment was archived. The caller fills in when, by whom
// and where.
func (s Segment) Row() Row {
	arguments, _ := json.Marshal(s) // texts and numbers
	return Row{
		Operation: ArchiveOperation, Target: fmt.Sprintf("audit:%d-%d", s.From, s.To), Arguments: arguments,
		Decision: "allowed", Outcome: "done",
	}
}

// vouches reports whether the row says that all up to begin was archived.
func vouches(row Row, begin place) bool {
	if row.Operation != ArchiveOperation || row.Decision != "allowed" || row.Outcome != "done" {
		return false
	}
	var s Segment
	return json.Unmarshal(row.Arguments, &s) == nil && s.To == begin.seq && s.Head == begin.head
}

// noteLine is a line of an archive that holds a checkpoint.
type noteLine struct {
	Checkpoint string `json:"checkpoint"`
}

// WriteArchive writes the log up to row to, one line of JSON a row or checkpoint, and
// verifies what it writes. What it returns has no File yet. It fails for a log that does not have the row.
func WriteArchive(w io.Writer, known Verifiers, log Part, to int64) (Segment, error) {
	v := newVerifier(known)
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	err := v.part(until(log, to, func(entry Entry) error {
		if entry.Note != "" {
			return lines.Encode(noteLine{entry.Note})
		}
		return lines.Encode(entry.Row)
	}))
	if err != nil {
		return Segment{}, err
	}
	return v.segment(to)
}

// CheckArchive reads an archive back and verifies that it holds the segment, whole and
// alone.
func CheckArchive(r io.Reader, known Verifiers, want Segment) error {
	v := newVerifier(known)
	if err := v.part(ReadArchive(r)); err != nil {
		return err
	}
	got, err := v.segment(want.To)
	if err != nil {
		return err
	}
	if got.From != want.From || got.Head != want.Head {
		return fmt.Errorf("it holds rows %d to %d of another log or another time", got.From, got.To)
	}
	return nil
}

// segment is what was verified, which must end with row to.
func (v *verifier) segment(to int64) (Segment, error) {
	if !v.begun || v.report.Rows != to {
		return Segment{}, fmt.Errorf("the rows end with %d, not with %d", v.report.Rows, to)
	}
	return Segment{From: v.report.First, To: to, Head: v.report.Head}, nil
}

// until hands on the entries up to row to with its checkpoint, each to do first.
func until(log Part, to int64, do func(Entry) error) Part {
	return func(yield func(Entry, error) bool) {
		for entry, err := range log {
			if err == nil && entry.Row.Seq > to {
				return
			}
			if err == nil {
				err = do(entry)
			}
			if !yield(entry, err) || err != nil {
				return
			}
		}
	}
}

// Cut says up to where a log may be archived.
type Cut struct {
	Limit int64  // no row after this one
	Notes []Note // the log's checkpoints; with any, only what ends at one is a whole segment
}

// To is the last row that may be archived, or 0.
func (c Cut) To() int64 {
	if len(c.Notes) == 0 {
		return max(c.Limit, 0)
	}
	to := int64(0)
	for _, note := range c.Notes {
		if note.Seq <= c.Limit {
			to = max(to, note.Seq)
		}
	}
	return to
}

// ArchiveName is the name of a segment's file: such names sort in the order of the rows.
func (s Segment) ArchiveName() string { return fmt.Sprintf("audit-%012d-%012d.jsonl", s.From, s.To) }
