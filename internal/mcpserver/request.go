package mcpserver

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
)

// requestKey is where in "_meta" a client may name its request. The id that JSON-RPC gives a
// message is no such name: clients count from 1 in every session.
const requestKey = "org.vpsbot/request-id"

const (
	requestIDChars = 128
	requestIDBytes = 256 // what the store takes
)

var errRequestID = errors.New("_meta." + requestKey + " must be a string of 1 to 128 printable characters")

// requestID returns the client's own name for its request, or nothing where it gave none.
func requestID(meta *mcp.Meta) (string, error) {
	if meta == nil {
		return "", nil
	}
	given, ok := meta.AdditionalFields[requestKey]
	if !ok {
		return "", nil
	}
	id, ok := given.(string)
	odd := func(c rune) bool { return c == utf8.RuneError || !unicode.IsPrint(c) || text.Hidden(c) }
	if !ok || id == "" || utf8.RuneCountInString(id) > requestIDChars || len(id) > requestIDBytes || strings.IndexFunc(id, odd) >= 0 {
		return "", errRequestID
	}
	return id, nil
}

// invalid replies to a call that is wrong before the Runner has seen it.
func (x *exchange) invalid(err error) runner.Reply {
	reply := runner.Reply{Op: x.op, Class: runner.Invalid, Message: err.Error()}
	if !x.op.IsRead() {
		reply.Outcome = runner.Refused
	}
	return reply
}
