package audit

import (
	"fmt"
	"iter"
	"time"
)

// Report is what a verified log amounts to. Rows cut off at the end leave no trace in the
// log itself: compare Head with one that was noted earlier.
type Report struct {
	Rows int64  `json:"rows"`
	Head string `json:"head"` // hash of the last row; Genesis for an empty log
}

// BadRow says which row is the first that does not fit the chain, and why.
type BadRow struct {
	Seq int64
	Why string
}

func (e *BadRow) Error() string { return fmt.Sprintf("audit row %d: %s", e.Seq, e.Why) }

// Verify reads a whole log from its first row and holds one row at a time. At the first row
// that does not fit it stops with a *BadRow; an error of rows itself is returned as it
// came. The report covers the rows before the error.
func Verify(rows iter.Seq2[Row, error]) (Report, error) {
	report := Report{Head: Genesis}
	var buffer []byte
	for row, err := range rows {
		if err != nil {
			return report, err
		}
		var why string
		if why, buffer = mismatch(report, row, buffer); why != "" {
			return report, &BadRow{Seq: row.Seq, Why: why}
		}
		report = Report{Rows: row.Seq, Head: row.Hash}
	}
	return report, nil
}

// mismatch says what is wrong with the row that comes after the verified ones.
func mismatch(before Report, row Row, buffer []byte) (string, []byte) {
	next := before.Rows + 1
	switch {
	case row.Seq > next:
		return fmt.Sprintf("rows are missing: row %d should come here", next), buffer
	case row.Seq < next:
		return fmt.Sprintf("it is out of order: row %d should come here", next), buffer
	case row.Previous != before.Head:
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
