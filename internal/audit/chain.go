package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/vpsbot/vpsbot/internal/text"
)

// Genesis begins the audit chain: it stands in for the hash of the row before the first one.
const Genesis = "0000000000000000000000000000000000000000000000000000000000000000"

// Seal chains a row to the one whose hash is previous ([Genesis] for the first row): it cuts At to UTC
// milliseconds, replaces NUL and what is not valid UTF-8, so that every engine and every JSON file keeps the
// texts unchanged, and sets Previous and Hash. The caller has set Seq. It fails for a row without number or
// time, and for Arguments that are not JSON.
func Seal(previous string, row Row) (Row, error) {
	switch {
	case row.Seq < 1:
		return Row{}, errors.New("audit row has no number")
	case row.At.IsZero():
		return Row{}, errors.New("audit row has no time")
	case len(row.Arguments) > 0 && !json.Valid(row.Arguments):
		return Row{}, errors.New("arguments of the audit row are not JSON")
	}
	row = normalized(row)
	row.At = row.At.UTC().Truncate(time.Millisecond)
	row.Previous = previous
	hash, _ := hashOf(nil, &row)
	row.Hash = string(hash[:])
	return row, nil
}

// normalized makes every text storable, the strings inside Arguments too. White space between the tokens of
// Arguments goes, since encoders drop it.
func normalized(row Row) Row {
	for _, field := range textFields(&row) {
		*field = text.Storable(*field)
	}
	row.Trace = text.Storable(row.Trace)
	var compact bytes.Buffer
	_ = json.Compact(&compact, []byte(text.Storable(string(row.Arguments)))) // Seal has checked that it is JSON, or empty
	row.Arguments = compact.Bytes()
	if len(row.Arguments) == 0 {
		row.Arguments = nil
	}
	return row
}

// textFields lists the text fields of a row in the order of the canonical form.
func textFields(row *Row) [12]*string {
	return [12]*string{
		&row.Actor, &row.Surface, &row.Account, &row.Token, &row.Operation, &row.Target,
		&row.Approval, (*string)(&row.Decision), &row.Reason, &row.Approver, (*string)(&row.Outcome), &row.Previous,
	}
}

// hashOf returns the hash of a row: hex SHA-256 over the text of Previous and the canonical form. It returns
// buffer, grown, for the next row.
func hashOf(buffer []byte, row *Row) (hash [len(Genesis)]byte, grown []byte) {
	buffer = append(buffer[:0], row.Previous...)
	buffer = appendCanonical(buffer, row)
	sum := sha256.Sum256(buffer)
	hex.Encode(hash[:], sum[:])
	return hash, buffer
}

// appendCanonical appends the canonical form: every field but Hash as a netstring (its
// length in bytes, a colon, the bytes, a comma), numbers in decimal, At as milliseconds
// since 1970. Lengths come first, so no text can pass for the end of its field. The order
// is Seq, At, APIStatus, Arguments, then the texts of [textFields], and Trace if it is not empty: rows of before there
// were traces keep their hash.
func appendCanonical(b []byte, row *Row) []byte {
	b = appendNumber(b, row.Seq)
	b = appendNumber(b, row.At.UnixMilli())
	b = appendNumber(b, int64(row.APIStatus))
	b = appendNetstring(b, row.Arguments)
	for i, text := range textFields(row) {
		b = appendNetstring(b, *text)
		if i == 0 {
			b = appendNetstring(b, "") // a field after Actor that is no more; its place stays, so that old hashes do
		}
	}
	if row.Trace != "" {
		b = appendNetstring(b, row.Trace)
	}
	return b
}

func appendNumber(b []byte, n int64) []byte {
	var digits [20]byte
	return appendNetstring(b, strconv.AppendInt(digits[:0], n, 10))
}

func appendNetstring[T string | []byte | json.RawMessage](b []byte, s T) []byte {
	b = strconv.AppendInt(b, int64(len(s)), 10)
	b = append(b, ':')
	b = append(b, s...)
	return append(b, ',')
}

const changedRow = "its hash is not that of its content: it was changed"

// CheckHash fails for a row whose hash is not that of its content.
func (r Row) CheckHash() error {
	if hash, _ := hashOf(nil, &r); string(hash[:]) != r.Hash {
		return &BadRowError{Seq: r.Seq, Why: changedRow}
	}
	return nil
}
