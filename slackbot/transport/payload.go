package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/url"
	"strings"
)

// errMalformed names no content: a payload may hold what a person typed.
var errMalformed = errors.New("it cannot be read")

func command(id string, fields map[string]string) (Delivery, error) {
	if fields["command"] == "" {
		return Delivery{}, errMalformed
	}
	return pack(id, Command, fields)
}

// interaction makes a delivery of a click, a submitted form, or a menu that asks for its options.
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

// event makes a delivery of an event. Slack repeats an event under another signature or envelope, so its ID is the
// event's own. A payload of another kind makes an empty delivery and no error.
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

// object reads the members of a JSON object, and its member "type".
func object(raw []byte) (members map[string]json.RawMessage, kind string, err error) {
	err = json.Unmarshal(bytes.ToValidUTF8(raw, []byte("\ufffd")), &members)
	if err != nil {
		return nil, "", errMalformed
	}
	return members, text(members["type"]), nil
}

// pack encodes the members without Slack's verification token, which signatures have replaced: no reader of a
// delivery shall trust it. The case of its name is ignored, as encoding/json does. A member that came twice is there once.
func pack[V any](id string, kind Kind, members map[string]V) (Delivery, error) {
	maps.DeleteFunc(members, func(name string, _ V) bool { return strings.EqualFold(name, "token") })
	body, err := json.Marshal(members)
	if err != nil {
		return Delivery{}, errMalformed
	}
	return Delivery{ID: id, Kind: kind, Body: body}, nil
}

func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// formFields decodes a form; nil if it is none. The first value of a name counts.
func formFields(body []byte) map[string]string {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil
	}
	fields := make(map[string]string, len(form))
	for name, values := range form {
		fields[name] = values[0]
	}
	return fields
}

// jsonFields decodes the fields of a command as Socket Mode sends them: a JSON object, whose numbers and booleans
// become texts as in a form; nil if it is none.
func jsonFields(payload []byte) map[string]string {
	members, _, err := object(payload)
	if err != nil {
		return nil
	}
	fields := make(map[string]string, len(members))
	for name, raw := range members {
		switch raw[0] {
		case '"':
			fields[name] = text(raw)
		case '{', '[', 'n': // a command has no objects and no lists, and null is no value
		default:
			fields[name] = string(raw)
		}
	}
	return fields
}

type envelope struct {
	Type           string          `json:"type"`
	EnvelopeID     string          `json:"envelope_id"`
	Payload        json.RawMessage `json:"payload"`
	Reason         string          `json:"reason"`          // of a disconnect
	NumConnections int             `json:"num_connections"` // of a hello
}

// dispatch returns the answer to an envelope. What is no delivery is acknowledged too: Slack would only send it again.
func (e envelope) dispatch(h Handler, log *slog.Logger) []byte {
	d, err := e.delivery()
	switch {
	case err != nil:
		log.Warn("Slack: an envelope that cannot be read is dropped", "bytes", len(e.Payload))
		return nil
	case d.Kind == "":
		return nil
	case len(e.Payload) > maxBody:
		log.Warn("Slack: an envelope larger than 64 KiB is dropped", "kind", d.Kind, "bytes", len(e.Payload))
		return ErrorAck(d, wentWrong, "What Slack sent is larger than 64 KiB, so nothing was done. Please try again with less text.")
	}
	return dispatch(context.Background(), h, d, log)
}

func (e envelope) delivery() (Delivery, error) {
	id := identify("env:", e.EnvelopeID)
	switch e.Type {
	case "slash_commands":
		return command(id, jsonFields(e.Payload))
	case "interactive":
		return interaction(id, e.Payload)
	case "events_api":
		return event(id, e.Payload)
	}
	return Delivery{}, nil
}

// maxAnswer is the limit of an acknowledgement with its answer: Slack drops a larger one silently.
const maxAnswer = 20 << 10

// acknowledgement encodes the answer to an envelope. An answer that Slack would not take is left out, because the
// acknowledgement matters more.
func (e envelope) acknowledgement(answer []byte, log *slog.Logger) []byte {
	ack := struct {
		EnvelopeID string          `json:"envelope_id"`
		Payload    json.RawMessage `json:"payload,omitempty"`
	}{e.EnvelopeID, answer}
	raw, err := json.Marshal(ack)
	if err != nil || len(raw) >= maxAnswer {
		log.Error("Slack: an answer is left out: it is not JSON, or larger than 20 KiB", "bytes", len(answer))
		ack.Payload = nil
		raw, _ = json.Marshal(ack) // one text always encodes
	}
	return raw
}

// disconnected is why Slack ends a connection: a refusal, where a reconnect does not help. The reason goes to the log,
// so it has to be a word.
func (e envelope) disconnected() error {
	switch e.Reason {
	case "link_disabled":
		return refusal("Socket Mode is off (link_disabled): switch it on in the settings of the app, or set SLACK_SIGNING_SECRET to be reached over HTTP")
	case "too_many_websockets":
		return refusal("the app has more connections than Slack allows (too_many_websockets): stop other programs that use its SLACK_APP_TOKEN")
	}
	if strings.Trim(e.Reason, "_abcdefghijklmnopqrstuvwxyz") != "" || e.Reason == "" || len(e.Reason) > 40 {
		return errors.New("ended by Slack")
	}
	return errors.New(e.Reason)
}
