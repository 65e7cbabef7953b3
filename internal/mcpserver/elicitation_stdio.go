package mcpserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/mark3labs/mcp-go/mcp"
)

// elicitor sends elicitations to the client of a pipe and matches the responses. mcp-go's own does not reveal
// the id of a request, so that none could be cancelled, and keeps waiting after an invalid response.
type elicitor struct {
	out io.Writer // one message a write

	last atomic.Int64
	open sync.Map // of channels of a response, by the id of the request
}

// response is a JSON-RPC response.
type response struct {
	result json.RawMessage
	err    error
}

var errInvalidResponse = errors.New("the client's answer is no answer of JSON-RPC")

// elicit sends an elicitation and waits for its response. It cancels the elicitation if ctx ends first.
func (e *elicitor) elicit(ctx context.Context, params mcp.ElicitationParams) (*mcp.ElicitationResult, error) {
	id, received := strconv.FormatInt(e.last.Add(1), 10), make(chan response, 1)
	e.open.Store(id, received)
	defer e.open.Delete(id)
	if err := e.write(map[string]any{"id": json.Number(id), "method": mcp.MethodElicitationCreate, "params": params}); err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		cancelled := map[string]any{"requestId": json.Number(id), "reason": "the question is over"}
		return nil, errors.Join(ctx.Err(), e.write(map[string]any{"method": mcp.MethodNotificationCancelled, "params": cancelled}))
	case r := <-received:
		if r.err != nil {
			return nil, r.err
		}
		var result mcp.ElicitationResult
		if err := json.Unmarshal(r.result, &result); err != nil {
			return nil, errors.Join(errInvalidResponse, err)
		}
		return &result, nil
	}
}

func (e *elicitor) write(message map[string]any) error {
	message["jsonrpc"] = mcp.JSONRPC_VERSION
	line, err := json.Marshal(message)
	if err != nil {
		return err
	}
	_, err = e.out.Write(append(line, '\n'))
	return err
}

// handleResponse reports whether a line is a response to an elicitation, and delivers it: a message with the id
// of an open request, whatever its content, or a result or an error for any other id.
func (e *elicitor) handleResponse(line []byte) bool {
	var m struct {
		ID            json.RawMessage
		Method        *json.RawMessage
		Result, Error json.RawMessage
	}
	if json.Unmarshal(line, &m) != nil || m.Method != nil || len(m.ID) == 0 || m.ID[0] == 'n' {
		return false
	}
	// Some clients return numbers as texts. A second response is ignored.
	received, ok := e.open.LoadAndDelete(string(bytes.Trim(m.ID, `"`)))
	if !ok {
		return m.Result != nil || m.Error != nil
	}
	received.(chan response) <- parseResponse(m.Result, m.Error)
	return true
}

// parseResponse returns the response with a result or an error; null stands for neither.
func parseResponse(result, failure json.RawMessage) response {
	if string(result) == "null" {
		result = nil
	}
	if string(failure) == "null" {
		failure = nil
	}
	switch {
	case (result == nil) == (failure == nil):
		return response{err: errInvalidResponse}
	case failure != nil:
		return response{err: fmt.Errorf("the client answered with an error: %s", failure)}
	}
	return response{result: result}
}
