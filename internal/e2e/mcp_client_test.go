package e2e_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/mcpserver"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

// mcpClient is an MCP client that sends raw lines, so that it can send invalid messages. It sends
// requests of both protocol revisions: those of the newer one carry their revision.
type mcpClient struct {
	*fixture
	in             io.WriteCloser
	transcript     io.Writer       // of all lines from the server; may be nil
	serverRequests chan mcpMessage // the server's requests to a legacy client
	mu             sync.Mutex
	next           int
	waiting        map[string]chan mcpMessage
	close          func() // ends the session and waits for the server
}

// mcpMessage is one message of the protocol, in either direction.
type mcpMessage struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result toolResult      `json:"result"`
	Error  json.RawMessage `json:"error"`
}

// toolResult is the result of a tool call.
type toolResult struct {
	IsError           bool   `json:"isError"`
	RequestState      string `json:"requestState"`
	StructuredContent struct {
		Outcome    runner.Outcome `json:"outcome"`
		ApprovalID string         `json:"approval_id"`
	} `json:"structuredContent"`
	Content []struct {
		Text string `json:"text"`
	} `json:"content"`
}

func (r toolResult) text() string {
	if len(r.Content) == 0 {
		return ""
	}
	return r.Content[0].Text
}

const modernRequestMeta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":` +
	`{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":{"elicitation":{}}},`

// connect serves a runner to one MCP client, until the test ends.
func (s *fixture) connect(core *runner.Runner, actor permissions.Actor, transcript io.Writer) *mcpClient {
	s.Helper()
	in, toServer := io.Pipe()
	fromServer, out := io.Pipe()
	w := &mcpClient{fixture: s, in: toServer, transcript: transcript, serverRequests: make(chan mcpMessage, 100), waiting: map[string]chan mcpMessage{}}
	log := s.logger()
	served := make(chan error, 1)
	ctx, stop := context.WithCancel(context.WithoutCancel(s.Context()))
	go func() {
		m := &mcpserver.Server{Runner: core, Version: "1", Log: log}
		served <- m.ServeStdio(ctx, actor, in, out)
		out.Close()
	}()
	go w.readMessages(fromServer)
	w.close = sync.OnceFunc(func() {
		stop()
		require.NoError(s, <-served)
		toServer.Close()
	})
	s.Cleanup(w.close)
	w.sendRequest("initialize", `{"protocolVersion":"2025-06-18","clientInfo":{"name":"t","version":"1"},"capabilities":{"elicitation":{}}}`, false)
	w.send(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	return w
}

func (w *mcpClient) readMessages(r io.Reader) {
	lines := bufio.NewReader(r)
	for {
		text, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		if w.transcript != nil {
			_, _ = io.WriteString(w.transcript, text)
		}
		var m mcpMessage
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			w.Errorf("not a message: %q: %v", text, err)
		}
		w.dispatch(m)
	}
}

func (w *mcpClient) dispatch(m mcpMessage) {
	if m.Method != "" {
		if len(m.ID) > 0 {
			w.serverRequests <- m
		}
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if answer := w.waiting[string(m.ID)]; answer != nil {
		answer <- m
		delete(w.waiting, string(m.ID))
	}
}

func (w *mcpClient) send(text string) {
	_, err := io.WriteString(w.in, text+"\n")
	require.NoError(w, err)
}

// sendRequest sends a request and does not wait for its answer.
func (w *mcpClient) sendRequest(method, params string, newer bool) <-chan mcpMessage {
	w.mu.Lock()
	w.next++
	id, answer := fmt.Sprint(w.next), make(chan mcpMessage, 1)
	w.waiting[id] = answer
	w.mu.Unlock()
	if newer {
		params = "{" + modernRequestMeta + params[1:]
	}
	w.send(`{"jsonrpc":"2.0","id":` + id + `,"method":"` + method + `","params":` + params + `}`)
	return answer
}

// call calls a tool in the newer revision and waits for its result.
func (w *mcpClient) call(params string) toolResult {
	w.Helper()
	return w.awaitResult(w.sendRequest("tools/call", params, true))
}

func (w *mcpClient) awaitResult(answer <-chan mcpMessage) toolResult {
	w.Helper()
	select {
	case m := <-answer:
		return m.Result
	case <-time.After(time.Minute):
		require.FailNow(w, "no answer")
		return toolResult{}
	}
}
