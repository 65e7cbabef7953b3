package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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
	maxNote    = 4 << 10 // a signed checkpoint has some 350 bytes

	// form is the first line of a checkpoint. The first version had origin alone there, and
	// nothing of the checkpoint before: neither text can be read as the other.
	form = origin + " 2"
)

// Mark names one row or one checkpoint: its number and its hash.
type Mark struct {
	Seq  int64
	Hash string
}

// Checkpoint says that at that time the log had Seq rows, the last of them with the hash Head,
// and which checkpoint came before: together they are a chain, from which none can be taken.
type Checkpoint struct {
	Seq    int64
	Head   string
	At     time.Time // UTC, milliseconds
	Before Mark      // the checkpoint before; the first one has 0 and [Genesis]
	Old    bool      // of the first form, which has no Before
	Key    string    // which key signed it, if it was opened by [Verifiers.Open]; no part of the text
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

// ErrNoCheckpoint says that a text is not what a checkpoint is.
var ErrNoCheckpoint = errors.New("this is no checkpoint of an audit log")

// CheckpointAt is the checkpoint of a sealed row, after another one. The first one follows none:
// its before is the zero Mark.
func CheckpointAt(row Row, before Mark) Checkpoint {
	if before == (Mark{}) {
		before.Hash = Genesis
	}
	return Checkpoint{Seq: row.Seq, Head: row.Hash, At: row.At, Before: before}
}

// Mark names the checkpoint: by the hash of what is signed, for a signature can be written in
// several ways.
func (c Checkpoint) Mark() Mark {
	sum := sha256.Sum256([]byte(c.text()))
	return Mark{Seq: c.Seq, Hash: hex.EncodeToString(sum[:])}
}

// Due reports whether a row that was just appended wants a checkpoint, after the last one
// was at row seq and time at (0: there is none yet).
func Due(seq int64, at time.Time, row Row) bool {
	// A clock that was set back is no reason to wait until it has caught up.
	return seq == 0 || row.Seq-seq >= checkpointRows || row.At.Sub(at).Abs() >= checkpointTime
}

// InTime are the limits within which rows may be unsigned, after a checkpoint at that row and
// time: at most so many, none of them earlier or later.
func (c Checkpoint) InTime() (rows int64, earliest, latest time.Time) {
	return checkpointRows, c.At.Add(-checkpointTime), c.At.Add(checkpointTime)
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

// text is what is signed: what it is, the row, its hash, the time, and which one came before.
func (c Checkpoint) text() string {
	at := c.At.UTC().Format(timeLayout)
	if c.Old {
		return fmt.Sprintf("%s\n%d\n%s\n%s\n", origin, c.Seq, c.Head, at)
	}
	return fmt.Sprintf("%s\n%d\n%s\n%s\n%d\n%s\n", form, c.Seq, c.Head, at, c.Before.Seq, c.Before.Hash)
}

// Open checks the signature on a note and returns the checkpoint that it holds.
func (v Verifiers) Open(text string) (Checkpoint, error) {
	if v.known == nil || len(text) > maxNote {
		return Checkpoint{}, ErrNoCheckpoint
	}
	opened, err := note.Open([]byte(text), v.known)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint: %w", err)
	}
	c, err := parseCheckpoint(opened.Text)
	c.Key = keyName(opened.Sigs[0].Hash)
	return c, err
}

// ReadNote returns the checkpoint that a note holds, whoever signed it.
func ReadNote(text string) (Checkpoint, error) {
	signed, _, found := strings.Cut(text, "\n\n")
	if !found || len(text) > maxNote {
		return Checkpoint{}, ErrNoCheckpoint
	}
	return parseCheckpoint(signed + "\n")
}

// parseCheckpoint takes exactly what text makes: two texts never mean the same checkpoint.
func parseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	old := len(lines) == 5 && lines[0] == origin
	if !old && (len(lines) != 7 || lines[0] != form) {
		return Checkpoint{}, ErrNoCheckpoint
	}
	seq, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || seq < 1 || !isHash(lines[2]) {
		return Checkpoint{}, ErrNoCheckpoint
	}
	at, err := time.Parse(timeLayout, lines[3])
	if err != nil {
		return Checkpoint{}, ErrNoCheckpoint
	}
	c := Checkpoint{Seq: seq, Head: lines[2], At: at, Old: old}
	if !old {
		c.Before.Hash = lines[5]
		c.Before.Seq, err = strconv.ParseInt(lines[4], 10, 64)
	}
	if err != nil || !c.Old && !follows(c.Before, seq) || c.text() != text {
		return Checkpoint{}, ErrNoCheckpoint
	}
	return c, nil
}

// follows reports whether a checkpoint of row seq can come after that one.
func follows(before Mark, seq int64) bool {
	return before.Seq >= 0 && before.Seq < seq && isHash(before.Hash) && (before.Seq == 0) == (before.Hash == Genesis)
}

// ParseMark reads what [Mark.String] writes, from outside.
func ParseMark(text string) (Mark, error) {
	number, hash, _ := strings.Cut(strings.TrimSpace(text), ":")
	seq, err := strconv.ParseInt(number, 10, 64)
	if err != nil || seq < 1 || !isHash(hash) {
		return Mark{}, errors.New("write the number of a row, a colon, and its hash, 64 letters of hex: 7:0a1b…")
	}
	return Mark{Seq: seq, Hash: hash}, nil
}

// String is SEQ:HASH.
func (m Mark) String() string { return fmt.Sprintf("%d:%s", m.Seq, m.Hash) }

// isHash reports whether s is a SHA-256 in lower-case hex.
func isHash(s string) bool {
	return len(s) == len(Genesis) && strings.Trim(s, "0123456789abcdef") == ""
}
