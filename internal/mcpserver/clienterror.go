package mcpserver

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/vpsbot/vpsbot/internal/runner"
)

// clientError is an error of a request other than tools/call that the client reads as it is. The text of any
// other error is for the log alone.
type clientError struct {
	code int    // of JSON-RPC
	text string // clean
}

func (e *clientError) Error() string { return e.text }

func invalidParams(text string) error { return &clientError{mcp.INVALID_PARAMS, text} }

// asError returns the error of a read that failed; nil for one that did not.
func (s *Server) asError(reply runner.Reply) error {
	if reply.Class == runner.OK {
		return nil
	}
	code := mcp.INTERNAL_ERROR
	switch reply.Class {
	case runner.Invalid: // the one thing that such a read is given is the name of what it reads
		code = mcp.RESOURCE_NOT_FOUND
	case runner.Refuse:
		code = mcp.INVALID_PARAMS
	}
	return &clientError{code, s.toolNames(reply.Message)}
}

// guard runs what answers a request other than tools/call. A panic, and any error but a clientError, is logged,
// and the client gets the id of the log line alone.
func guard[T any](s *Server, doing string, do func() (T, error)) (result T, err error) {
	internal := func(cause any) error {
		return &clientError{mcp.INTERNAL_ERROR, "an internal error (id " + s.logInternalError(doing, cause) + "); it is logged"}
	}
	defer func() {
		if broken := recover(); broken != nil {
			err = internal(broken)
		}
	}()
	if result, err = do(); err != nil && !errors.As(err, new(*clientError)) {
		err = internal(err)
	}
	return result, err
}

// errorCodeKey is the key, in a context, of where noteErrorCode leaves the code of a clientError.
type errorCodeKey struct{}

// handleMessage has mcp-go answer a message. It gives a clientError its own code: mcp-go sends the error of any handler
// of a resource, a prompt or a completion as an internal one.
func handleMessage(ctx context.Context, m messageHandler, message json.RawMessage) mcp.JSONRPCMessage {
	code := 0
	answer := m.HandleMessage(context.WithValue(ctx, errorCodeKey{}, &code), message)
	if failed, ok := answer.(mcp.JSONRPCError); ok && code != 0 {
		failed.Error.Code = code
		return failed
	}
	return answer
}

// noteErrorCode leaves the code of an error for handleMessage. What is not found has its own in the older era alone.
func noteErrorCode(ctx context.Context, err error) {
	failed, isOurs := errors.AsType[*clientError](err)
	code, _ := ctx.Value(errorCodeKey{}).(*int)
	switch {
	case !isOurs || code == nil:
	case failed.code == mcp.RESOURCE_NOT_FOUND && server.IsModernRequest(ctx):
		*code = mcp.INVALID_PARAMS
	default:
		*code = failed.code
	}
}
