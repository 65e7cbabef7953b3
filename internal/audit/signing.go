package audit

import (
	"encoding/json"
	"fmt"
)

// The operations of the rows that the log writes about itself.
const (
	SignOperation   = "audit.sign"   // from this row on a key signs
	LateOperation   = "audit.late"   // the rows before were not signed in time
	AcceptOperation = "audit.accept" // a log that was restored is taken up
)

// writer is the actor of rows that nobody asked for.
const writer = "vpsbot"

// about is the arguments of a row that the log writes about itself.
type about struct {
	Key     string `json:"key,omitempty"`     // which key, as [Key.Name] has it
	From    int64  `json:"from,omitempty"`    // number of the first row that was not signed in time
	To      int64  `json:"to,omitempty"`      // and of the last one
	Mark    string `json:"mark,omitempty"`    // what was accepted
	Instead string `json:"instead,omitempty"` // row and hash of the newest checkpoint that is given up
}

// SignRow is the row from which on a key signs: a log's first key, one that takes another's
// place, and the first one that signs checkpoints of this form. It has no time yet.
func SignRow(key Key) Row {
	row := ownRow(SignOperation, about{Key: key.Name()})
	row.Target = "key:" + key.Name()
	row.Reason = "from this row on this key signs a checkpoint every 100 rows or 10 minutes; no checkpoint of another key or form counts after it"
	return row
}

// LateRow is the row that says that the rows from one to another were not signed in time. It has
// no time yet.
func LateRow(from, to int64) Row {
	row := ownRow(LateOperation, about{From: from, To: to})
	row.Target = fmt.Sprintf("audit:%d-%d", from, to)
	row.Reason = "these rows were written by processes without the key, and are signed only now"
	return row
}

// AcceptRow is the row that takes up a restored log at a row of it, instead of the newest
// checkpoint that is kept outside the database. The caller fills in when, by whom and where.
func AcceptRow(at Mark, instead Checkpoint) Row {
	row := ownRow(AcceptOperation, about{Mark: at.String(), Instead: instead.rowMark().String()})
	row.Actor = ""
	row.Target = fmt.Sprintf("audit:%d", at.Seq)
	row.Reason = fmt.Sprintf("a restored log is taken up; by the checkpoint kept outside the database it had %d rows", instead.Seq)
	return row
}

func ownRow(operation string, what about) Row {
	arguments, _ := json.Marshal(what) // texts and numbers
	return Row{Actor: writer, Operation: operation, Arguments: arguments, Decision: Allowed, Outcome: Done}
}

// GivesUp reports whether the row takes up a restored log, later than a checkpoint was made
// that is not in it any more. It counts only where it was signed as it was written: its
// checkpoint follows it, or the rows that the log writes before a checkpoint.
func (r Row) GivesUp(c Checkpoint) bool {
	return r.Operation == AcceptOperation && r.At.After(c.At)
}

// rowMark names the row of the checkpoint.
func (c Checkpoint) rowMark() Mark { return Mark{Seq: c.Seq, Hash: c.Head} }

// aboutOf is what a row says of the log itself, if it says anything.
func aboutOf(r Row) (what about) {
	switch r.Operation {
	case SignOperation, LateOperation, AcceptOperation:
		if json.Unmarshal(r.Arguments, &what) != nil {
			return about{}
		}
	}
	return what
}
