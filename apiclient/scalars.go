package apiclient

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/vpsbot/vpsbot/internal/text"
)

const (
	maxParsedDigits = 19
	maxIDLength     = 128
)

// ID identifies one object of the API: a whole number or a string, kept in its original form. The zero value is
// no id; no request is sent for it. IDs may be map keys, but to == the number 7 and the string "7" differ: use
// Equal.
type ID struct{ scalar }

// ParseID parses an id that a person wrote: a whole number without leading zeros and of at most 19 digits,
// which is sent as a JSON number, or a UUID, which is sent as a string.
func ParseID(s string) (ID, error) {
	switch {
	case text.IsUUID(s):
		return ID{scalar{text: s}}, nil
	case !isDigits(s):
		return ID{}, fmt.Errorf("%.64q is not an id: want a whole number or a UUID", s)
	case len(s) > maxParsedDigits:
		return ID{}, fmt.Errorf("%.64q is not an id: more than %d digits", s, maxParsedDigits)
	case len(s) > 1 && s[0] == '0':
		return ID{}, fmt.Errorf("%q is not an id: it has leading zeros", s)
	}
	return ID{scalar{s, true}}, nil
}

// LooksLikeID reports whether s consists of digits or has the form of a UUID. Such a text is never used as a
// name, even if ParseID refuses it ("007").
func LooksLikeID(s string) bool { return isDigits(s) || text.IsUUID(s) }

// Equal reports whether both identify the same object: it compares the text (UUIDs without regard to case), not
// whether it is a number or a string.
func (id ID) Equal(other ID) bool { return id.Key() == other.Key() }

// UnmarshalJSON decodes a number of plain digits, a string of 1 to 128 characters that are safe as one segment
// of a path, or null.
func (id *ID) UnmarshalJSON(data []byte) error {
	switch kind := jsontext.Value(data).Kind(); kind {
	case 'n':
		*id = ID{}
		return nil
	case '0':
		return id.setNumber(string(data))
	case '"':
		text, err := jsontext.AppendUnquote(nil, data)
		if err != nil {
			return err
		}
		return id.setText(string(text))
	default:
		return fmt.Errorf("an id cannot be a JSON %s", kind)
	}
}

func (id *ID) setNumber(s string) error {
	if !isDigits(s) || len(s) > maxIDLength {
		return fmt.Errorf("%.64q is not an id: want plain digits", s)
	}
	*id = ID{scalar{s, true}}
	return nil
}

func (id *ID) setText(s string) error {
	if s == "" || len(s) > maxIDLength {
		return fmt.Errorf("an id of %d characters: want 1 to %d", len(s), maxIDLength)
	}
	// "." and ".." would change the path of a request.
	if s == "." || s == ".." || strings.ContainsFunc(s, unsafeInID) {
		return errors.New("an id with characters that are not safe in a path")
	}
	*id = ID{scalar{text: s}}
	return nil
}

// Key returns the text that equal ids share, with a UUID in lower case: for comparing and for maps, not for
// requests.
func (id ID) Key() string {
	if text.IsUUID(id.text) {
		return strings.ToLower(id.text)
	}
	return id.text
}

func unsafeInID(r rune) bool {
	return r <= ' ' || r > '~' || strings.ContainsRune(`/\%?#`, r)
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// Amount is a number for display: a size, a price, a count. The API may write it as 5, "5.00" or "4 GB". The
// zero Amount is not known, which is not 0. A number has no needless zeros. Amounts can be compared by ==.
type Amount struct{ scalar }

// scalar is a number or a text of JSON; the zero scalar is null.
type scalar struct {
	text   string
	number bool
}

// IsZero reports whether there is no value.
func (s scalar) IsZero() bool { return s.text == "" }

// String returns the number or the text, "" for the zero value.
func (s scalar) String() string { return s.text }

// MarshalJSON encodes a number, a text, or null for the zero value.
func (s scalar) MarshalJSON() ([]byte, error) {
	switch {
	case s.IsZero():
		return []byte("null"), nil
	case s.number:
		return []byte(s.text), nil
	}
	return jsontext.AppendQuote(nil, s.text)
}

// Float returns the number, and whether the amount is one.
func (a Amount) Float() (f float64, ok bool) {
	if !a.number {
		return 0, false
	}
	f, err := strconv.ParseFloat(a.text, 64)
	return f, err == nil
}

// UnmarshalJSON decodes any value; an amount that is neither a number nor a text is not known.
func (a *Amount) UnmarshalJSON(data []byte) error {
	*a = Amount{}
	switch jsontext.Value(data).Kind() {
	case '0':
		*a = Amount{scalar{plainNumber(string(data)), true}}
	case '"':
		text, err := jsontext.AppendUnquote(nil, data)
		if err != nil {
			return err
		}
		*a = Amount{scalar{text: strings.TrimSpace(string(text))}}
		// By JSON's rules, for Go parses "inf", "0x1p-2" and "1_000" as numbers too.
		if value := jsontext.Value(a.text); value.Kind() == '0' && value.IsValid() {
			*a = Amount{scalar{plainNumber(a.text), true}}
		}
	}
	return nil
}

// plainNumber formats 5.00 as 5 and 1e3 as 1000. It keeps a number that a float64 cannot hold exactly.
func plainNumber(text string) string {
	if f, err := strconv.ParseFloat(text, 64); err == nil && math.Abs(f) < 1<<53 {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return text
}

// timeLayouts are the forms that the API uses or may use; each accepts fractions of a second. A time without a
// zone is UTC.
var timeLayouts = []string{
	time.RFC3339,
	time.DateOnly,
	"2006-01-02T15:04:05",
	"2006-01-02 15:04:05Z07:00",
	time.DateTime,
	"2006-01-02Z07:00",
}

// Time is a date or a time of the API. The embedded time.Time is zero if the text could not be parsed; the text
// itself is kept, and encoded, unchanged.
type Time struct {
	time.Time
	raw string
}

// IsZero reports whether the API gave neither a time nor a text.
func (t Time) IsZero() bool { return t.raw == "" && t.Time.IsZero() }

// String returns the API's text, or RFC 3339 for a Time without one.
func (t Time) String() string {
	if t.raw != "" || t.Time.IsZero() {
		return t.raw
	}
	return t.Format(time.RFC3339Nano)
}

// MarshalJSON encodes the result of String, the zero Time as null.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return jsontext.AppendQuote(nil, t.String())
}

// UnmarshalJSON decodes any value: a text in an unknown form is kept as text, a number is seconds or
// milliseconds since 1970, and any other value is the zero Time.
func (t *Time) UnmarshalJSON(data []byte) error {
	*t = Time{}
	switch jsontext.Value(data).Kind() {
	case '"':
		text, err := jsontext.AppendUnquote(nil, data)
		if err != nil {
			return err
		}
		return t.UnmarshalText(text)
	case '0':
		if n, err := strconv.ParseFloat(string(data), 64); err == nil && 0 < n && n < 1e15 {
			*t = Time{Time: sinceEpoch(n).UTC()}
		}
	}
	return nil
}

func sinceEpoch(n float64) time.Time {
	if n >= 1e11 { // as seconds it would be the year 5138
		return time.UnixMilli(int64(n))
	}
	return time.Unix(int64(n), 0)
}

// MarshalText returns the result of String.
func (t Time) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText accepts any text and never returns an error.
func (t *Time) UnmarshalText(text []byte) error {
	*t = Time{raw: string(text)}
	for _, layout := range timeLayouts {
		if parsed, err := time.Parse(layout, t.raw); err == nil {
			t.Time = parsed
			break
		}
	}
	return nil
}
