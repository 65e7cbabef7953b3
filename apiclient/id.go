package apiclient

import (
	"errors"
	"fmt"
	"strings"

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
