package mcpserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/mark3labs/mcp-go/mcp"

	"github.com/vpsbot/vpsbot/tools"
)

// questions are the elicitations to clients of the older era whose calls wait for the response in this process. mcp-go's
// own do not reveal the id, so that none could be cancelled, and keep waiting after an invalid response.
type questions struct{ open sync.Map } // of channels of a response, by session and id

// response is a JSON-RPC response.
type response struct {
	result json.RawMessage
	err    error
}

var errInvalidResponse = errors.New("the client's answer is no answer of JSON-RPC")

type serverRequest struct {
	nonce  string
	method mcp.MCPMethod
	params any
}

// put sends a request to a client and waits for the response. It withdraws the request if ctx ends first.
func (q *questions) put(ctx context.Context, c client, r serverRequest) (json.RawMessage, error) {
	id := c.questionID(r.nonce)
	key, answered := questionKey(c, id), make(chan response, 1)
	q.open.Store(key, answered)
	defer q.open.Delete(key)
	message, err := encodeRequest(id, r.method, r.params)
	if err == nil {
		err = c.send(message)
	}
	if err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		if _, isOpen := q.open.LoadAndDelete(key); !isOpen && c.remote { // the answer has just come, and was acknowledged
			answer := <-answered
			return answer.result, answer.err
		}
		return nil, errors.Join(ctx.Err(), c.notify(mcp.MethodNotificationCancelled, map[string]any{"requestId": json.RawMessage(id), "reason": "the question is over"}))
	case answer := <-answered:
		return answer.result, answer.err
	}
}

func elicitationOf(raw json.RawMessage) (*mcp.ElicitationResult, error) {
	var result mcp.ElicitationResult
	if err := json.Unmarshal(raw, &result); err != nil {
		return nil, errors.Join(errInvalidResponse, err)
	}
	return &result, nil
}

// questionID returns the id of a question. Over HTTP it is the nonce that the store knows, so that any process can take
// the response; on stdio it is a number.
func (c client) questionID(nonce string) jsontext.Value {
	if c.remote {
		return tools.QuotedJSON(nonce)
	}
	return strconv.AppendInt(nil, c.asked.Add(1), 10)
}

// questionKey finds a question by the id of its response. Some clients return numbers as texts.
func questionKey(c client, id jsontext.Value) string {
	return c.session + " " + strings.Trim(string(id), `"`)
}

// respond delivers a response to the call that waits for it here, whatever it holds. The second response to a
// question, and one to nothing, goes nowhere.
func (s *Server) respond(c client, e envelope) (delivered bool) {
	open, ok := s.questions.open.LoadAndDelete(questionKey(c, e.ID))
	if !ok {
		return false
	}
	open.(chan response) <- parseResponse(e.Result, e.Error)
	return true
}

// parseResponse returns the response with a result or an error; null stands for neither.
func parseResponse(result, failure jsontext.Value) response {
	isResult, isFailure := len(result) > 0 && result.Kind() != 'n', len(failure) > 0 && failure.Kind() != 'n'
	switch {
	case isResult == isFailure:
		return response{err: errInvalidResponse}
	case isFailure:
		return response{err: fmt.Errorf("the client answered with an error: %s", failure)}
	}
	return response{result: json.RawMessage(result)}
}
