package mcpserver

import (
	"bytes"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/mark3labs/mcp-go/mcp"

	"github.com/vpsbot/vpsbot/tools"
)

// addedByClients are the members that clients put among the arguments on their own account: Gemini
// CLI, Cline, and the last five n8n. Any other unknown member is a mistake of the caller's.
var addedByClients = []string{"wait_for_previous", "task_progress", "toolCallId", "sessionId", "chatInput", "action", "tool"}

// arguments returns the call's input without what the client added. Missing, null and an empty text
// are no input; an object that came as a text is that object.
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
	added := func(name string) bool {
		return slices.Contains(addedByClients, name) && !slices.ContainsFunc(op.Fields, func(f tools.Field) bool { return f.Name == name })
	}
	if !slices.ContainsFunc(addedByClients, func(name string) bool { return strings.Contains(string(raw), name) }) || len(raw) > tools.MaxInput {
		return raw
	}
	var members map[string]jsontext.Value
	if err := json.Unmarshal(raw, &members); err != nil {
		return raw // the Runner says what is wrong with it
	}
	for name := range members {
		if added(name) {
			delete(members, name)
		}
	}
	kept, err := json.Marshal(members, json.Deterministic(true))
	if err != nil {
		return raw
	}
	return kept
}
