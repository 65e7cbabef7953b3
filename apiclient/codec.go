package apiclient

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// decodeOptions take what an answer shows in whatever form it comes: no field that is only shown
// makes a list unreadable. What decides is strict: an object's own id, and its status, which is
// a word or not known.
var decodeOptions = json.JoinOptions(
	jsontext.AllowDuplicateNames(true),
	jsontext.AllowInvalidUTF8(true),
	json.WithUnmarshalers(json.JoinUnmarshalers(
		json.UnmarshalFromFunc(decodeString),
		json.UnmarshalFromFunc(decodeStrings),
		json.UnmarshalFromFunc(decodeFlag),
		json.UnmarshalFromFunc(decodeID),
		json.UnmarshalFromFunc(decodeAny),
	)),
)

func unmarshal(data []byte, out any) error { return json.Unmarshal(data, out, decodeOptions) }

// decodeString takes a number or a boolean for the text that it is written with: a server
// called 5 must not hide all the others. Of an object it takes the member that names it, of a
// list all texts. A status is never guessed in that way.
func decodeString(dec *jsontext.Decoder, v *string) error {
	kind := dec.PeekKind()
	if kind == '"' || kind == 'n' {
		return errors.ErrUnsupported
	}
	value, err := dec.ReadValue()
	if err != nil {
		return err
	}
	*v = ""
	if kind == '{' || kind == '[' {
		if !isAt(dec, "status") {
			*v = nameIn(value)
		}
		return nil
	}
	*v = string(value)
	return nil
}

// naming are the members by which an object is called, the best first: what a request would be
// given comes before what people call it.
var naming = []string{"code", "slug", "name", "label", "title", "address", "ip_address", "ip", "hostname", "host", "value", "city", "id", "uuid"}

// nameIn is the text that stands for an object or a list; "" where there is none.
func nameIn(raw jsontext.Value) string {
	var value any
	if json.Unmarshal(raw, &value, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) != nil {
		return ""
	}
	switch v := value.(type) {
	case map[string]any:
		for _, name := range naming {
			if text := scalarText(v[name]); text != "" {
				return text
			}
		}
	case []any:
		var all []string
		for _, item := range v {
			if text := scalarText(item); text != "" {
				all = append(all, text)
			}
		}
		return strings.Join(all, ", ")
	}
	return ""
}

func scalarText(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

// decodeStrings takes one text for a list of one. What is no list is not known.
func decodeStrings(dec *jsontext.Decoder, v *[]string) error {
	switch dec.PeekKind() {
	case '[', 'n':
		return errors.ErrUnsupported
	case '"':
		text, err := dec.ReadToken()
		if err == nil {
			*v = []string{text.String()}
		}
		return err
	}
	*v = nil
	return dec.SkipValue()
}

// decodeFlag takes true, "true" and 1, and their contraries. Anything else is not known.
func decodeFlag(dec *jsontext.Decoder, v **bool) error {
	value, err := dec.ReadValue()
	if err != nil {
		return err
	}
	*v = nil
	switch strings.ToLower(strings.Trim(string(value), `"`)) {
	case "true", "1", "yes", "on":
		*v = new(true)
	case "false", "0", "no", "off":
		*v = new(false)
	}
	return nil
}

// decodeID reads an id. That of a server's plan or system is only shown: it may be unfit for a request.
func decodeID(dec *jsontext.Decoder, v *ID) error {
	value, err := dec.ReadValue()
	if err != nil {
		return err
	}
	err = v.UnmarshalJSON(value)
	if err != nil && slices.ContainsFunc([]string{"plan/id", "os/id"}, func(end string) bool { return isAt(dec, end) }) {
		*v, err = ID{}, nil
	}
	return err
}

// isAt reports whether the value that was just read stands there.
func isAt(dec *jsontext.Decoder, end string) bool {
	return strings.HasSuffix(string(dec.StackPointer()), "/"+end)
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
