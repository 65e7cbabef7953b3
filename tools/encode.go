package tools

import (
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/text"
)

// Ids leave as strings, whatever form the API gave them: a number beyond 2^53 loses
// digits in most readers.
var idsAsStrings = json.MarshalToFunc(func(enc *jsontext.Encoder, id apiclient.ID) error {
	return enc.WriteToken(jsontext.String(text.Clean(id.String())))
})

// An amount may be a text of others.
var amountsCleaned = json.MarshalToFunc(func(enc *jsontext.Encoder, a apiclient.Amount) error {
	if _, isNumber := a.Float(); isNumber || a.IsZero() {
		return errors.ErrUnsupported
	}
	return enc.WriteToken(jsontext.String(text.Clean(a.String())))
})

// Text of others leaves cleaned, at the one place that all results pass.
var textCleaned = json.MarshalToFunc(func(enc *jsontext.Encoder, s string) error {
	return enc.WriteToken(jsontext.String(text.Clean(s)))
})

var outward = json.JoinOptions(
	json.WithMarshalers(json.JoinMarshalers(idsAsStrings, amountsCleaned, textCleaned)),
	json.Deterministic(true),
	json.FormatNilSliceAsNull(false),
)

// strictIDs reads ids as a person may write them: digits become a JSON number on their
// way to the API, UUIDs a string.
var strictIDs = json.WithUnmarshalers(json.UnmarshalFromFunc(func(dec *jsontext.Decoder, id *apiclient.ID) error {
	tok, err := dec.ReadToken()
	if err != nil {
		return err
	}
	parsed, err := apiclient.ParseID(tok.String())
	*id = parsed
	return err
}))

// Encode returns a result as JSON for a reader outside: ids as strings, texts cleaned.
func Encode(v any) (jsontext.Value, error) { return json.Marshal(v, outward) }
