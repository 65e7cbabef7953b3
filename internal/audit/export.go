package audit

import (
	"encoding/json"
	"io"
)

// archiveOperation is the operation of a row that says that those before were archived. None
// is written any more; a log that has one begins where it says.
const archiveOperation = "audit.archive"

// segment is the arguments of such a row.
type segment struct {
	To   int64  `json:"to"`   // number of the last row that was archived
	Head string `json:"head"` // its hash
}

// vouches reports whether the row says that all up to begin was archived.
func vouches(row Row, begin place) bool {
	if row.Operation != archiveOperation || row.Decision != Allowed || row.Outcome != Done {
		return false
	}
	var s segment
	return json.Unmarshal(row.Arguments, &s) == nil && s.To == begin.seq && s.Head == begin.head
}

// noteLine is a line of an export that holds a checkpoint.
type noteLine struct {
	Checkpoint string `json:"checkpoint"`
}

// selectionLine is the first line of an export that has only the rows that match a filter.
type selectionLine struct {
	Selection string `json:"selection"` // which rows, in words
}

// Export writes a log as lines of JSON, a row or a checkpoint each. A selection, which is not
// empty where the log was filtered, comes first: its rows do not follow each other, so each
// is verified by itself.
func Export(w io.Writer, log Part, selection string) error {
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	if selection != "" {
		if err := lines.Encode(selectionLine{selection}); err != nil {
			return err
		}
	}
	for entry, err := range log {
		switch {
		case err != nil:
			return err
		case entry.Note == "":
			err = lines.Encode(entry.Row)
		case selection == "":
			err = lines.Encode(noteLine{entry.Note})
		}
		if err != nil {
			return err
		}
	}
	return nil
}
