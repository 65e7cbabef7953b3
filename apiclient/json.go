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

// decodeOptions accept fields for display in any form, so that none of them makes a list unreadable. The fields
// that decisions depend on are strict: an object's own id, and its status, which is a word or empty.
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

// decodeString decodes a number or a boolean as the text that it is written with: a server called 5 must not
// make a list unreadable. Of an object it decodes the member that names it, of a list all texts; the status of
// an object is not guessed in that way.
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

// nameMembers are the members that may name an object, the best first: the value for a request comes before the
// name for people.
var nameMembers = []string{"code", "slug", "name", "label", "title", "address", "ip_address", "ip", "hostname", "host", "value", "city", "id", "uuid"}

// nameIn returns a text that names an object or a list, or "".
func nameIn(raw jsontext.Value) string {
	var value any
	if json.Unmarshal(raw, &value, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) != nil {
		return ""
	}
	switch v := value.(type) {
	case map[string]any:
		for _, name := range nameMembers {
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

// decodeStrings decodes a text as a list of one, and anything else but a list as nil.
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

// decodeFlag decodes true, "true", 1 and their opposites, and anything else as nil.
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

// decodeID decodes an id. That of a server's plan or operating system is only displayed, so an invalid one is
// dropped.
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

// isAt reports whether the JSON pointer of the value that was just read ends with "/" and end.
func isAt(dec *jsontext.Decoder, end string) bool {
	return strings.HasSuffix(string(dec.StackPointer()), "/"+end)
}

// decodeAny keeps all digits of a number in an unknown member: as a text if a float64 cannot hold it exactly.
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

// decodeObject decodes plain, the object without its methods, and then each id that the object's own member did
// not give from a member of another name, which is in extra then.
func decodeObject(dec *jsontext.Decoder, plain any, extra *map[string]any, aliases ...idAlias) error {
	if err := json.UnmarshalDecode(dec, plain); err != nil {
		return err
	}
	var errs error
	for _, alias := range aliases {
		errs = errors.Join(errs, alias.decode(*extra))
	}
	return errs
}

// idAlias is an id and another name that its member may have.
type idAlias struct {
	id   *ID
	name string
}

func (a idAlias) decode(extra map[string]any) error {
	value, given := extra[a.name]
	if !given || !a.id.IsZero() {
		return nil
	}
	var err error
	switch v := value.(type) {
	case string:
		err = a.id.setText(v)
	case float64:
		err = a.id.setNumber(strconv.FormatFloat(v, 'f', -1, 64))
	default:
		return nil
	}
	if err == nil {
		delete(extra, a.name)
	}
	return err
}

// reference holds the fields of an object's mention inside another. The id of one for display may be invalid.
type reference struct {
	id         *ID
	name       *string
	extra      *map[string]any
	forDisplay bool
}

// decode decodes an object into plain, an id alone into the id, and any other text into the name.
func (r reference) decode(dec *jsontext.Decoder, plain any) error {
	if dec.PeekKind() == '{' {
		if err := json.UnmarshalDecode(dec, plain); err != nil {
			return err
		}
		if err := (idAlias{r.id, "uuid"}).decode(*r.extra); !r.forDisplay {
			return err
		}
		return nil
	}
	value, err := dec.ReadValue()
	if err != nil {
		return err
	}
	switch value.Kind() {
	case '0':
		return r.id.UnmarshalJSON(value)
	case '"':
		text, err := jsontext.AppendUnquote(nil, value)
		if parsed, invalid := ParseID(string(text)); invalid == nil {
			*r.id = parsed
			return err
		}
		*r.name = string(text)
		return err
	}
	return nil // null, or a value without meaning
}

// UnmarshalJSONFrom decodes the id from the member id or uuid.
func (s *Server) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	type plain Server
	return decodeObject(dec, (*plain)(s), &s.Extra, idAlias{&s.ID, "uuid"})
}

// UnmarshalJSONFrom decodes the id from the member id or uuid.
func (b *Backup) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	type plain Backup
	return decodeObject(dec, (*plain)(b), &b.Extra, imageAliases(&b.ID, &b.Server)...)
}

// UnmarshalJSONFrom decodes the id from the member id or uuid.
func (s *Snapshot) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	type plain Snapshot
	return decodeObject(dec, (*plain)(s), &s.Extra, imageAliases(&s.ID, &s.Server)...)
}

// UnmarshalJSONFrom decodes the id from the member id or uuid.
func (p *Plan) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	type plain Plan
	return decodeObject(dec, (*plain)(p), &p.Extra, idAlias{&p.ID, "uuid"})
}

// UnmarshalJSONFrom decodes the id from the member id or uuid.
func (d *Domain) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	type plain Domain
	return decodeObject(dec, (*plain)(d), &d.Extra, idAlias{&d.ID, "uuid"})
}

// UnmarshalJSONFrom decodes the id from the member id or uuid.
func (z *Zone) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	type plain Zone
	return decodeObject(dec, (*plain)(z), &z.Extra, idAlias{&z.UUID, "id"})
}

// imageAliases are the ids of a backup or a snapshot: its own, and that of its server.
func imageAliases(id *ID, server *Ref) []idAlias {
	return []idAlias{{id, "uuid"}, {&server.ID, "server_id"}, {&server.ID, "server_uuid"}}
}

// UnmarshalJSONFrom decodes an object, an id alone or a name alone.
func (r *Ref) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	type plain Ref
	return reference{&r.ID, &r.Name, &r.Extra, false}.decode(dec, (*plain)(r))
}

// UnmarshalJSONFrom decodes an object, an id alone or a name alone.
func (p *PlanRef) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	type plain PlanRef
	return reference{&p.ID, &p.Name, &p.Extra, true}.decode(dec, (*plain)(p))
}

// UnmarshalJSONFrom decodes an object, an id alone or a name alone.
func (o *OSRef) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	type plain OSRef
	return reference{&o.ID, &o.Name, &o.Extra, true}.decode(dec, (*plain)(o))
}

// UnmarshalJSONFrom decodes an object, and ignores any other value.
func (u *Usage) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	type plain Usage
	if dec.PeekKind() == '{' {
		return json.UnmarshalDecode(dec, (*plain)(u))
	}
	return dec.SkipValue()
}
