package mcpserver

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// message is a line of the protocol, in either direction.
type message struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Code    int             `json:"code"`
		Message string          `json:"message"`
		Data    json.RawMessage `json:"data"`
	} `json:"error"`
}

// talk is a client that sends raw lines over pipes.
type talk struct {
	testing.TB
	meta     string // of every request; set for the era without initialize
	in       io.WriteCloser
	served   chan error
	stop     context.CancelFunc
	asked    chan message // requests of the server
	notes    chan message
	next     atomic.Int64
	token    string
	mu       sync.Mutex
	pending  map[string]chan message
	tools    map[string]string // of the pending calls
	finished chan struct{}     // the output has ended
}

const (
	forms   = `{"elicitation":{}}`
	noForms = `{}`
)

// serve starts a server on pipes. It gives served the error of its end.
func serve(ctx context.Context, s *Server) (toServer io.WriteCloser, fromServer io.ReadCloser, served chan error) {
	in, toServer := io.Pipe()
	fromServer, out := io.Pipe()
	served = make(chan error, 1)
	go func() {
		served <- s.ServeStdio(ctx, alice, in, out)
		out.Close()
	}()
	return toServer, fromServer, served
}

// speak starts a client of a server.
func (w *world) speak(s *Server) *talk {
	ctx, stop := context.WithCancel(context.WithoutCancel(w.Context()))
	client, fromServer, served := serve(ctx, s)
	k := &talk{
		TB: w.TB, in: client, served: served, stop: stop, token: w.token, asked: make(chan message, 200),
		notes: make(chan message, 200), pending: map[string]chan message{}, tools: map[string]string{}, finished: make(chan struct{}),
	}
	w.talk = k
	go k.listen(fromServer)
	w.Cleanup(func() {
		client.Close()
		<-k.finished
		stop()
	})
	return k
}

// legacy starts a client of the older era.
func (w *world) legacy(capabilities string) *talk {
	k := w.speak(w.server)
	r := k.request("initialize", `{"protocolVersion":"2025-06-18","clientInfo":{"name":"t","version":"1"},"capabilities":`+capabilities+`}`)
	require.Nil(w, r.Error)
	k.say(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	return k
}

// modern starts a client of the newer era.
func (w *world) modern(capabilities string) *talk {
	k := w.speak(w.server)
	k.meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":` +
		`{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":` + capabilities + `}`
	return k
}

// eras start a client of either era.
var eras = map[string]func(w *world, capabilities string) *talk{"legacy": (*world).legacy, "modern": (*world).modern}

func (k *talk) listen(r io.Reader) {
	defer close(k.finished)
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		k.hear(line)
	}
}

func (k *talk) hear(line string) {
	var m message
	if err := json.Unmarshal([]byte(line), &m); err != nil || strings.Count(line, "\n") != 1 {
		k.Errorf("not one message a line: %q", line)
	}
	if strings.Contains(line, k.token) {
		k.Errorf("the token was sent to the client: %s", line)
	}
	switch {
	case m.Method != "" && len(m.ID) > 0:
		k.asked <- m
	case m.Method != "":
		k.notes <- m
	default:
		k.mu.Lock()
		waits := k.pending[string(m.ID)]
		delete(k.pending, string(m.ID))
		tool := k.tools[string(m.ID)]
		k.mu.Unlock()
		k.validate(tool, m.Result)
		if waits != nil {
			waits <- m
		}
	}
}

// validate checks every structured content against its tool's schema.
func (k *talk) validate(tool string, result json.RawMessage) {
	var o outcome
	if json.Unmarshal(result, &o) == nil {
		if err := o.validate(tool); err != nil {
			k.Errorf("%s: %v", tool, err)
		}
	}
}

func (k *talk) say(line string) {
	_, err := io.WriteString(k.in, line+"\n")
	require.NoError(k, err)
}

// begin sends a request without waiting.
func (k *talk) begin(method, params string) (id string, answer <-chan message) {
	id = fmt.Sprint(k.next.Add(1))
	waits := make(chan message, 1)
	k.mu.Lock()
	k.pending[id] = waits
	if method == "tools/call" {
		_, name, _ := strings.Cut(params, `"name":"`)
		k.tools[id], _, _ = strings.Cut(name, `"`)
	}
	k.mu.Unlock()
	if k.meta != "" {
		params = strings.Replace(params, "{", "{"+k.meta+",", 1)
		params = strings.Replace(params, ",}", "}", 1)
	}
	k.say(`{"jsonrpc":"2.0","id":` + id + `,"method":"` + method + `","params":` + params + `}`)
	return id, waits
}

func (k *talk) request(method, params string) message {
	k.Helper()
	_, answer := k.begin(method, params)
	return k.await(answer)
}

func (k *talk) await(answer <-chan message) message {
	k.Helper()
	select {
	case m := <-answer:
		return m
	case <-time.After(time.Minute):
		require.FailNow(k, "the server says nothing")
		return message{}
	}
}

// outcome is the result of a tool call.
type outcome struct {
	ResultType string `json:"resultType"`
	IsError    bool   `json:"isError"`
	Content    []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	} `json:"content"`
	StructuredContent json.RawMessage `json:"structuredContent"`
	RequestState      string          `json:"requestState"`
	InputRequests     map[string]struct {
		Method string   `json:"method"`
		Params elicited `json:"params"`
	} `json:"inputRequests"`
}

type elicited struct {
	Message         string          `json:"message"`
	RequestedSchema json.RawMessage `json:"requestedSchema"`
}

func (o outcome) text() string {
	if len(o.Content) == 0 {
		return ""
	}
	return o.Content[0].Text
}

// is returns the envelope's outcome.
func (o outcome) is() string {
	var envelope struct {
		Outcome string `json:"outcome"`
	}
	_ = json.Unmarshal(o.StructuredContent, &envelope)
	return envelope.Outcome
}

func call(tool, arguments string) string {
	return `{"name":"` + tool + `","arguments":` + arguments + `}`
}

// answering returns a call with an answer.
func answering(tool, arguments, state, answer string) string {
	return `{"name":"` + tool + `","arguments":` + arguments + `,"requestState":"` + state + `","inputResponses":{"confirm":` + answer + `}}`
}

func (k *talk) call(params string) outcome {
	k.Helper()
	_, answer := k.begin("tools/call", params)
	return k.result(answer)
}

func (k *talk) result(answer <-chan message) outcome {
	k.Helper()
	m := k.await(answer)
	require.Nil(k, m.Error, "%+v", m.Error)
	var o outcome
	require.NoError(k, json.Unmarshal(m.Result, &o), string(m.Result))
	switch {
	case k.meta == "":
		require.Empty(k, o.ResultType, "older clients know no type of a result")
	case o.InputRequests == nil:
		require.Equal(k, "complete", o.ResultType, "the newer era wants the type of each result")
	}
	return o
}

// question waits for an elicitation, and returns it and a function to answer it.
func (k *talk) question() (q elicited, reply func(result string)) {
	k.Helper()
	m := k.put()
	require.Equal(k, "elicitation/create", m.Method)
	require.NoError(k, json.Unmarshal(m.Params, &q))
	return q, func(result string) { k.say(`{"jsonrpc":"2.0","id":` + string(m.ID) + `,` + result + `}`) }
}

// put waits for the next elicitation and returns it unparsed.
func (k *talk) put() message {
	k.Helper()
	return k.await(k.asked)
}

func accept(name string) string {
	raw, _ := json.Marshal(name)
	return `{"action":"accept","content":{"name":` + string(raw) + `}}`
}

// A client may send its first call before the answer to initialize: its capabilities count.
func TestFirstCallWaitsForInitialize(t *testing.T) {
	for range 30 {
		w := newWorld(t)
		k := w.speak(w.server)
		k.say(`{"jsonrpc":"2.0","id":100,"method":"initialize","params":{"protocolVersion":"2025-06-18","clientInfo":{"name":"t","version":"1"},"capabilities":` + forms + `}}` +
			"\n" + `{"jsonrpc":"2.0","method":"notifications/initialized"}` +
			"\n" + `{"jsonrpc":"2.0","id":101,"method":"tools/call","params":` + call("servers_reboot", web) + `}`)
		k.question()
		k.in.Close()
	}
}
