package mcpserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"sync"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/mark3labs/mcp-go/mcp"

	"github.com/vpsbot/vpsbot/internal/trace"
	"github.com/vpsbot/vpsbot/tools"
)

// answerOne answers a request. It cancels the request that a notification names, and ignores all others.
func (s *Server) answerOne(ctx context.Context, c client, e envelope) (reply []byte) {
	if e.isNotification() {
		if e.Method == mcp.MethodNotificationCancelled {
			s.cancel(c, e.Params)
		}
		return nil
	}
	if err := e.checkRequest(); err != nil {
		return err.reply(e.ID)
	}
	defer func() {
		if broken := recover(); broken != nil {
			reply = s.fail(e, broken)
		}
	}()
	ctx, done := s.cancellable(ctx, c, e.ID)
	defer done()
	if s.Runner.Tracer != nil {
		var span trace.Span
		ctx, span = s.beginTrace(ctx, c, e)
		defer func() { endTrace(span, reply) }()
	}
	if e.Method == mcp.MethodToolsCall {
		return s.answerCall(ctx, c, e)
	}
	return s.passOn(ctx, c, e)
}

// fail logs an error of ours, and replies with the id of the log line.
func (s *Server) fail(e envelope, cause any) []byte {
	id := s.logInternalError(string(e.Method), cause)
	return (&rpcError{Code: mcp.INTERNAL_ERROR, Message: "an internal error (id " + id + "); it is logged"}).reply(e.ID)
}

// passOn has mcp-go answer a request.
func (s *Server) passOn(ctx context.Context, c client, e envelope) []byte {
	if e.Method == mcp.MethodSubscriptionsListen { // nothing that a client could listen to ever changes
		return (&rpcError{Code: mcp.METHOD_NOT_FOUND, Message: "there is nothing to subscribe to"}).reply(e.ID)
	}
	switch r := handleMessage(withClient(ctx, c), s.mcp(), e.forMCPGo()).(type) {
	case mcp.JSONRPCResponse:
		result, err := json.Marshal(r.Result)
		if err != nil {
			return s.fail(e, err)
		}
		return encodeReply(e.ID, "result", result)
	case mcp.JSONRPCError:
		failed := &rpcError{Code: r.Error.Code, Message: r.Error.Message, Data: r.Error.Data}
		if e.Method == mcp.MethodResourcesRead && failed.Data == nil {
			failed.Data = uriOf(e.Params)
		}
		return failed.reply(e.ID)
	}
	return nil
}

// uriOf returns the resource that resources/read names, which the protocol wants in the data of an error.
func uriOf(params jsontext.Value) any {
	var read struct {
		URI string `json:"uri"`
	}
	if jsonv2.Unmarshal(params, &read, lenient) != nil || read.URI == "" {
		return nil
	}
	return read
}

// answerCall answers tools/call: by the Runner if the tool is an operation, from the store if it reads records, else
// by mcp-go.
func (s *Server) answerCall(ctx context.Context, c client, e envelope) (reply []byte) {
	var params callParams
	if err := jsonv2.Unmarshal(e.Params, &params, lenient); err != nil {
		return (&rpcError{Code: mcp.INVALID_PARAMS, Message: "the parameters of tools/call cannot be read: " + paramsFault(err)}).reply(e.ID)
	}
	op, ok := s.operations()[params.Name]
	records, isRead := recordToolNamed(params.Name)
	if !ok && !isRead {
		return s.passOn(ctx, c, e)
	}
	modern, err := params.Meta.era()
	if err != nil {
		return err.reply(e.ID)
	}
	if isRead {
		return encodeReply(e.ID, "result", s.callRecords(ctx, c, records, params).encode(modern))
	}
	return encodeReply(e.ID, "result", s.callTool(ctx, c, op, params).encode(modern))
}

// paramsFault names the member that cannot be read, and no value.
func paramsFault(err error) string {
	if fault, ok := errors.AsType[*jsonv2.SemanticError](err); ok && fault.JSONPointer != "" {
		return string(fault.JSONPointer) + " has the wrong type"
	}
	return "an object is wanted"
}

// era reports whether a request is of the newer era, as mcp-go decides it.
func (m requestMeta) era() (modern bool, err *rpcError) {
	if !mcp.IsModernProtocol(m.ProtocolVersion) {
		return false, nil
	}
	if !mcp.IsValidProtocolVersion(m.ProtocolVersion) {
		refused := mcp.UnsupportedProtocolVersionError{Version: m.ProtocolVersion, Supported: mcp.ValidProtocolVersions}.JSONRPCError().Error
		return true, &rpcError{Code: refused.Code, Message: refused.Message, Data: refused.Data}
	}
	if m.Capabilities == nil {
		return true, &rpcError{Code: mcp.INVALID_PARAMS, Message: "missing or invalid _meta field " + mcp.MetaKeyClientCapabilities}
	}
	return true, nil
}

func (s *Server) operations() map[string]*tools.Op {
	s.byTool.once.Do(func() {
		s.byTool.ops = map[string]*tools.Op{}
		for _, op := range s.Runner.Catalogue.Operations() {
			s.byTool.ops[op.ToolName()] = op
		}
	})
	return s.byTool.ops
}

// mostInBatch limits the messages of one list.
const mostInBatch = 100

// answerBatch answers a list of messages, which revision 2025-03-26 alone has. They are answered at the same time, in
// one list.
func (s *Server) answerBatch(ctx context.Context, c client, raw []byte) []byte {
	messages, err := decodeBatch(raw)
	switch refused := (&rpcError{Code: mcp.INVALID_REQUEST}); {
	case err != nil:
		return (&rpcError{Code: mcp.PARSE_ERROR, Message: "the message is not JSON"}).reply(nil)
	case c.version != mcp.ProtocolVersion20250326:
		refused.Message = "a list of messages can be sent in protocol version 2025-03-26 alone: send them one by one"
		return refused.reply(nil)
	case len(messages) == 0 || len(messages) > mostInBatch:
		refused.Message = "a list of messages has 1 to 100"
		return refused.reply(nil)
	}
	replies := make([][]byte, len(messages))
	var all sync.WaitGroup
	for i, m := range messages {
		all.Go(func() { replies[i] = s.answerInBatch(ctx, c, m) })
	}
	all.Wait()
	replies = slices.DeleteFunc(replies, func(reply []byte) bool { return reply == nil })
	if len(replies) == 0 {
		return nil
	}
	return slices.Concat([]byte("["), bytes.Join(replies, []byte(",")), []byte("]"))
}

func (s *Server) answerInBatch(ctx context.Context, c client, raw jsontext.Value) []byte {
	defer s.recoverPanic("a message of a list")
	e, err := decodeEnvelope(raw)
	switch {
	case err != nil:
		return err.reply(nil)
	case e.Method == mcp.MethodInitialize:
		return (&rpcError{Code: mcp.INVALID_REQUEST, Message: "initialize cannot be part of a list"}).reply(e.ID)
	case e.isResponse():
		if !s.respond(c, e) && c.elsewhere != nil {
			if refused := c.elsewhere(ctx, c, e); refused != nil {
				return refused.reply(e.ID)
			}
		}
		return nil
	}
	return s.answerOne(ctx, c, e)
}

// underWay is a request that a notification can cancel.
type underWay struct{ cancel context.CancelCauseFunc }

var errCancelled = errors.New("the client has cancelled the request")

// cancellable lets the client cancel a request by its exact id.
func (s *Server) cancellable(ctx context.Context, c client, id jsontext.Value) (_ context.Context, done func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	key, entry := c.session+" "+string(id), &underWay{cancel}
	s.requests.Store(key, entry)
	return ctx, func() {
		cancel(nil)
		s.requests.CompareAndDelete(key, entry)
	}
}

// cancel cancels the request of the same session with the id that a notification names.
func (s *Server) cancel(c client, params jsontext.Value) {
	var cancelled struct {
		ID jsontext.Value `json:"requestId"`
	}
	if c.session == "" || jsonv2.Unmarshal(params, &cancelled, lenient) != nil {
		return
	}
	if entry, ok := s.requests.Load(c.session + " " + string(cancelled.ID)); ok {
		entry.(*underWay).cancel(errCancelled)
	}
}

// checkEra decides of which era a message is, as mcp-go does: by the version in "_meta", or in the header. It checks
// what the newer one wants to be told in headers too.
func (x *exchange) checkEra(e envelope) (modern bool, refused *rpcError) {
	var params struct {
		Meta requestMeta `json:"_meta"`
	}
	if len(e.Params) > 0 {
		_ = jsonv2.Unmarshal(e.Params, &params, lenient) // whoever reads the parameters returns the error
	}
	inBody, inHeader := params.Meta.ProtocolVersion, x.r.Header.Get(mcp.HeaderProtocolVersion)
	if !mcp.IsModernProtocol(inBody) && !mcp.IsModernProtocol(inHeader) {
		if inHeader != "" && e.Method != mcp.MethodInitialize && !mcp.IsValidProtocolVersion(inHeader) {
			return false, &rpcError{Code: mcp.INVALID_REQUEST, Message: "the protocol version " + printable(inHeader) + " is not known"}
		}
		return false, nil
	}
	if e.isResponse() {
		return true, nil
	}
	switch {
	case e.isNotification() && inBody == "":
		return true, nil
	case inBody == "":
		return true, &rpcError{Code: mcp.INVALID_PARAMS, Message: "missing or invalid _meta field " + mcp.MetaKeyProtocolVersion}
	case inHeader == "":
		return true, &rpcError{Code: mcp.HEADER_MISMATCH, Message: "the header " + mcp.HeaderProtocolVersion + " is missing"}
	case inHeader != inBody:
		return true, &rpcError{Code: mcp.HEADER_MISMATCH, Message: "the header " + mcp.HeaderProtocolVersion + " is not the version in _meta"}
	}
	if _, refused = params.Meta.era(); refused != nil {
		return true, refused
	}
	var mismatch mcp.HeaderMismatchError
	if err := mcp.ValidateStandardHeaders(x.r.Header.Get, inBody, e.Method, []byte(e.Params)); errors.As(err, &mismatch) {
		return true, &rpcError{Code: mcp.HEADER_MISMATCH, Message: mismatch.Error()}
	}
	return true, nil
}

// statusOf returns the HTTP status of the reply to a request in the newer era.
func statusOf(id jsontext.Value, reply []byte) int {
	if bytes.HasPrefix(reply, bytes.TrimSuffix(encodeReply(id, "result", nil), []byte("}"))) {
		return http.StatusOK // without a look into what may be long
	}
	var failed struct {
		Error *struct {
			Code int `json:"code"`
		} `json:"error"`
	}
	if jsonv2.Unmarshal(reply, &failed, lenient) != nil || failed.Error == nil {
		return http.StatusOK
	}
	switch failed.Error.Code {
	case mcp.METHOD_NOT_FOUND:
		return http.StatusNotFound
	case mcp.HEADER_MISMATCH, mcp.MISSING_REQUIRED_CLIENT_CAPABILITY, mcp.UNSUPPORTED_PROTOCOL_VERSION, mcp.INVALID_REQUEST, mcp.INVALID_PARAMS, mcp.PARSE_ERROR:
		return http.StatusBadRequest
	}
	return http.StatusOK
}

// labelled are the methods that metrics tell apart.
var labelled = []mcp.MCPMethod{
	mcp.MethodInitialize, mcp.MethodPing, mcp.MethodServerDiscover, mcp.MethodToolsList, mcp.MethodToolsCall, mcp.MethodResourcesList,
	mcp.MethodResourcesTemplatesList, mcp.MethodResourcesRead, mcp.MethodPromptsList, mcp.MethodPromptsGet, mcp.MethodCompletionComplete,
}

func methodLabel(method mcp.MCPMethod) string {
	switch {
	case method == "":
		return "response"
	case slices.Contains(labelled, method):
		return string(method)
	}
	return "other"
}
