package mcpserver

import (
	"bytes"
	"context"
	"strconv"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/mark3labs/mcp-go/mcp"

	"github.com/vpsbot/vpsbot/internal/trace"
)

// beginTrace begins the span of a request, by the semantic conventions for MCP: below the span that its "_meta" names,
// else below that of the header traceparent. Its names are the methods and tools that exist: what else a client sends is
// no part of it.
func (s *Server) beginTrace(ctx context.Context, c client, e envelope) (context.Context, trace.Span) {
	var params struct {
		Name string      `json:"name"`
		Meta requestMeta `json:"_meta"`
	}
	_ = jsonv2.Unmarshal(e.Params, &params, lenient) // whoever reads the parameters returns the error
	ctx = trace.Remote(ctx, textOf(params.Meta.TraceParent), textOf(params.Meta.TraceState))
	name, tool := methodLabel(e.Method), ""
	if e.Method == mcp.MethodToolsCall {
		if _, isOperation := s.operations()[params.Name]; isOperation {
			tool = params.Name
		} else if _, isRecords := recordToolNamed(params.Name); isRecords {
			tool = params.Name
		}
	}
	if tool != "" {
		name += " " + tool
	}
	ctx, span := s.Runner.Tracer.Begin(ctx, trace.Server, name)
	span.Text("mcp.method.name", methodLabel(e.Method))
	if tool != "" {
		span.Text("gen_ai.tool.name", tool)
		span.Text("gen_ai.operation.name", "execute_tool")
	}
	if mcp.IsValidProtocolVersion(c.version) {
		span.Text("mcp.protocol.version", c.version)
	}
	span.Text("network.transport", map[bool]string{true: "tcp", false: "pipe"}[c.remote])
	if c.remote {
		span.Text("network.protocol.name", "http")
	}
	return ctx, span
}

// textOf returns the text of a JSON string; empty for anything else.
func textOf(v jsontext.Value) (text string) {
	_ = jsonv2.Unmarshal(v, &text)
	return text
}

// endTrace ends the span of a request by its reply: an error of JSON-RPC by its code, one of a tool as such.
func endTrace(span trace.Span, reply []byte) {
	defer span.End()
	var answered struct {
		Error *struct {
			Code int `json:"code"`
		} `json:"error"`
		Result struct {
			IsError bool `json:"isError"`
		} `json:"result"`
	}
	if !bytes.Contains(reply, []byte(`"isError":true`)) && !bytes.Contains(reply, []byte(`"error":`)) {
		return
	}
	_ = jsonv2.Unmarshal(reply, &answered, lenient) // it is ours
	switch {
	case answered.Error != nil:
		code := strconv.Itoa(answered.Error.Code)
		span.Text("rpc.response.status_code", code)
		span.Fail(code)
	case answered.Result.IsError:
		span.Fail("tool_error")
	}
}
