package mcpserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/mark3labs/mcp-go/mcp"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// waitLimit limits the input "wait": clients cancel a call after a minute.
const waitLimit = 50 * time.Second

type toolCall struct {
	*Server
	client   client
	op       *tools.Op
	call     runner.Call
	modern   bool              // an elicitation is a result, and its answer is in a new call
	progress *progressReporter // nil if the client did not request progress
	limit    *callLimit        // nil on stdio
}

func (s *Server) callTool(ctx context.Context, c client, op *tools.Op, params callParams) (result callResult) {
	defer func() {
		if broken := recover(); broken != nil {
			result = s.internalError(op.ToolName(), broken)
		}
	}()
	x := toolCall{
		Server: s, client: c, op: op, modern: mcp.IsModernProtocol(params.Meta.ProtocolVersion),
		progress: newProgressReporter(c, op, params),
	}
	if c.remote {
		ctx, x.limit = limitCall(ctx)
		defer x.limit.pause()
	}
	forms := c.forms
	if x.modern {
		forms = params.Meta.Capabilities.forms()
	}
	x.call = runner.Call{
		Operation: op.Name, Input: arguments(op, params.Arguments), Actor: c.actor, Surface: permissions.MCP, Remote: c.remote,
		CanPrompt: forms && c.memory.acceptsForm("", s.Runner.Now()), WaitLimit: waitLimit,
	}
	if op.Settles && x.progress != nil {
		x.call.Progress = x.progress.status
	}
	var err error
	if x.call.RequestID, err = requestID(params.Meta.RequestID); err != nil {
		return x.result(x.invalid(err))
	}
	if params.State != "" || params.Answers.Confirm != nil {
		// An answer may come to a question that was never put: only the stored record of the nonce is trusted.
		reply, _ := x.submit(ctx, params.State, parseAnswer(params.Answers.Confirm), false)
		return x.result(reply)
	}
	return x.run(ctx)
}

// run runs the call, and elicits a confirmation if a person must confirm it.
func (x *toolCall) run(ctx context.Context) callResult {
	reply := x.Runner.Run(ctx, x.call)
	if reply.Outcome != runner.ApprovalRequired || reply.Record == nil {
		return x.result(reply)
	}
	x.watch(x.call, *reply.Record, x.client.memory)
	switch {
	case reply.Card == nil || !x.Runner.MayPrompt(ctx, x.call, *reply.Record):
		return x.result(reply)
	case !x.client.memory.acceptsForm(reply.Record.ID, x.Runner.Now()):
		return x.result(x.escalate(ctx, reply.Record.ID, "This is not asked here again.", ""))
	}
	return x.elicit(ctx, reply)
}

// callResult is the result of tools/call: what a reply says, or the question that the client must bring the answer to.
type callResult struct {
	text       string
	structured json.RawMessage // nil: none
	isError    bool

	question *mcp.ElicitationParams
	state    string // that comes back with the answer
}

// result makes the result of a reply: the text is complete by itself, and structured content is valid against the
// tool's output schema. Both have the names of tools, not of operations.
func (s *Server) result(reply runner.Reply) callResult {
	reply.Message = s.toolNames(reply.Message)
	if reply.Card != nil {
		card := *reply.Card
		card.Operation = s.toolNames(card.Operation)
		reply.Card = &card
	}
	return callResult{text: reply.Text(), structured: reply.Structured(), isError: reply.Class != runner.OK}
}

func (r callResult) encode(modern bool) []byte {
	const around = 300 // bytes, beside what a reply says
	raw := append(make([]byte, 0, around+len(r.text)+len(r.text)/8+len(r.structured)), '{')
	switch {
	case r.question != nil:
		question, err := json.Marshal(mcp.NewElicitationInputRequest(*r.question))
		if err != nil {
			panic(err) // texts and a schema of ours always encode
		}
		raw = append(raw, `"resultType":"`+string(mcp.ResultTypeInputRequired)+`","inputRequests":{"`+elicitationKey+`":`...)
		return append(append(append(append(raw, question...), `},"requestState":`...), tools.QuotedJSON(r.state)...), '}')
	case modern:
		raw = append(raw, `"resultType":"`+string(mcp.ResultTypeComplete)+`",`...)
	}
	raw, _ = jsontext.AppendQuote(append(raw, `"content":[{"type":"text","text":`...), r.text)
	raw = append(raw, `}]`...)
	if r.structured != nil {
		raw = append(append(raw, `,"structuredContent":`...), r.structured...)
	}
	if r.isError {
		raw = append(raw, `,"isError":true`...)
	}
	return append(raw, '}')
}

var errRequestID = errors.New("_meta.org.vpsbot/request-id must be a string of 1 to 128 printable characters")

// requestID returns the client's idempotency key, or "" if there is none.
func requestID(given jsontext.Value) (id string, err error) {
	if given == nil {
		return "", nil
	}
	if jsonv2.Unmarshal(given, &id) != nil || !approval.IsRequestID(id) {
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
func arguments(op *tools.Op, given jsontext.Value) []byte {
	raw := bytes.TrimSpace(given)
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
	if err := jsonv2.Unmarshal(raw, &members); err != nil {
		return raw // the Runner returns the error
	}
	maps.DeleteFunc(members, func(name string, _ jsontext.Value) bool {
		_, own := op.Field(name)
		return slices.Contains(addedByClients, name) && !own
	})
	kept, err := jsonv2.Marshal(members, jsonv2.Deterministic(true))
	if err != nil {
		return raw
	}
	return kept
}
