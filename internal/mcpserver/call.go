package mcpserver

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// waitLimit limits the input "wait": clients cancel a call after a minute.
const waitLimit = 50 * time.Second

// toolCall is one tools/call.
type toolCall struct {
	*Server
	op       *tools.Op
	call     runner.Call
	modern   bool              // an elicitation is a result, and its answer is in a new call
	progress *progressReporter // nil if the client did not request progress
}

func (s *Server) handler(op *tools.Op) server.ToolHandlerFunc {
	return func(ctx context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		x := toolCall{
			Server: s, op: op, modern: server.IsModernRequest(ctx), progress: newProgressReporter(ctx, op, req),
		}
		defer x.progress.flush()
		x.call = runner.Call{
			Operation: op.Name, Input: arguments(op, req), Actor: s.Actor, Surface: permissions.MCP,
			CanPrompt: canElicit(ctx) && x.client.acceptsForm("", s.Runner.Now()), WaitLimit: waitLimit,
		}
		if op.Settles && x.progress != nil {
			x.call.Progress = x.progress.status
		}
		var err error
		if x.call.RequestID, err = requestID(req.Params.Meta); err != nil {
			return x.result(x.invalid(err)), nil
		}
		if req.Params.RequestState != "" || len(req.Params.InputResponses) > 0 {
			// mcp-go passes on answers to elicitations that were never sent: only the stored record of their nonce is
			// trusted.
			given := parseAnswer(server.ElicitationResponse(req.Params.InputResponses, elicitationKey))
			return x.result(x.submit(ctx, req.Params.RequestState, given, false)), nil
		}
		return x.run(ctx), nil
	}
}

// run runs the call, and elicits a confirmation if a person must confirm it.
func (x *toolCall) run(ctx context.Context) *mcp.CallToolResult {
	reply := x.Runner.Run(ctx, x.call)
	if reply.Outcome != runner.ApprovalRequired || reply.Record == nil {
		return x.result(reply)
	}
	x.watch(x.call, *reply.Record)
	switch {
	case !x.call.CanPrompt || reply.Card == nil || !x.Runner.MayCarry(ctx, *reply.Record, permissions.MCP):
		return x.result(reply)
	case !x.client.acceptsForm(reply.Record.ID, x.Runner.Now()):
		return x.result(x.escalate(ctx, reply.Record.ID, "This is not asked here again.", ""))
	}
	return x.elicit(ctx, reply)
}

// result makes a tool result of a reply: the text is complete by itself, and structured content
// is valid against the tool's output schema. Both have the names of tools, not of operations.
func (s *Server) result(reply runner.Reply) *mcp.CallToolResult {
	reply.Message = s.toolNames(reply.Message)
	if reply.Card != nil {
		card := *reply.Card
		card.Operation = s.toolNames(card.Operation)
		reply.Card = &card
	}
	r := &mcp.CallToolResult{
		Content: []mcp.Content{mcp.TextContent{Type: "text", Text: reply.Text()}},
		IsError: reply.Class != runner.OK,
	}
	if structured := reply.Structured(); structured != nil {
		r.StructuredContent = structured
	}
	return r
}

// canElicit reports whether the client has declared the capability of elicitation by form. An elicitation to
// any other client would fail or hang.
func canElicit(ctx context.Context) bool {
	var can *mcp.ElicitationCapability
	if info := server.RequestProtocolInfoFromContext(ctx); info != nil && info.Modern {
		if info.ClientCapabilities != nil {
			can = info.ClientCapabilities.Elicitation
		}
	} else if s, ok := server.ClientSessionFromContext(ctx).(server.SessionWithClientInfo); ok {
		can = s.GetClientCapabilities().Elicitation
	}
	// In older revisions, which have one mode, the capability is an empty object.
	return can != nil && (can.Form != nil || can.URL == nil)
}

// requestKey is the member of "_meta" with the idempotency key of a request. The id of a JSON-RPC message is no
// such key: clients count from 1 in every session.
const requestKey = "org.vpsbot/request-id"

var errRequestID = errors.New("_meta." + requestKey + " must be a string of 1 to 128 printable characters")

// requestID returns the client's idempotency key, or "" if there is none.
func requestID(meta *mcp.Meta) (string, error) {
	if meta == nil {
		return "", nil
	}
	given, ok := meta.AdditionalFields[requestKey]
	if !ok {
		return "", nil
	}
	id, ok := given.(string)
	if !ok || !approval.IsRequestID(id) {
		return "", errRequestID
	}
	return id, nil
}

// invalid replies to a call that is refused before the Runner.
func (x *toolCall) invalid(err error) runner.Reply {
	reply := runner.Reply{Op: x.op, Class: runner.Invalid, Message: err.Error()}
	if !x.op.IsRead() {
		reply.Outcome = runner.Refused
	}
	return reply
}

// addedByClients are the members that clients add to the arguments: Gemini CLI, Cline, and the last five n8n.
// Any other unknown member is an error.
var addedByClients = []string{"wait_for_previous", "task_progress", "toolCallId", "sessionId", "chatInput", "action", "tool"}

// arguments returns the call's input without the members that the client added. Missing, null and an empty text
// are no input; an object inside a text is that object.
func arguments(op *tools.Op, req mcp.CallToolRequest) []byte {
	raw := bytes.TrimSpace(req.Params.RawArguments)
	if jsontext.Value(raw).Kind() == '"' {
		text, err := jsontext.AppendUnquote(nil, raw)
		text = bytes.TrimSpace(text)
		if err == nil && (len(text) == 0 || jsontext.Value(text).Kind() == '{') {
			raw = text
		}
	}
	if string(raw) == "null" {
		return nil
	}
	return withoutAdded(op, raw)
}

func withoutAdded(op *tools.Op, raw []byte) []byte {
	if !slices.ContainsFunc(addedByClients, func(name string) bool { return strings.Contains(string(raw), name) }) || len(raw) > tools.MaxInput {
		return raw
	}
	var members map[string]jsontext.Value
	if err := json.Unmarshal(raw, &members); err != nil {
		return raw // the Runner returns the error
	}
	maps.DeleteFunc(members, func(name string, _ jsontext.Value) bool {
		_, own := op.Field(name)
		return slices.Contains(addedByClients, name) && !own
	})
	kept, err := json.Marshal(members, json.Deterministic(true))
	if err != nil {
		return raw
	}
	return kept
}
