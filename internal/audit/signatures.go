package audit

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// signatures is what is known of a log's checkpoints up to some row.
type signatures struct {
	known Verifiers
	kept  Checkpoint
	found bool // kept is there

	seen   []sighted // the checkpoints, in the order of their rows
	first  int64     // row of the first one of this form; 0: there is none yet
	loose  bool      // nothing is known of what that one follows
	newest Checkpoint
	late   int64 // the first row after the newest one that should have had one; 0: none

	last  int64 // the last row
	about about // what it says of the log itself
	signs int64 // the last row that says that a key begins to sign; 0: none
	takes Row   // a row that takes up a restored log, and may get its own checkpoint yet
	taken Row   // the last one that got it
}

// sighted is a checkpoint that was seen.
type sighted struct {
	Mark
	key string // which signed it; empty: it is of the first form
}

// signed takes a row.
func (s *signatures) signed(row Row) {
	s.last, s.about = row.Seq, aboutOf(row)
	switch row.Operation {
	case SignOperation:
		s.signs = row.Seq
	}
	s.takes = takesUp(s.takes, row)
	if s.late == 0 && s.newest.Seq > 0 && row.Seq > s.newest.Seq && row.At.Sub(s.newest.At).Abs() > checkpointTime {
		s.late = row.Seq
	}
}

// beginning fails if a row says that a key begins to sign there, and it has no checkpoint.
func (v *verifier) beginning() error {
	if !v.known.Any() || v.signs == 0 || v.signs != v.last || v.has(v.signs) {
		return nil
	}
	return &BadRow{Seq: v.signs, Why: "a key begins to sign here, and the checkpoint of this row is missing: it was removed"}
}

// has reports whether a row has a checkpoint of this form.
func (s *signatures) has(seq int64) bool {
	i, there := s.find(seq)
	return there && s.seen[i].key != ""
}

func (s *signatures) find(seq int64) (i int, there bool) {
	return slices.BinarySearchFunc(s.seen, seq, func(m sighted, seq int64) int { return cmp.Compare(m.Seq, seq) })
}

// note compares a checkpoint with the row before it or, where a part begins with a later row,
// with the one before that, and with the checkpoint before.
func (v *verifier) note(text string, of int64) error {
	if c, err := ReadNote(text); err == nil && v.kept.Seq > 0 && c.Mark() == v.kept.Mark() {
		v.found = v.found || v.against(c) == nil
	}
	if !v.known.Any() {
		v.report.Unchecked++
		return nil
	}
	c, err := v.known.Open(text)
	if err != nil {
		return &BadRow{Seq: max(v.at.seq, 1), Why: "its checkpoint is not signed by the key: it was changed, or signed by another (--key may be given for each)"}
	}
	if of != 0 && of != c.Seq {
		return &BadRow{Seq: min(of, max(v.at.seq, 1)), Why: fmt.Sprintf("the checkpoint that is kept for row %d is that of row %d: it was moved", of, c.Seq)}
	}
	if bad := v.against(c); bad != nil {
		return bad
	}
	_, again := v.find(c.Seq)
	if bad := v.inChain(c); bad != nil {
		return bad
	}
	if !again { // parts may overlap
		v.report.Checkpoints++
	}
	if c.Seq > v.report.Signed {
		v.report.Signed, v.report.SignedAt = c.Seq, c.At
		v.newest, v.late = c, 0
	}
	if v.takes.Seq > 0 && !c.Old && c.Seq == v.last {
		v.taken, v.takes = v.takes, Row{}
	}
	return nil
}

// takesUp is the row that takes up a restored log after one row more. It is signed as it is written:
// before its checkpoint come at most the rows that the log writes about itself then. One that
// somebody put in, who cannot sign, gets its checkpoint only with a later row, and counts for nothing.
func takesUp(before, row Row) Row {
	switch {
	case row.Operation == AcceptOperation:
		return row
	case row.Operation == LateOperation, row.Operation == SignOperation:
		return before
	}
	return Row{}
}

func (v *verifier) against(c Checkpoint) error {
	signed := fmt.Sprintf("the checkpoint signed on %s", c.At.Format(time.RFC3339))
	switch {
	case c.Seq > v.at.seq:
		return &BadRow{Seq: v.at.seq + 1, Why: fmt.Sprintf("rows are missing: by %s the log had %d", signed, c.Seq)}
	case c.Seq < v.at.seq-1, c.Seq < v.at.seq && v.at.seq != v.opens:
		return &BadRow{Seq: v.at.seq, Why: fmt.Sprintf("%s, of row %d, is not in its place: it was put here", signed, c.Seq)}
	case c.Seq == v.at.seq && c.Head != v.at.head, c.Seq < v.at.seq && c.Head != v.at.previous:
		return &BadRow{Seq: c.Seq, Why: "it is not the row that " + signed + " saw: it was changed, with all that follow or come before"}
	}
	return nil
}

// inChain puts a checkpoint into the chain. Those of the first form, which are no chain, count up
// to the first one of this form alone.
func (v *verifier) inChain(c Checkpoint) error {
	now := sighted{Mark: c.Mark(), key: c.Key}
	i, there := v.find(c.Seq)
	switch {
	case c.Old && v.first > 0 && c.Seq > v.first:
		return &BadRow{Seq: c.Seq, Why: fmt.Sprintf("its checkpoint is of a form that does not count after row %d: it was put in", v.first)}
	case c.Old:
		now.key = ""
	default:
		if bad := v.after(c, i); bad != nil {
			return bad
		}
		if v.first == 0 {
			v.first = c.Seq
		}
	}
	switch {
	case !there:
		v.seen = slices.Insert(v.seen, i, now)
	case v.seen[i] != now:
		return &BadRow{Seq: c.Seq, Why: "it has two checkpoints that differ: one of them was put in"}
	}
	return nil
}

// after fails unless a checkpoint of this form comes after those before the i-th: the chain has no
// gap, its key has begun, and no stretch before it went unsigned without a row that says so.
func (v *verifier) after(c Checkpoint, i int) error {
	before := sighted{Mark: Mark{Hash: Genesis}}
	switch {
	case i > 0:
		before = v.seen[i-1]
	case v.begin.seq > 0:
		v.loose = v.signs != c.Seq // a part that comes later may have what it follows
		return nil
	}
	here := v.last == c.Seq
	switch {
	case c.Before != before.Mark:
		return &BadRow{Seq: before.Seq + 1, Why: fmt.Sprintf("checkpoints are missing: the one of row %d follows one of row %d, and here the one before is of row %d", c.Seq, c.Before.Seq, before.Seq)}
	case c.Key != before.key:
		if here && v.signs == c.Seq && v.about.Key == c.Key {
			return nil
		}
		return &BadRow{Seq: c.Seq, Why: "its checkpoint is the first of its key here, and no row says that the key begins: checkpoints before it were removed, or it was put in"}
	}
	if here && v.about.From == before.Seq+1 {
		if i == len(v.seen) {
			v.report.Late++
		}
		return nil
	}
	if rows, _, _ := c.InTime(); c.Seq-before.Seq-1 > rows {
		return &BadRow{Seq: before.Seq + 1, Why: fmt.Sprintf("rows %d to %d have no checkpoint, and no row says why", before.Seq+1, c.Seq-1)}
	}
	return nil
}

// outside holds the log to the checkpoint that is kept outside the database.
func (v *verifier) outside() error {
	bad := BadRow{Seq: v.kept.Seq, Outside: true}
	kept := fmt.Sprintf("the checkpoint of row %d, signed on %s, is kept outside the database", v.kept.Seq, v.kept.At.Format(time.RFC3339))
	switch {
	case v.kept.Seq == 0, v.found, v.taken.GivesUp(v.kept):
		return nil
	case v.kept.Seq > v.tip.seq:
		bad.Seq, bad.Why = v.tip.seq+1, "rows are missing: "+kept
	default:
		bad.Why = kept + " and not in it: the log was changed, or put back to an earlier state"
	}
	return &bad
}

// unsigned fails for rows at the end that should have been signed, if there is a key.
func (v *verifier) unsigned() error {
	if !v.known.Any() {
		return nil
	}
	bad := Unsigned{From: v.begin.seq + 1, To: v.tip.seq}
	if len(v.seen) == 0 {
		bad.Why = "there is a key, and the log has no checkpoint: nothing was written with the key yet, or the checkpoints were removed"
		return &bad
	}
	if v.begin.seq > 0 && v.loose {
		return &BadRow{Seq: v.first, Why: "its checkpoint is the first one here, and no row says that the key begins: checkpoints before it were removed"}
	}
	bad.From = v.newest.Seq + 1
	if rows, _, _ := v.newest.InTime(); v.late == 0 && v.tip.seq-v.newest.Seq <= rows {
		return nil
	}
	bad.Why = "they are not signed: processes without the key wrote them, or checkpoints were removed. The next process with the key signs them, and says so in a row"
	return &bad
}
