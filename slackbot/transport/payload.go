package transport

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"strings"
)

// errMalformed is all that is said of what cannot be read: what it holds is nobody else's matter.
var errMalformed = errors.New("it cannot be read")

// command makes a delivery of the fields of a slash command.
func command(id string, fields map[string]string) (Delivery, error) {
	maps.DeleteFunc(fields, func(name, _ string) bool { return isToken(name) })
	if fields["command"] == "" {
		return Delivery{}, errMalformed
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return Delivery{}, errMalformed
	}
	return Delivery{ID: id, Kind: Command, Body: body}, nil
}

// interaction makes a delivery of the payload of a click, a submitted form, or a menu's question.
func interaction(id string, payload []byte) (Delivery, error) {
	members, kind, err := object(payload)
	if err != nil || kind == "" {
		return Delivery{}, errMalformed
	}
	if kind == "block_suggestion" {
		return pack(id, Options, members)
	}
	return pack(id, Interaction, members)
}

// event makes a delivery of an event. Slack sends an event again under another signature or
// envelope: it is the same one by its own id. What is no event is none, without an error.
func event(id string, payload []byte) (Delivery, error) {
	members, kind, err := object(payload)
	switch {
	case err != nil || kind == "":
		return Delivery{}, errMalformed
	case kind != "event_callback":
		return Delivery{}, nil
	}
	if own := text(members["event_id"]); own != "" {
		id = identify("evt:", own)
	}
	return pack(id, Event, members)
}

// object reads the members of a JSON object, and what it says its type is.
func object(raw []byte) (members map[string]json.RawMessage, kind string, err error) {
	err = json.Unmarshal(bytes.ToValidUTF8(raw, []byte("\ufffd")), &members)
	if err != nil {
		return nil, "", errMalformed
	}
	return members, text(members["type"]), nil
}

// pack writes the members again: without the token, and each once.
func pack(id string, kind Kind, members map[string]json.RawMessage) (Delivery, error) {
	maps.DeleteFunc(members, func(name string, _ json.RawMessage) bool { return isToken(name) })
	body, err := json.Marshal(members)
	if err != nil {
		return Delivery{}, errMalformed
	}
	return Delivery{ID: id, Kind: kind, Body: body}, nil
}

// isToken finds the verification token that Slack sent before it signed: who reads a delivery must
// not come to trust it. Readers of JSON do not mind the case of a name.
func isToken(name string) bool { return strings.EqualFold(name, "token") }

// text is a JSON string's text, or "" where there is none.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// formFields reads a form. Of a name that comes twice the first counts.
func formFields(body []byte) (map[string]string, error) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errMalformed
	}
	fields := make(map[string]string, len(form))
	for name, values := range form {
		fields[name] = values[0]
	}
	return fields, nil
}

// jsonFields reads the fields of a command as Socket Mode sends them: JSON, in which one that is
// not a text is written as one.
func jsonFields(payload []byte) (map[string]string, error) {
	members, _, err := object(payload)
	if err != nil {
		return nil, err
	}
	fields := make(map[string]string, len(members))
	for name, raw := range members {
		switch raw[0] {
		case '"':
			fields[name] = text(raw)
		case '{', '[', 'n': // a command has none, and null is none
		default:
			fields[name] = string(raw)
		}
	}
	return fields, nil
}
