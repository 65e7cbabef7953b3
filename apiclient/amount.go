package apiclient

import (
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

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
