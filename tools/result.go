package tools

import (
	"errors"
	"reflect"
	"slices"

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

// What the API may add to its answers is kept, within bounds: nobody's context is filled by
// a field that nobody knows.
const (
	mostMembers = 50  // of an object that the client does not know
	mostItems   = 100 // of a list inside an object
	mostDepth   = 4
	mostName    = 100 // characters
)

// limitExtra cleans and bounds, in place, what a result holds beside its known fields, and its
// inner lists.
func limitExtra(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			limitExtra(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() {
				limitExtra(f)
			}
		}
	case reflect.Map:
		if extra, ok := v.Interface().(map[string]any); ok && len(extra) > 0 {
			v.Set(reflect.ValueOf(limitExtraMap(extra, 1)))
		}
	case reflect.Slice: // one of objects is the list itself, which the Runner pages
		if v.Type().Elem().Kind() == reflect.String && v.Len() > mostItems {
			v.Set(v.Slice(0, mostItems))
		}
		for i := range v.Len() {
			limitExtra(v.Index(i))
		}
	}
}

func limitExtraMap(m map[string]any, depth int) map[string]any {
	tamed := make(map[string]any, min(len(m), mostMembers))
	for name, value := range m {
		if len(tamed) == mostMembers {
			break
		}
		tamed[text.Cut(text.Clean(name), mostName)] = limitExtraValue(value, depth)
	}
	return tamed
}

func limitExtraValue(value any, depth int) any {
	switch v := value.(type) {
	case map[string]any:
		if depth >= mostDepth {
			return "…"
		}
		return limitExtraMap(v, depth+1)
	case []any:
		if depth >= mostDepth {
			return "…"
		}
		tamed := make([]any, min(len(v), mostItems))
		for i := range tamed {
			tamed[i] = limitExtraValue(v[i], depth+1)
		}
		return tamed
	}
	return value
}

// None is the result of an operation that answers nothing but success.
type None struct{}

// Summarized is implemented by results that say something of themselves, whatever they are about.
type Summarized interface{ Summary() apiclient.Summary }

// Summarize returns what a result says of itself; of one that says nothing it is zero.
func Summarize(result any) apiclient.Summary {
	if r, ok := result.(Summarized); ok {
		return r.Summary()
	}
	return apiclient.Summary{}
}

func find[T Summarized](all []T, id apiclient.ID) (one T, ok bool) {
	i := slices.IndexFunc(all, func(each T) bool { return each.Summary().ID.Equal(id) })
	if i < 0 {
		return one, false
	}
	return all[i], true
}
