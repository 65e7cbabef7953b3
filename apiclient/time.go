package apiclient

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

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
