package apiclient

import (
	"errors"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// How the API's objects are read: the id stands under id or uuid, and an object inside another
// may be its id or its name alone.

// otherID takes the id from a member that is none of the type's own, where its own gave none.
func otherID(id *ID, extra map[string]any, name string) error {
	other, given := extra[name]
	if !given || !id.IsZero() {
		return nil
	}
	var err error
	switch v := other.(type) {
	case string:
		err = id.setText(v)
	case float64:
		err = id.setNumber(strconv.FormatFloat(v, 'f', -1, 64))
	default:
		return nil
	}
	if err == nil {
		delete(extra, name)
	}
	return err
}

// ofServer takes an object's own id, and that of its server, which may stand beside the object's own members.
func ofServer(id *ID, server *Ref, extra map[string]any) error {
	return errors.Join(otherID(id, extra, "uuid"), otherID(&server.ID, extra, "server_id"), otherID(&server.ID, extra, "server_uuid"))
}

// mention reads what one object says of another: an object into plain, an id alone into id, a
// text that is none into name.
func mention(dec *jsontext.Decoder, plain any, id *ID, name *string) error {
	if dec.PeekKind() == '{' {
		return json.UnmarshalDecode(dec, plain)
	}
	value, err := dec.ReadValue()
	if err != nil {
		return err
	}
	switch value.Kind() {
	case '0':
		return id.UnmarshalJSON(value)
	case '"':
		text, err := jsontext.AppendUnquote(nil, value)
		if parsed, no := ParseID(string(text)); no == nil {
			*id = parsed
			return err
		}
		*name = string(text)
		return err
	}
	return nil // null, or what says nothing
}

// UnmarshalJSONFrom takes the id under id or uuid.
func (s *Server) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	type plain Server
	if err := json.UnmarshalDecode(dec, (*plain)(s)); err != nil {
		return err
	}
	return otherID(&s.ID, s.Extra, "uuid")
}

// UnmarshalJSONFrom takes the id under id or uuid.
func (b *Backup) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	type plain Backup
	if err := json.UnmarshalDecode(dec, (*plain)(b)); err != nil {
		return err
	}
	return ofServer(&b.ID, &b.Server, b.Extra)
}

// UnmarshalJSONFrom takes the id under id or uuid.
func (s *Snapshot) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	type plain Snapshot
	if err := json.UnmarshalDecode(dec, (*plain)(s)); err != nil {
		return err
	}
	return ofServer(&s.ID, &s.Server, s.Extra)
}

// UnmarshalJSONFrom takes the id under id or uuid.
func (p *Plan) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	type plain Plan
	if err := json.UnmarshalDecode(dec, (*plain)(p)); err != nil {
		return err
	}
	return otherID(&p.ID, p.Extra, "uuid")
}

// UnmarshalJSONFrom takes the id under id or uuid.
func (d *Domain) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	type plain Domain
	if err := json.UnmarshalDecode(dec, (*plain)(d)); err != nil {
		return err
	}
	return otherID(&d.ID, d.Extra, "uuid")
}

// UnmarshalJSONFrom takes the id under uuid or id.
func (z *Zone) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	type plain Zone
	if err := json.UnmarshalDecode(dec, (*plain)(z)); err != nil {
		return err
	}
	return otherID(&z.UUID, z.Extra, "id")
}

// UnmarshalJSONFrom takes an object, an id alone or a name alone.
func (r *Ref) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	type plain Ref
	if err := mention(dec, (*plain)(r), &r.ID, &r.Name); err != nil {
		return err
	}
	return otherID(&r.ID, r.Extra, "uuid")
}

// UnmarshalJSONFrom takes an object, an id alone or a name alone.
func (p *PlanRef) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	type plain PlanRef
	if err := mention(dec, (*plain)(p), &p.ID, &p.Name); err != nil {
		return err
	}
	_ = otherID(&p.ID, p.Extra, "uuid") // it is only shown
	return nil
}

// UnmarshalJSONFrom takes an object, an id alone or a name alone.
func (o *OSRef) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	type plain OSRef
	if err := mention(dec, (*plain)(o), &o.ID, &o.Name); err != nil {
		return err
	}
	_ = otherID(&o.ID, o.Extra, "uuid") // it is only shown
	return nil
}

// UnmarshalJSONFrom takes an object; anything else says nothing.
func (u *Usage) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	type plain Usage
	if dec.PeekKind() == '{' {
		return json.UnmarshalDecode(dec, (*plain)(u))
	}
	return dec.SkipValue()
}
