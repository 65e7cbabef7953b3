package mcpserver

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/mark3labs/mcp-go/mcp"

	"github.com/vpsbot/vpsbot/internal/redact"
	"github.com/vpsbot/vpsbot/permissions"
)

const (
	// shutdownTimeout is how long a stop waits for calls in progress. It is longer than any call to the API, so
	// that the outcome of each write is recorded.
	shutdownTimeout = 80 * time.Second
	// drainTimeout is the time that reads have after the end of the input.
	drainTimeout = 2 * time.Second

	// mostAtOnce limits the requests in progress. While there are as many, no line is read, and so no answer to a
	// question: fewer than that wait for one.
	mostAtOnce = 1000
)

// pipe is the connection with the client on stdio.
type pipe struct {
	*Server
	in     *bufio.Reader
	out    io.Writer // a message and its newline in one write
	client client
	failed context.CancelFunc // the output is closed: nobody reads it

	slots   chan struct{}
	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

// ServeStdio serves one client, whose owner is actor, until in ends or ctx does, and returns nil then. out gets one
// message a line, each in one write; it must be safe for concurrent use, as os.Stdout is, and must not be buffered. At
// the end calls in progress are cancelled, but a request that was sent to the API is completed first, within 80
// seconds.
func (s *Server) ServeStdio(ctx context.Context, actor permissions.Actor, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p := &pipe{Server: s, in: bufio.NewReader(in), out: redact.Writer(out, s.secrets), slots: make(chan struct{}, mostAtOnce), failed: cancel}
	p.client = client{actor: actor, session: s.Runner.Process, memory: &memory{}, asked: &atomic.Int64{}, send: p.write}
	ended := make(chan error, 1)
	go func() {
		defer cancel()
		ended <- p.read(ctx)
		s.drain()
	}()
	<-ctx.Done()
	s.waitForCalls(p.close())
	select {
	case err := <-ended:
		return err
	default: // the input goes on, and nobody reads it
		return nil
	}
}

// read answers the lines of the input until it ends.
func (p *pipe) read(ctx context.Context) error {
	for first := true; ; first = false {
		line, err := p.next()
		if first {
			line = bytes.TrimPrefix(line, []byte(byteOrderMark))
		}
		if line = bytes.TrimSpace(line); len(line) > 0 && ctx.Err() == nil {
			p.take(ctx, line)
		}
		switch {
		case errors.Is(err, io.EOF) || ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
	}
}

const byteOrderMark = "\uFEFF"

// take answers a line. What cannot wait, and what those that follow depend on, is done at once: a response, a
// notification, the handshake.
func (p *pipe) take(ctx context.Context, line []byte) {
	if isBatch(line) {
		p.begin(func(c client) []byte { return p.answerBatch(ctx, c, line) })
		return
	}
	e, err := decodeEnvelope(line)
	switch {
	case err != nil:
		p.reply(err.reply(nil))
	case e.isResponse():
		p.respond(p.client, e)
	case e.isNotification():
		p.answerOne(ctx, p.client, e)
	case e.Method == mcp.MethodInitialize:
		reply, agreed := p.initialize(ctx, p.client, e)
		p.client.version, p.client.forms = agreed.Version, agreed.Capabilities.forms()
		p.reply(reply)
	default:
		p.begin(func(c client) []byte { return p.answerOne(ctx, c, e) })
	}
}

// begin answers beside the lines that follow.
func (p *pipe) begin(answer func(client) []byte) {
	p.slots <- struct{}{}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	c := p.client
	p.calls.Add(1)
	p.running.Go(func() {
		defer func() {
			p.calls.Add(-1)
			<-p.slots
		}()
		p.reply(answer(c))
	})
}

// close begins no more answers. done is closed when those in progress have ended.
func (p *pipe) close() (done <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	finished := make(chan struct{})
	go func() {
		p.running.Wait()
		close(finished)
	}()
	return finished
}

func (p *pipe) reply(message []byte) {
	if message != nil {
		_ = p.write(message)
	}
}

func (p *pipe) write(message []byte) error {
	_, err := p.out.Write(append(message, '\n'))
	if err != nil {
		p.Log.Warn("the client does not read any more", "error", err)
		p.failed()
	}
	return err
}

func (s *Server) initialize(ctx context.Context, c client, e envelope) (reply []byte, agreed handshake) {
	_ = jsonv2.Unmarshal(e.Params, &agreed, lenient) // mcp-go returns the error
	reply = s.answerOne(ctx, c, e)
	var answered struct {
		Result struct{ ProtocolVersion string }
	}
	if json.Unmarshal(reply, &answered) != nil || answered.Result.ProtocolVersion == "" {
		return reply, handshake{}
	}
	agreed.Version = answered.Result.ProtocolVersion
	return reply, agreed
}

// drain waits for calls after the end of the input, so that a client that pipes requests in and closes the pipe
// gets their answers. It does not wait for calls that wait for a person, whose answer can no longer arrive.
func (s *Server) drain() {
	const step = 10 * time.Millisecond
	for range drainTimeout / step {
		if s.calls.Load() <= s.waiting.Load() {
			return
		}
		time.Sleep(step)
	}
}

// waitForCalls waits at most shutdownTimeout for calls in progress and approved operations.
func (s *Server) waitForCalls(served <-chan struct{}) {
	timeout := time.After(shutdownTimeout)
	watching := s.approvals.close()
	for range 2 {
		select {
		case <-served:
			served = nil
		case <-watching:
			watching = nil
		case <-timeout:
			s.Log.Error("stopped before all calls had ended", "waited", shutdownTimeout)
			return
		}
	}
}

// maxLine is the size limit of one message; a longer one, which no real client sends, ends the session.
const maxLine = 8 << 20

var errLongLine = errors.New("a message is longer than 8 MiB")

func (p *pipe) next() ([]byte, error) {
	var line []byte
	for {
		piece, err := p.in.ReadSlice('\n')
		line = append(line, piece...)
		switch {
		case len(line) > maxLine:
			return nil, errLongLine
		case !errors.Is(err, bufio.ErrBufferFull):
			return line, err
		}
	}
}
