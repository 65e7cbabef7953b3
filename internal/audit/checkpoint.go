package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/vpsbot/vpsbot/internal/text"
)

// A checkpoint is due after so many rows or so much time.
const (
	checkpointRows = 100
	checkpointTime = 10 * time.Minute
)

const (
	timeLayout    = "2006-01-02T15:04:05.000Z"
	maxCheckpoint = 4 << 10 // a signed checkpoint has some 350 bytes

	// form is the first line of a chained checkpoint. The first version of a checkpoint had origin alone there,
	// and named no predecessor: neither text can be read as the other.
	form = origin + " 2"
)

// Mark names one row or one checkpoint, by number and hash.
type Mark struct {
	Seq  int64
	Hash string
}

// Checkpoint states that at a time the log had Seq rows, the last one with the hash Head. Each names the
// checkpoint before it: they are a chain, from which none can be removed.
type Checkpoint struct {
	Seq    int64
	Head   string
	At     time.Time // UTC, milliseconds
	Before Mark      // the checkpoint before; of the first one 0 and [Genesis]
	Old    bool      // of the first version, which has no Before
	Key    string    // name of the key that signed it; set by [Verifiers.Open], no part of the text
}

// SignedCheckpoint is a checkpoint as it is stored: a signed note. Seq is an index; Text alone is verified.
type SignedCheckpoint struct {
	Seq  int64
	Text string
}

// ErrNoCheckpoint is for a text that is no checkpoint.
var ErrNoCheckpoint = errors.New("this is no checkpoint of an audit log")

// CheckpointAt returns the checkpoint of a sealed row. before is the checkpoint before it, zero for the first.
func CheckpointAt(row Row, before Mark) Checkpoint {
	if before == (Mark{}) {
		before.Hash = Genesis
	}
	return Checkpoint{Seq: row.Seq, Head: row.Hash, At: row.At, Before: before}
}

// Mark returns the checkpoint's name: its hash is over the signed text alone, since a signature has several
// spellings.
func (c Checkpoint) Mark() Mark {
	sum := sha256.Sum256([]byte(c.text()))
	return Mark{Seq: c.Seq, Hash: hex.EncodeToString(sum[:])}
}

// Due reports whether a row that was just appended needs a checkpoint; the last one is of row seq (0: there is
// none) and time at.
func Due(seq int64, at time.Time, row Row) bool {
	// Abs: a clock that was set back must not delay the next checkpoint.
	return seq == 0 || row.Seq-seq >= checkpointRows || row.At.Sub(at).Abs() >= checkpointTime
}

// InTime returns the limits within which rows after the checkpoint may be unsigned: at most so many, none
// of them earlier or later.
func (c Checkpoint) InTime() (rows int64, earliest, latest time.Time) {
	return checkpointRows, c.At.Add(-checkpointTime), c.At.Add(checkpointTime)
}

// Sign signs the checkpoint. It fails for one that could not be read back.
func (k Key) Sign(c Checkpoint) (SignedCheckpoint, error) {
	if k.signer == nil {
		return SignedCheckpoint{}, errors.New("there is no key to sign with")
	}
	if _, err := parseCheckpoint(c.text()); err != nil {
		return SignedCheckpoint{}, err
	}
	text, err := note.Sign(&note.Note{Text: c.text()}, k.signer)
	if err != nil {
		return SignedCheckpoint{}, fmt.Errorf("checkpoint: %w", err)
	}
	return SignedCheckpoint{Seq: c.Seq, Text: string(text)}, nil
}

// text returns the signed text: form, row, its hash, the time, and the checkpoint before.
func (c Checkpoint) text() string {
	at := c.At.UTC().Format(timeLayout)
	if c.Old {
		return fmt.Sprintf("%s\n%d\n%s\n%s\n", origin, c.Seq, c.Head, at)
	}
	return fmt.Sprintf("%s\n%d\n%s\n%s\n%d\n%s\n", form, c.Seq, c.Head, at, c.Before.Seq, c.Before.Hash)
}

// Open checks the signature on a checkpoint and returns the checkpoint.
func (v Verifiers) Open(text string) (Checkpoint, error) {
	if v.known == nil || len(text) > maxCheckpoint {
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

// ReadCheckpoint returns a signed checkpoint without checking its signature.
func ReadCheckpoint(text string) (Checkpoint, error) {
	signed, _, found := strings.Cut(text, "\n\n")
	if !found || len(text) > maxCheckpoint {
		return Checkpoint{}, ErrNoCheckpoint
	}
	return parseCheckpoint(signed + "\n")
}

// parseCheckpoint accepts exactly the output of text: no two texts mean the same checkpoint.
func parseCheckpoint(text string) (Checkpoint, error) {
	c, at := Checkpoint{Old: strings.HasPrefix(text, origin+"\n")}, ""
	var err error
	if c.Old {
		_, err = fmt.Sscanf(text, origin+"\n%d\n%s\n%s\n", &c.Seq, &c.Head, &at)
	} else {
		_, err = fmt.Sscanf(text, form+"\n%d\n%s\n%s\n%d\n%s\n", &c.Seq, &c.Head, &at, &c.Before.Seq, &c.Before.Hash)
	}
	if err == nil {
		c.At, err = time.Parse(timeLayout, at)
	}
	isWhole := c.Seq >= 1 && isHash(c.Head) && (c.Old || follows(c.Before, c.Seq))
	if err != nil || !isWhole || c.text() != text {
		return Checkpoint{}, ErrNoCheckpoint
	}
	return c, nil
}

// follows reports whether a checkpoint of row seq can come after that one.
func follows(before Mark, seq int64) bool {
	return before.Seq >= 0 && before.Seq < seq && isHash(before.Hash) && (before.Seq == 0) == (before.Hash == Genesis)
}

// ParseMark parses the output of [Mark.String]. Its error is for the person who typed it.
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

// CheckpointFile keeps the newest checkpoint of a database in a file outside the database, so that a database
// that was restored to an earlier state is noticed. Its zero value keeps nothing. It does not protect from
// somebody who can write the file.
type CheckpointFile struct {
	Path string // its folder is made where it is missing
}

// Newest returns the kept checkpoint; its Seq is 0 if there is none.
func (f CheckpointFile) Newest() (Checkpoint, error) {
	if f.Path == "" {
		return Checkpoint{}, nil
	}
	text, err := os.ReadFile(f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Checkpoint{}, nil
	case err != nil:
		return Checkpoint{}, err
	}
	c, err := ReadCheckpoint(string(text))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%s: %w", f.Path, err)
	}
	return c, nil
}

// Keep writes a checkpoint, unless a newer one is kept already.
func (f CheckpointFile) Keep(c SignedCheckpoint) error {
	kept, err := f.Newest()
	if err != nil || kept.Seq >= c.Seq {
		return err
	}
	return f.Replace(c)
}

// Replace writes a checkpoint whatever was kept before: for a restored log.
func (f CheckpointFile) Replace(c SignedCheckpoint) error {
	if f.Path == "" {
		return nil
	}
	return text.WriteFile(f.Path, c.Text)
}

// CheckWritable returns why no checkpoint can be kept, or nil. It leaves no file behind and makes no folder.
func (f CheckpointFile) CheckWritable() error {
	if f.Path == "" {
		return errors.New("the environment names no folder for it")
	}
	folder := filepath.Dir(f.Path)
	_, err := os.Stat(folder)
	for errors.Is(err, fs.ErrNotExist) && folder != filepath.Dir(folder) {
		folder = filepath.Dir(folder)
		_, err = os.Stat(folder)
	}
	file, err := os.CreateTemp(folder, ".audit-*.partial")
	if err != nil {
		return err
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}
