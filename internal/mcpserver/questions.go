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

// questions puts questions to the client of a pipe and hands each answer to who asked. mcp-go does so
// too, but keeps the id of a question to itself, so that none could be withdrawn, and waits on for an
// answer that came and cannot be read.
type questions struct {
	out io.Writer // one message a write

	mu   sync.Mutex
	last int64
	open map[string]chan clientAnswer // by the id of the question
}

type clientAnswer struct {
	result json.RawMessage
	err    error
}

var errBrokenAnswer = errors.New("the client's answer is no answer of JSON-RPC")

// ask puts a question and waits. It is withdrawn if ctx ends before an answer has come.
func (q *questions) ask(ctx context.Context, params mcp.ElicitationParams) (*mcp.ElicitationResult, error) {
	id, answer := q.begin()
	defer q.end(id)
	if err := q.write(map[string]any{"id": json.Number(id), "method": mcp.MethodElicitationCreate, "params": params}); err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		withdrawn := map[string]any{"requestId": json.Number(id), "reason": "the question is over"}
		return nil, errors.Join(ctx.Err(), q.write(map[string]any{"method": mcp.MethodNotificationCancelled, "params": withdrawn}))
	case a := <-answer:
		if a.err != nil {
			return nil, a.err
		}
		var result mcp.ElicitationResult
		if err := json.Unmarshal(a.result, &result); err != nil {
			return nil, errors.Join(errBrokenAnswer, err)
		}
		return &result, nil
	}
}

func (q *questions) begin() (id string, answer <-chan clientAnswer) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.open == nil {
		q.open = map[string]chan clientAnswer{}
	}
	q.last++
	id, came := strconv.FormatInt(q.last, 10), make(chan clientAnswer, 1)
	q.open[id] = came
	return id, came
}

func (q *questions) end(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.open, id)
}

func (q *questions) write(message map[string]any) error {
	message["jsonrpc"] = mcp.JSONRPC_VERSION
	line, err := json.Marshal(message)
	if err != nil {
		return err
	}
	_, err = q.out.Write(append(line, '\n'))
	return err
}

// take takes a line that answers a question, and reports whether it was one: with the id of an open
// question whatever else it holds, or a result or an error for one that is over.
func (q *questions) take(line []byte) bool {
	var m struct {
		ID            json.RawMessage
		Method        *json.RawMessage
		Result, Error json.RawMessage
	}
	if json.Unmarshal(line, &m) != nil || m.Method != nil || len(m.ID) == 0 || m.ID[0] == 'n' {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	id := string(bytes.Trim(m.ID, `"`)) // some clients send numbers back as texts
	waits, ok := q.open[id]
	if !ok {
		return m.Result != nil || m.Error != nil
	}
	delete(q.open, id) // a second answer does not count
	waits <- readAnswer(m.Result, m.Error)
	return true
}

// readAnswer reads what came for a question: a result or an error, where null stands for none.
func readAnswer(result, failure json.RawMessage) clientAnswer {
	if string(result) == "null" {
		result = nil
	}
	if string(failure) == "null" {
		failure = nil
	}
	switch {
	case (result == nil) == (failure == nil):
		return clientAnswer{err: errBrokenAnswer}
	case failure != nil:
		return clientAnswer{err: fmt.Errorf("the client answered with an error: %s", failure)}
	}
	return clientAnswer{result: result}
}
