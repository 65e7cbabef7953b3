package apiclient

import (
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Amount is a number that is shown and decides nothing: a size, a price, a count. It is kept as
// the API means it, whether that writes 5, "5.00" or "4 GB". The zero Amount is not known, which
// is not 0. Amounts can be compared by ==.
type Amount struct {
	text   string
	number bool
}

// AmountOf returns a known amount.
func AmountOf(f float64) Amount {
	return Amount{text: strconv.FormatFloat(f, 'f', -1, 64), number: true}
}

// IsZero reports whether the amount is not known.
func (a Amount) IsZero() bool { return a.text == "" }

// String returns the number without needless zeros, or the text as it came; "" where nothing is known.
func (a Amount) String() string { return a.text }

// Float returns the number, and whether the amount is one.
func (a Amount) Float() (f float64, ok bool) {
	if !a.number {
		return 0, false
	}
	f, err := strconv.ParseFloat(a.text, 64)
	return f, err == nil
}

// MarshalJSON writes a number, a text, or null for what is not known.
func (a Amount) MarshalJSON() ([]byte, error) {
	switch {
	case a.IsZero():
		return []byte("null"), nil
	case a.number:
		return []byte(a.text), nil
	}
	return jsontext.AppendQuote(nil, a.text)
}

// UnmarshalJSON takes anything; what is neither a number nor a text is not known.
func (a *Amount) UnmarshalJSON(data []byte) error {
	*a = Amount{}
	switch jsontext.Value(data).Kind() {
	case '0':
		*a = Amount{plainNumber(string(data)), true}
	case '"':
		text, err := jsontext.AppendUnquote(nil, data)
		if err != nil {
			return err
		}
		*a = amountIn(strings.TrimSpace(string(text)))
	}
	return nil
}

// amountIn reads a text. Go reads more as a number than JSON does: "inf", "0x1p-2", "1_000".
func amountIn(text string) Amount {
	if value := jsontext.Value(text); value.Kind() == '0' && value.IsValid() {
		return Amount{plainNumber(text), true}
	}
	return Amount{text: text}
}

// plainNumber writes 5.00 as 5 and 1e3 as 1000. A number that a float64 cannot hold exactly stays as it is.
func plainNumber(text string) string {
	if isDigits(text) {
		return text
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil && math.Abs(f) < 1<<53 {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return text
}
