package mcpserver

import (
	"context"
	"sync/atomic"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/vpsbot/vpsbot/permissions"
)

// client is who sends messages: the one client of a process on stdio, the caller of a request over HTTP. It is a
// value: each message is answered to the client as it was when the message came.
type client struct {
	actor   permissions.Actor
	remote  bool   // over HTTP
	session string // the questions that are put to it can be answered in it alone
	version string // the protocol version that initialize negotiated; empty: none, or the newer era
	forms   bool   // the client of an older version can be asked by form
	memory  *memory
	waits   func(change int) (tooMany bool) // counts its calls that wait for a person; nil on stdio

	stopping  context.Context                                   // ends when the server stops; nil on stdio, where the message's own does
	asked     *atomic.Int64                                     // questions on stdio, which have numbers
	elsewhere func(context.Context, client, envelope) *rpcError // takes a response that no call waits for here; nil on stdio
	send      func(message []byte) error                        // sends a notification or a question, beside the answer
}

func (c client) notify(method mcp.MCPMethod, params any) error {
	message, err := encodeRequest(nil, method, params)
	if err != nil {
		return err
	}
	return c.send(message)
}

type clientKey struct{}

func withClient(ctx context.Context, c client) context.Context {
	return context.WithValue(ctx, clientKey{}, c)
}

// clientOf returns the client of the message that a handler of mcp-go answers.
func clientOf(ctx context.Context) client {
	c, _ := ctx.Value(clientKey{}).(client)
	return c
}

func callerOf(ctx context.Context) permissions.Actor { return clientOf(ctx).actor }

// handshake is what the client declares in initialize.
type handshake struct {
	Version      string             `json:"protocolVersion"`
	Capabilities clientCapabilities `json:"capabilities"`
	Client       mcp.Implementation `json:"clientInfo"`
}
