package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	jsonv2 "github.com/go-json-experiment/json"
)

// Entry is one of a row, a signed checkpoint after its row, and a selection.
type Entry struct {
	Row           Row
	Checkpoint    string // a signed checkpoint
	CheckpointRow int64  // the row that it is stored for; 0: not given
	Selection     string // first entry of a segment whose rows do not follow each other: which rows alone follow
}

// Segment is a part of the log, in order. After an error nothing more comes.
type Segment = iter.Seq2[Entry, error]

// Merge puts each checkpoint after its row. Checkpoints of rows long before the first one are left out; those
// of rows that do not exist come last, where [Check.Verify] finds them.
func Merge(rows iter.Seq2[Row, error], checkpoints []SignedCheckpoint) Segment {
	return func(yield func(Entry, error) bool) {
		checkpoints := checkpoints
		for row, err := range rows {
			if !yield(Entry{Row: row}, err) || err != nil {
				return
			}
			for len(checkpoints) > 0 && checkpoints[0].Seq <= row.Seq {
				// The checkpoint of the row before the first one says what the first row follows.
				if checkpoints[0].Seq >= row.Seq-1 && !yield(Entry{Checkpoint: checkpoints[0].Text, CheckpointRow: checkpoints[0].Seq}, nil) {
					return
				}
				checkpoints = checkpoints[1:]
			}
		}
		for _, c := range checkpoints {
			if !yield(Entry{Checkpoint: c.Text, CheckpointRow: c.Seq}, nil) {
				return
			}
		}
	}
}

// archiveOperation is the operation of a row that says that the rows before were archived. Earlier versions
// wrote such rows; a log that has one begins after the archive.
const archiveOperation = "audit.archive"

type archivedArguments struct {
	To   int64  `json:"to"`   // number of the last row that was archived
	Head string `json:"head"` // its hash
}

func coversArchive(row *Row, start position) bool {
	if row.Operation != archiveOperation || row.Decision != Allowed || row.Outcome != Done {
		return false
	}
	var s archivedArguments
	return json.Unmarshal(row.Arguments, &s) == nil && s.To == start.seq && s.Head == start.head
}

// Export writes a log as lines of JSON, each a row or a checkpoint. For a filtered log, selection says in words
// which rows it has, and is the first line: those rows do not follow each other, so that each is verified by
// itself.
func Export(w io.Writer, log Segment, selection string) error {
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	if selection != "" {
		if err := lines.Encode(map[string]string{"selection": selection}); err != nil {
			return err
		}
	}
	for entry, err := range log {
		switch {
		case err != nil:
			return err
		case entry.Checkpoint == "":
			err = lines.Encode(entry.Row)
		case selection == "":
			err = lines.Encode(map[string]string{"checkpoint": entry.Checkpoint})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// maxLine bounds a line of an export: the largest row that [Export] writes has the arguments of one request.
const maxLine = 16 << 20

// errLine is for a line that Export cannot have written.
var errLine = errors.New("it is neither a row nor a checkpoint: the file was changed or cut off")

// line is a line of an export: a row, a checkpoint, or in the first line a selection.
type line struct {
	*Row       `json:",inline"` // nil: the line has no member of a row
	Checkpoint string           `json:"checkpoint"`
	Selection  string           `json:"selection"`
}

// ReadExport reads the lines of [Export], and the archives of earlier versions, which have the same form. It
// verifies nothing; the error of a malformed line has its number.
func ReadExport(r io.Reader) Segment {
	return func(yield func(Entry, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, maxLine)
		lines.Split(splitLine)
		n := 1
		for ; lines.Scan(); n++ {
			entry, err := parseLine(lines.Bytes())
			if entry.Selection != "" && n > 1 {
				err = errLine
			}
			if err != nil {
				yield(Entry{}, fmt.Errorf("line %d: %w", n, err))
				return
			}
			if !yield(entry, nil) {
				return
			}
		}
		err := lines.Err()
		if errors.Is(err, bufio.ErrTooLong) {
			err = errLine
		}
		if err != nil {
			yield(Entry{}, fmt.Errorf("line %d: %w", n, err))
		}
	}
}

// splitLine is a [bufio.SplitFunc] that returns a line without its end. A last line without an end was cut off.
func splitLine(text []byte, atEOF bool) (read int, line []byte, err error) {
	if end := bytes.IndexByte(text, '\n'); end >= 0 {
		return end + 1, text[:end], nil
	}
	if atEOF && len(text) > 0 {
		return 0, nil, errLine
	}
	return 0, nil, nil
}

// parseLine refuses a line that two programs could read differently: with unknown, doubled or differently
// spelt names, or with a row and a checkpoint in one.
func parseLine(text []byte) (Entry, error) {
	var l line
	err := jsonv2.Unmarshal(text, &l, jsonv2.RejectUnknownMembers(true))
	isRow := l.Row != nil
	switch {
	case err != nil, isRow && (l.Seq == 0 || l.Hash == ""):
	case isRow && l.Checkpoint == "" && l.Selection == "":
		l.At = l.At.UTC() // a file may spell it otherwise
		return Entry{Row: *l.Row}, nil
	case !isRow && l.Checkpoint != "" && l.Selection == "":
		return Entry{Checkpoint: l.Checkpoint}, nil
	case !isRow && l.Checkpoint == "" && l.Selection != "":
		return Entry{Selection: l.Selection}, nil
	}
	return Entry{}, errLine
}
