package audit

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// A checkpoint is due after so many rows or so long, whichever comes first.
const (
	checkpointRows = 100
	checkpointTime = 10 * time.Minute
)

const (
	timeLayout = "2006-01-02T15:04:05.000Z"
	maxNote    = 4 << 10 // a signed checkpoint has some 250 bytes
)

// Checkpoint says that at that time the log had Seq rows, the last of them with the hash Head.
type Checkpoint struct {
	Seq  int64
	Head string
	At   time.Time // UTC, milliseconds
}

// Note is a signed checkpoint as it is stored. Seq only finds it: Text alone counts.
type Note struct {
	Seq  int64
	Text string
}

// Notary keeps signed checkpoints.
type Notary interface {
	// Notes returns the signed checkpoints that are kept, in the order of their rows.
	Notes(ctx context.Context) ([]Note, error)
}

var errNoCheckpoint = errors.New("this is no checkpoint of an audit log")

// CheckpointAt is the checkpoint of a sealed row.
func CheckpointAt(row Row) Checkpoint {
	return Checkpoint{Seq: row.Seq, Head: row.Hash, At: row.At}
}

// Due reports whether a row that was just appended wants a checkpoint, after the last one
// was at row seq and time at (0: there is none yet). A log that is shorter than its last checkpoint was cut
// off: it gets none, lest the new ones cover that up.
func Due(seq int64, at time.Time, row Row) bool {
	switch {
	case seq == 0:
		return true
	case row.Seq <= seq:
		return false
	}
	// A clock that was set back is no reason to wait until it has caught up.
	return row.Seq-seq >= checkpointRows || row.At.Sub(at).Abs() >= checkpointTime
}

// Sign returns the checkpoint as a signed note. It fails for one that could not be read back.
func (k Key) Sign(c Checkpoint) (Note, error) {
	if k.signer == nil {
		return Note{}, errors.New("there is no key to sign with")
	}
	if _, err := parseCheckpoint(c.text()); err != nil {
		return Note{}, err
	}
	text, err := note.Sign(&note.Note{Text: c.text()}, k.signer)
	if err != nil {
		return Note{}, fmt.Errorf("checkpoint: %w", err)
	}
	return Note{Seq: c.Seq, Text: string(text)}, nil
}

// text is what is signed: what it is, the row, its hash, the time.
func (c Checkpoint) text() string {
	return fmt.Sprintf("%s\n%d\n%s\n%s\n", origin, c.Seq, c.Head, c.At.UTC().Format(timeLayout))
}

// Open checks the signature on a note and returns the checkpoint that it holds.
func (v Verifiers) Open(text string) (Checkpoint, error) {
	if v.known == nil || len(text) > maxNote {
		return Checkpoint{}, errNoCheckpoint
	}
	opened, err := note.Open([]byte(text), v.known)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint: %w", err)
	}
	return parseCheckpoint(opened.Text)
}

// parseCheckpoint takes exactly what text makes: two texts never mean the same checkpoint.
func parseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 5 {
		return Checkpoint{}, errNoCheckpoint
	}
	seq, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return Checkpoint{}, errNoCheckpoint
	}
	at, err := time.Parse(timeLayout, lines[3])
	c := Checkpoint{Seq: seq, Head: lines[2], At: at}
	if err != nil || seq < 1 || !isHash(c.Head) || c.text() != text {
		return Checkpoint{}, errNoCheckpoint
	}
	return c, nil
}

// isHash reports whether s is a SHA-256 in lower-case hex.
func isHash(s string) bool {
	return len(s) == len(Genesis) && strings.Trim(s, "0123456789abcdef") == ""
}
