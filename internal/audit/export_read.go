package audit

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
)

// maxLine bounds a line of an export: what is longer was not written by [Export], whose rows
// hold a request's arguments at most.
const maxLine = 16 << 20

// errLine says that a line cannot have been written by Export.
var errLine = errors.New("it is neither a row nor a checkpoint: the file was changed or cut off")

// line is a line of an export: a row, or a checkpoint alone, or in the first line a selection.
type line struct {
	Row        `json:",inline"`
	Checkpoint string `json:"checkpoint"`
	Selection  string `json:"selection"`
}

// ReadExport reads what [Export] wrote, and the archives of before, which are alike. It
// verifies nothing; the error of a malformed line says which one it is.
func ReadExport(r io.Reader) Part {
	return func(yield func(Entry, error) bool) {
		lines := bufio.NewReaderSize(r, 64<<10)
		for n := 1; ; n++ {
			text, err := readLine(lines)
			if errors.Is(err, io.EOF) {
				return
			}
			entry := Entry{}
			if err == nil {
				entry, err = parseLine(text)
			}
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
	}
}

// readLine returns a line without its end, or io.EOF. A last line that does not end was
// cut off.
func readLine(r *bufio.Reader) ([]byte, error) {
	var text []byte
	for {
		piece, err := r.ReadSlice('\n')
		text = append(text, piece...)
		switch {
		case len(text) > maxLine:
			return nil, errLine
		case err == nil:
			return bytes.TrimSuffix(text, []byte("\n")), nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(text) > 0:
			return nil, errLine
		default:
			return nil, err
		}
	}
}

// parseLine refuses what two readers could read in two ways: unknown, doubled and
// differently spelt names, and a row with a checkpoint in it.
func parseLine(text []byte) (Entry, error) {
	var l line
	if err := json.Unmarshal(text, &l, json.RejectUnknownMembers(true)); err != nil {
		return Entry{}, errLine
	}
	row := l.Seq != 0
	if other := l.Hash != ""; row != other {
		return Entry{}, errLine
	}
	switch {
	case row && l.Checkpoint == "" && l.Selection == "":
		return Entry{Row: l.Row}, nil
	case !row && l.Checkpoint != "" && l.Selection == "":
		return Entry{Note: l.Checkpoint}, nil
	case !row && l.Checkpoint == "" && l.Selection != "":
		return Entry{Selection: l.Selection}, nil
	}
	return Entry{}, errLine
}
