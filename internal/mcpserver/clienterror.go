package mcpserver

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
)

// clientError is an error of a request other than tools/call that the client reads as it is. The text of any
// other error is for the log alone.
type clientError struct {
	code int    // of JSON-RPC
	text string // clean
}

func (e *clientError) Error() string { return e.text }

func invalidParams(says string) error { return &clientError{mcp.INVALID_PARAMS, says} }

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

// clientErrorKey is the key, in a context, of where noteError leaves an error for handleMessage.
type clientErrorKey struct{}

// handleMessage has mcp-go answer a message, with our code and text of an error: mcp-go sends the error of each handler
// of a resource, a prompt or a completion as an internal one, and speaks of Go's types.
func handleMessage(ctx context.Context, m messageHandler, message json.RawMessage) mcp.JSONRPCMessage {
	noted := &clientError{}
	answer := m.HandleMessage(context.WithValue(ctx, clientErrorKey{}, noted), message)
	if failed, ok := answer.(mcp.JSONRPCError); ok && noted.code != 0 {
		failed.Error.Code, failed.Error.Message = noted.code, noted.text
		return failed
	}
	return answer
}

func noteError(ctx context.Context, err error) {
	noted, ok := ctx.Value(clientErrorKey{}).(*clientError)
	if !ok {
		return
	}
	if failed, ok := errors.AsType[*clientError](err); ok {
		*noted = *failed
	} else if unread, ok := errors.AsType[*server.UnparsableMessageError](err); ok {
		*noted = clientError{mcp.INVALID_PARAMS, "the parameters of " + string(unread.GetMethod()) + " cannot be read"}
		if fault, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && fault.Field != "" {
			noted.text += ": " + text.Clean(fault.Field) + " has the wrong type"
		}
	} else if errors.Is(err, server.ErrPromptNotFound) {
		*noted = clientError{mcp.INVALID_PARAMS, "no prompt has that name; prompts/list has them"}
	} else if errors.Is(err, server.ErrResourceNotFound) {
		*noted = clientError{mcp.RESOURCE_NOT_FOUND, "no resource has that address; resources/list and resources/templates/list have them"}
	}
	if noted.code == mcp.RESOURCE_NOT_FOUND && server.IsModernRequest(ctx) {
		noted.code = mcp.INVALID_PARAMS // as that protocol version has it
	}
}
