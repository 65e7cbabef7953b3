package mcpserver

import (
	"bytes"
	"encoding/json"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/mark3labs/mcp-go/mcp"

	"github.com/vpsbot/vpsbot/tools"
)

// envelope is one JSON-RPC message, of which the members alone are decoded. The id stays as it was sent: a number
// beyond 2^53 is not rounded, and 5 is not "5".
type envelope struct {
	Version string         `json:"jsonrpc"`
	ID      jsontext.Value `json:"id"`
	Method  mcp.MCPMethod  `json:"method"`
	Params  jsontext.Value `json:"params"`
	Result  jsontext.Value `json:"result"`
	Error   jsontext.Value `json:"error"`
}

// lenient decodes what released clients send: the members of a message may repeat, and texts may hold invalid UTF-8.
// The input of an operation is decoded strictly, by the Runner.
var lenient = jsonv2.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// decodeEnvelope decodes one message. The error is the reply to one that is none.
func decodeEnvelope(raw []byte) (envelope, *rpcError) {
	var e envelope
	switch err := jsonv2.Unmarshal(raw, &e, lenient); {
	case err != nil && !jsontext.Value(raw).IsValid(lenient):
		return envelope{}, &rpcError{Code: mcp.PARSE_ERROR, Message: "the message is not JSON"}
	case err != nil:
		return envelope{}, &rpcError{Code: mcp.INVALID_REQUEST, Message: "the message is no JSON-RPC message"}
	}
	return e, nil
}

// forMCPGo makes the request that mcp-go gets: it would round a large id, and read "Method" as "method" too.
func (e envelope) forMCPGo() json.RawMessage {
	raw := append([]byte(`{"jsonrpc":"2.0","id":1,"method":`), tools.QuotedJSON(string(e.Method))...)
	if e.Params != nil {
		raw = append(append(raw, `,"params":`...), e.Params...)
	}
	return append(raw, '}')
}

// isBatch reports whether a message is a list of messages.
func isBatch(raw []byte) bool { return jsontext.Value(bytes.TrimLeft(raw, " \t\r\n")).Kind() == '[' }

// decodeBatch decodes a list of messages, without looking into them.
func decodeBatch(raw []byte) (messages []jsontext.Value, err error) {
	err = jsonv2.Unmarshal(raw, &messages, lenient)
	return messages, err
}

// isResponse reports whether the message answers a request of the server.
func (e envelope) isResponse() bool { return e.Method == "" && len(e.ID) > 0 && e.ID.Kind() != 'n' }

// isNotification reports whether the message wants no answer.
func (e envelope) isNotification() bool { return e.Method != "" && e.ID == nil }

// checkRequest returns the error for a request that JSON-RPC does not have.
func (e envelope) checkRequest() *rpcError {
	switch kind := e.ID.Kind(); {
	case kind != '"' && kind != '0':
		return &rpcError{Code: mcp.INVALID_REQUEST, Message: "the id of a request is a text or a number"}
	case e.Version != mcp.JSONRPC_VERSION:
		return &rpcError{Code: mcp.INVALID_REQUEST, Message: `a message has "jsonrpc": "2.0"`}
	case e.Method == "":
		return &rpcError{Code: mcp.INVALID_REQUEST, Message: "the message has no method"}
	}
	return nil
}

// rpcError is the error of a JSON-RPC response.
type rpcError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}

// reply makes the response with an error. An id that is none is not repeated.
func (err *rpcError) reply(id jsontext.Value) []byte {
	if kind := id.Kind(); kind != '"' && kind != '0' {
		id = nil
	}
	raw, encodingErr := json.Marshal(err)
	if encodingErr != nil {
		raw = []byte(`{"code":-32603,"message":"the error cannot be encoded"}`)
	}
	return encodeReply(id, "error", raw)
}

// encodeReply makes a response of an encoded result or error. It has no id where none could be read.
func encodeReply(id jsontext.Value, member string, value []byte) []byte {
	const around = len(`{"jsonrpc":"2.0","id":,"":}` + "\n") // the newline of stdio
	raw := make([]byte, 0, around+len(id)+len(member)+len(value))
	raw = append(raw, `{"jsonrpc":"2.0",`...)
	if len(id) > 0 {
		raw = append(append(append(raw, `"id":`...), id...), ',')
	}
	raw = append(append(append(raw, '"'), member...), `":`...)
	return append(append(raw, value...), '}')
}

// encodeRequest makes a request of the server, or a notification where id is empty.
func encodeRequest(id jsontext.Value, method mcp.MCPMethod, params any) ([]byte, error) {
	return json.Marshal(struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id,omitempty"`
		Method  mcp.MCPMethod   `json:"method"`
		Params  any             `json:"params"`
	}{mcp.JSONRPC_VERSION, json.RawMessage(id), method, params})
}

// requestMeta is the part of "_meta" that the server reads.
type requestMeta struct {
	ProtocolVersion string              `json:"io.modelcontextprotocol/protocolVersion"`
	Capabilities    *clientCapabilities `json:"io.modelcontextprotocol/clientCapabilities"`
	ProgressToken   jsontext.Value      `json:"progressToken"`
	TraceParent     jsontext.Value      `json:"traceparent"`
	TraceState      jsontext.Value      `json:"tracestate"`
	RequestID       jsontext.Value      `json:"org.vpsbot/request-id"` // the idempotency key; the JSON-RPC id is none: clients count from 1 in every session
}

// clientCapabilities are those of a client that the server uses.
type clientCapabilities struct {
	Elicitation *struct {
		Form jsontext.Value `json:"form"`
		URL  jsontext.Value `json:"url"`
	} `json:"elicitation"`
}

// forms reports whether the client has declared the capability of elicitation by form. An elicitation to any other
// client would fail or hang. In older revisions, which have one mode, the capability is an empty object.
func (c *clientCapabilities) forms() bool {
	return c != nil && c.Elicitation != nil && (c.Elicitation.Form != nil || c.Elicitation.URL == nil)
}

type callParams struct {
	Name      string         `json:"name"`
	Arguments jsontext.Value `json:"arguments"`
	Meta      requestMeta    `json:"_meta"`
	State     string         `json:"requestState"`
	Answers   struct {
		Confirm jsontext.Value `json:"confirm"`
	} `json:"inputResponses"`
}
