// Package transport receives what Slack sends, over HTTP (webhook.go) or over Socket Mode
// (socket_mode.go), verifies that Slack sent it, and passes it to one handler in one form. It knows nothing of
// operations.
package transport

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// Kind is the kind of a delivery.
type Kind string

// The kinds of deliveries. Options asks for the entries of a menu.
const (
	Command     Kind = "command"
	Interaction Kind = "interaction"
	Options     Kind = "options"
	Event       Kind = "event"
)

// Delivery is one verified command, interaction or event. Sent again it has the same ID: less than 140 letters,
// digits and ._:- signs.
//
// Body is a JSON object in UTF-8 without Slack's old verification token: the payload of an interaction or event; of a
// command the form fields that Slack sends (team_id, channel_id, user_id, command, text, response_url, trigger_id and
// more), each a text, in both modes.
type Delivery struct {
	ID   string
	Kind Kind
	Body []byte
}

// Handler handles deliveries, several at once, within a second. Its answer (JSON, or nil for none) is sent with the
// acknowledgement. ctx ends after 2.5 seconds, and not with the connection that the delivery came over.
type Handler interface {
	Handle(ctx context.Context, d Delivery) []byte
}

const (
	maxBody    = 64 << 10                // of one delivery, as it arrives
	bodyTime   = 3 * time.Second         // for it to arrive
	handleTime = 2500 * time.Millisecond // Slack waits for 3 s
)

// plainChars become part of an ID unchanged; a database may refuse others, such as NUL.
const plainChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"

func identify(prefix, id string) string {
	if id != "" && len(id) <= 128 && strings.Trim(id, plainChars) == "" {
		return prefix + id
	}
	return prefix + digest(id)
}

func digest(text string) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
}

// dispatch calls the handler and returns its answer. The handler has its time even if ctx ends, and its panic
// ends here, in the log. The text of a runtime error is logged; the text of any other value may hold what a
// person typed, or a secret, so its type is logged alone.
func dispatch(ctx context.Context, h Handler, d Delivery, log *slog.Logger) (answer []byte) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), handleTime)
	defer cancel()
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		id, what := rand.Text()[:8], fmt.Sprintf("%T", p)
		if err, ok := p.(runtime.Error); ok { //nolint:errorlint // a panic's value is no wrapped error
			what = err.Error()
		}
		log.Error("Slack: internal error", "id", id, "kind", d.Kind, "error", what, "stack", string(debug.Stack()))
		answer = ErrorAck(d, wentWrong, "An internal error (id "+id+"); it is logged. Nothing is known to have been done: look before you repeat it.")
	}()
	return h.Handle(ctx, d)
}

const wentWrong = "Something went wrong"

// ErrorAck is an acknowledgement that shows an error to the person, where Slack has a place for it: a press has none.
// Without it a form would close as if it had been accepted.
func ErrorAck(d Delivery, title, text string) []byte {
	switch d.Kind {
	case Command:
		return encode(map[string]any{"response_type": "ephemeral", "text": text})
	case Options:
		return encode(map[string]any{"options": []any{}})
	case Interaction:
		if _, kind, err := object(d.Body); err != nil || kind != "view_submission" {
			return nil
		}
		plain := func(text string) map[string]any { return map[string]any{"type": "plain_text", "text": text} }
		return encode(map[string]any{"response_action": "update", "view": map[string]any{
			"type":   "modal",
			"title":  plain(title),
			"close":  plain("Close"),
			"blocks": []any{map[string]any{"type": "section", "text": plain(text)}},
		}})
	}
	return nil
}

func encode(answer map[string]any) []byte {
	raw, err := json.Marshal(answer)
	if err != nil {
		panic(err) // texts always encode
	}
	return raw
}
