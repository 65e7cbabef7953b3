package audit

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// checkpointState is what is known of a log's checkpoints up to some row.
type checkpointState struct {
	keys      Verifiers
	kept      Checkpoint // the newest one that is kept outside the database; zero: none
	keptFound bool       // the log has it

	checkpoints  []knownCheckpoint // in the order of their rows
	firstChained int64             // row of the first chained one; 0: there is none yet
	unanchored   bool              // the predecessor of the first chained one is not known
	newest       Checkpoint
	overdue      int64 // the first row after the newest one that should have had one; 0: none

	lastRow       int64
	lastArguments ownArguments // of the last row, if the log wrote it about itself
	keyRow        int64        // the last row from which on a key signs; 0: none
	pendingAccept Row          // a row that accepts a restored log, without its own checkpoint so far
	accepted      Row          // the last one with its own checkpoint
}

type knownCheckpoint struct {
	Mark
	key string // which signed it; empty: it is of the first form, which is not chained
}

func (v *verifier) observe(row *Row) {
	v.lastRow, v.lastArguments = row.Seq, ownArgumentsOf(row)
	// A row that accepts a restored log is signed as it is written: before its checkpoint come at most the rows
	// that the log writes about itself. One that somebody without the key put in would get its checkpoint only
	// with a later row, and does not count.
	switch row.Operation {
	case SignOperation:
		v.keyRow = row.Seq
	case AcceptOperation:
		v.pendingAccept = *row
	case LateOperation:
	default:
		v.pendingAccept = Row{}
	}
	if v.overdue == 0 && v.newest.Seq > 0 && row.Seq > v.newest.Seq && row.At.Sub(v.newest.At).Abs() > checkpointTime {
		v.overdue = row.Seq
	}
}

// checkKeyRow fails if a key begins to sign at the last row, and that row has no checkpoint.
func (v *verifier) checkKeyRow() error {
	if !v.keys.Any() || v.keyRow == 0 || v.keyRow != v.lastRow {
		return nil
	}
	if i, found := v.find(v.keyRow); found && v.checkpoints[i].key != "" {
		return nil
	}
	return &BadRowError{Seq: v.keyRow, Why: "a key begins to sign here, and the checkpoint of this row is missing: it was removed"}
}

func (v *verifier) find(seq int64) (i int, found bool) {
	return slices.BinarySearchFunc(v.checkpoints, seq, func(m knownCheckpoint, seq int64) int { return cmp.Compare(m.Seq, seq) })
}

// checkCheckpoint checks the signature of a checkpoint, the row that it is stored for, and its place in the
// chain of checkpoints.
func (v *verifier) checkCheckpoint(entry *checkedEntry) error {
	c, row := *entry.checkpoint, entry.CheckpointRow
	if c.Seq > 0 && v.kept.Seq > 0 && c.Mark() == v.kept.Mark() {
		v.keptFound = v.keptFound || v.checkPosition(c) == nil
	}
	switch {
	case !v.keys.Any():
		v.report.Unchecked++
		return nil
	case entry.signature != nil:
		return &BadRowError{Seq: max(v.at.seq, 1), Why: "its checkpoint is not signed by the key: it was changed, or signed by another (--key may be given for each)"}
	case row != 0 && row != c.Seq:
		return &BadRowError{Seq: min(row, max(v.at.seq, 1)), Why: fmt.Sprintf("the checkpoint that is kept for row %d is that of row %d: it was moved", row, c.Seq)}
	}
	if bad := v.checkPosition(c); bad != nil {
		return bad
	}
	_, isKnown := v.find(c.Seq)
	if bad := v.addToChain(c); bad != nil {
		return bad
	}
	if !isKnown { // segments may overlap
		v.report.Checkpoints++
	}
	if c.Seq > v.report.Signed {
		v.report.Signed, v.report.SignedAt = c.Seq, c.At
		v.newest, v.overdue = c, 0
	}
	if v.pendingAccept.Seq > 0 && !c.Old && c.Seq == v.lastRow {
		v.accepted, v.pendingAccept = v.pendingAccept, Row{}
	}
	return nil
}

// checkPosition fails for a checkpoint that is not that of the last row or, where a segment begins with the
// last row, of the row before.
func (v *verifier) checkPosition(c Checkpoint) error {
	signed := fmt.Sprintf("the checkpoint signed on %s", c.At.Format(time.RFC3339))
	switch {
	case c.Seq > v.at.seq:
		return &BadRowError{Seq: v.at.seq + 1, Why: fmt.Sprintf("rows are missing: by %s the log had %d", signed, c.Seq)}
	case c.Seq < v.at.seq-1, c.Seq < v.at.seq && v.at.seq != v.segmentStart:
		return &BadRowError{Seq: v.at.seq, Why: fmt.Sprintf("%s, of row %d, is not in its place: it was put here", signed, c.Seq)}
	case c.Seq == v.at.seq && c.Head != v.at.head, c.Seq < v.at.seq && c.Head != v.at.previous:
		return &BadRowError{Seq: c.Seq, Why: "it is not the row that " + signed + " saw: it was changed, with all that follow or come before"}
	}
	return nil
}

// addToChain adds a checkpoint to the chain. Those of the first form, which are not chained, count up to the
// first chained one alone.
func (v *verifier) addToChain(c Checkpoint) error {
	now := knownCheckpoint{Mark: c.Mark(), key: c.Key}
	i, there := v.find(c.Seq)
	switch {
	case c.Old && v.firstChained > 0 && c.Seq > v.firstChained:
		return &BadRowError{Seq: c.Seq, Why: fmt.Sprintf("its checkpoint is of a form that does not count after row %d: it was put in", v.firstChained)}
	case c.Old:
		now.key = ""
	default:
		if bad := v.checkPredecessor(c, i); bad != nil {
			return bad
		}
		if v.firstChained == 0 {
			v.firstChained = c.Seq
		}
	}
	switch {
	case !there:
		v.checkpoints = slices.Insert(v.checkpoints, i, now)
	case v.checkpoints[i] != now:
		return &BadRowError{Seq: c.Seq, Why: "it has two checkpoints that differ: one of them was put in"}
	}
	return nil
}

// checkPredecessor fails unless a chained checkpoint, the i-th, follows the one before it: the chain has no gap,
// a row says that its key begins, and no rows before it went unsigned without a row that says so.
func (v *verifier) checkPredecessor(c Checkpoint, i int) error {
	before := knownCheckpoint{Mark: Mark{Hash: Genesis}}
	switch {
	case i > 0:
		before = v.checkpoints[i-1]
	case v.start.seq > 0:
		v.unanchored = v.keyRow != c.Seq // a later segment may have the checkpoint that it follows
		return nil
	}
	here := v.lastRow == c.Seq
	switch {
	case c.Before != before.Mark:
		return &BadRowError{Seq: before.Seq + 1, Why: fmt.Sprintf("checkpoints are missing: the one of row %d follows one of row %d, and here the one before is of row %d", c.Seq, c.Before.Seq, before.Seq)}
	case c.Key != before.key:
		if here && v.keyRow == c.Seq && v.lastArguments.Key == c.Key {
			return nil
		}
		return &BadRowError{Seq: c.Seq, Why: "its checkpoint is the first of its key here, and no row says that the key begins: checkpoints before it were removed, or it was put in"}
	}
	if here && v.lastArguments.From == before.Seq+1 {
		if i == len(v.checkpoints) {
			v.report.Late++
		}
		return nil
	}
	if c.Seq-before.Seq-1 > checkpointRows {
		return &BadRowError{Seq: before.Seq + 1, Why: fmt.Sprintf("rows %d to %d have no checkpoint, and no row says why", before.Seq+1, c.Seq-1)}
	}
	return nil
}

// checkKept fails unless the log has the checkpoint that is kept outside the database, or accepts its loss.
func (v *verifier) checkKept() error {
	bad := BadRowError{Seq: v.kept.Seq, Outside: true}
	kept := fmt.Sprintf("the checkpoint of row %d, signed on %s, is kept outside the database", v.kept.Seq, v.kept.At.Format(time.RFC3339))
	switch {
	case v.kept.Seq == 0, v.keptFound, v.accepted.Replaces(v.kept):
		return nil
	case v.kept.Seq > v.tip.seq:
		bad.Seq, bad.Why = v.tip.seq+1, "rows are missing: "+kept
	default:
		bad.Why = kept + " and not in it: the log was changed, or put back to an earlier state"
	}
	return &bad
}

// checkSigned fails, if there is a key, for rows at the end that should have been signed.
func (v *verifier) checkSigned() error {
	if !v.keys.Any() {
		return nil
	}
	bad := UnsignedError{From: v.start.seq + 1, To: v.tip.seq}
	if len(v.checkpoints) == 0 {
		bad.Why = "there is a key, and the log has no checkpoint: nothing was written with the key yet, or the checkpoints were removed"
		return &bad
	}
	if v.start.seq > 0 && v.unanchored && !v.part {
		return &BadRowError{Seq: v.firstChained, Why: "its checkpoint is the first one here, and no row says that the key begins: checkpoints before it were removed"}
	}
	bad.From = v.newest.Seq + 1
	if v.overdue == 0 && v.tip.seq-v.newest.Seq <= checkpointRows {
		return nil
	}
	bad.Why = "they are not signed: processes without the key wrote them, or checkpoints were removed. The next process with the key signs them, and says so in a row"
	return &bad
}
