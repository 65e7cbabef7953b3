// Package transport is where Slack comes in: it takes what Slack sends over HTTP or over Socket Mode,
// makes sure that Slack sent it, and gives it on in one form. It knows nothing of operations.
package transport

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"regexp"
	"sync"
	"time"
)

// Kind says what a delivery is.
type Kind string

// The kinds of deliveries. Options is a question for the entries of a menu: it is answered, and
// changes nothing.
const (
	Command     Kind = "command"
	Interaction Kind = "interaction"
	Options     Kind = "options"
	Event       Kind = "event"
)

// Delivery is one thing that Slack sent, verified. The same one sent again has the same ID, which
// is of plain characters and less than 140 of them.
//
// Body is a JSON object in UTF-8, and without Slack's old verification token. Of an interaction,
// options or event it is the payload. Of a command it is an object of texts: the fields of the
// form that Slack sends (team_id, channel_id, user_id, command, text, response_url, trigger_id
// and more), in both modes.
type Delivery struct {
	ID   string
	Kind Kind
	Body []byte
}

// Handler takes deliveries, several at once. It answers within a second: the answer (JSON, or nil
// for an empty one) goes back to Slack with the acknowledgement. ctx ends after 2.5 seconds, not
// when the connection does: what was begun is seen to its end.
type Handler interface {
	Handle(ctx context.Context, d Delivery) []byte
}

const (
	maxBody     = 64 << 10                // of one delivery, as it arrives
	bodyLimit   = 3 * time.Second         // for it to arrive
	handleLimit = 2500 * time.Millisecond // Slack waits for 3 s
)

// plainID is what becomes part of an ID as it is. It is made when first needed, as all patterns here: a start is quick. A store takes no others: there are databases
// that refuse a NUL.
var plainID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_.-]{1,128}$`) })

// identify makes an ID of one that Slack gave.
func identify(prefix, id string) string {
	if plainID().MatchString(id) {
		return prefix + id
	}
	return prefix + digest(id)
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func logger(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.New(slog.DiscardHandler)
	}
	return l
}
