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

	"github.com/mark3labs/mcp-go/mcp"
)

// elicitor sends elicitations to the client of a pipe and matches the responses. mcp-go's own does not reveal
// the id of a request, so that none could be cancelled, and keeps waiting after an invalid response.
type elicitor struct {
	out io.Writer // one message a write

	mu   sync.Mutex
	last int64
	open map[string]chan response // by the id of the request
}

// response is a JSON-RPC response.
type response struct {
	result json.RawMessage
	err    error
}

var errInvalidResponse = errors.New("the client's answer is no answer of JSON-RPC")

// elicit sends an elicitation and waits for its response. It cancels the elicitation if ctx ends first.
func (e *elicitor) elicit(ctx context.Context, params mcp.ElicitationParams) (*mcp.ElicitationResult, error) {
	id, received := e.register()
	defer e.unregister(id)
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

func (e *elicitor) register() (id string, received <-chan response) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.open == nil {
		e.open = map[string]chan response{}
	}
	e.last++
	id, ch := strconv.FormatInt(e.last, 10), make(chan response, 1)
	e.open[id] = ch
	return id, ch
}

func (e *elicitor) unregister(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.open, id)
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
	e.mu.Lock()
	defer e.mu.Unlock()
	id := string(bytes.Trim(m.ID, `"`)) // some clients return numbers as texts
	ch, ok := e.open[id]
	if !ok {
		return m.Result != nil || m.Error != nil
	}
	delete(e.open, id) // a second response is ignored
	ch <- parseResponse(m.Result, m.Error)
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
