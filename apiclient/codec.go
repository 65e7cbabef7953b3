package apiclient

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// decodeOptions are tolerant where nothing can be misread.
var decodeOptions = json.JoinOptions(
	jsontext.AllowDuplicateNames(true),
	jsontext.AllowInvalidUTF8(true),
	json.WithUnmarshalers(json.JoinUnmarshalers(
		json.UnmarshalFromFunc(decodeInt),
		json.UnmarshalFromFunc(decodeFloat),
		json.UnmarshalFromFunc(decodeString),
		json.UnmarshalFromFunc(decodeAny),
	)),
)

func unmarshal(data []byte, out any) error { return json.Unmarshal(data, out, decodeOptions) }

// decodeInt takes 4096, "4096" and 4096.0.
func decodeInt(dec *jsontext.Decoder, v *int64) error {
	text, err := numberText(dec)
	if err != nil {
		return err
	}
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		*v = n
		return nil
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= math.MaxInt64 {
		return fmt.Errorf("%.40q is not a whole number that fits", text)
	}
	*v = int64(f)
	return nil
}

// decodeFloat takes 5.00 and "5.00".
func decodeFloat(dec *jsontext.Decoder, v *float64) error {
	text, err := numberText(dec)
	if err != nil {
		return err
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return fmt.Errorf("%.40q is not a number that fits", text)
	}
	*v = f
	return nil
}

// decodeString takes a number or a boolean for the text that it is written with: a server
// called 5 must not hide all the others.
func decodeString(dec *jsontext.Decoder, v *string) error {
	switch dec.PeekKind() {
	case '0', 't', 'f':
		value, err := dec.ReadValue()
		*v = string(value)
		return err
	}
	return errors.ErrUnsupported
}

// decodeAny keeps the digits of numbers that the client knows nothing of: those that a
// float64 cannot hold exactly stay as text.
func decodeAny(dec *jsontext.Decoder, v *any) error {
	if dec.PeekKind() != '0' {
		return errors.ErrUnsupported
	}
	value, err := dec.ReadValue()
	if err != nil {
		return err
	}
	f, err := strconv.ParseFloat(string(value), 64)
	if err != nil || math.Abs(f) >= 1<<53 {
		*v = string(value)
		return nil
	}
	*v = f
	return nil
}

// numberText reads a JSON number, quoted or not. What is neither is left to
// the usual decoding, null among it.
func numberText(dec *jsontext.Decoder) ([]byte, error) {
	kind := dec.PeekKind()
	if kind != '0' && kind != '"' {
		return nil, errors.ErrUnsupported
	}
	value, err := dec.ReadValue()
	if err != nil || kind == '0' {
		return value, err
	}
	text, err := jsontext.AppendUnquote(nil, value)
	if err != nil {
		return nil, err
	}
	// Go reads more as a number than JSON does: "inf", "0x1p-2", "1_000".
	if number := jsontext.Value(text); number.Kind() != '0' || !number.IsValid() {
		return nil, fmt.Errorf("%.40q is not a number", text)
	}
	return text, nil
}
