package mcpserver

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mark3labs/mcp-go/server"

	"github.com/vpsbot/vpsbot/internal/redact"
)

const (
	// shutdownTimeout is how long a stop waits for calls in progress. It is longer than any call to the API, so
	// that the outcome of each write is recorded.
	shutdownTimeout = 80 * time.Second
	// drainTimeout is the time that reads have after the end of the input.
	drainTimeout = 2 * time.Second

	workers = 100  // a call that waits for a person holds one
	queue   = 1000 // when it is full, a call runs in the goroutine that reads answers, and none can be read
)

// ServeStdio serves one client until in ends or ctx does, and returns nil then. out gets one message a line,
// each in one write; it must be safe for concurrent use, as os.Stdout is, and must not be buffered. At the end
// calls in progress are cancelled, but a request that was sent to the API is completed first, within 80
// seconds. A process can have one such server at a time.
func (s *Server) ServeStdio(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	handshake := &handshake{}
	out = redact.Writer(handshake.writer(out), s.secrets) // mcp-go repeats the client's name of a method or a tool
	s.elicitor = &elicitor{out: out}
	input := &lineReader{
		in: bufio.NewReader(in), handshake: handshake, isResponse: s.elicitor.handleResponse,
		onEnd: func() { s.drain(); cancel() },
	}
	stdio := server.NewStdioServer(s.build())
	stdio.SetErrorLogger(log.New(writerFunc(s.logProtocolError), "", 0))
	server.WithWorkerPoolSize(workers)(stdio)
	server.WithQueueSize(queue)(stdio)

	served := make(chan error, 1)
	go func() {
		defer cancel()
		served <- stdio.Listen(ctx, input, out)
	}()
	<-ctx.Done()
	return s.waitForCalls(served)
}

// drain waits for calls after the end of the input, so that a client that pipes requests in and closes the pipe
// gets their answers. It does not wait for calls that wait for a person, whose answer can no longer arrive.
func (s *Server) drain() {
	const step = 10 * time.Millisecond
	for range drainTimeout / step {
		time.Sleep(step) // before the check: the last call may be between the queue and its worker
		if s.calls.Load() <= s.waiting.Load() {
			return
		}
	}
}

// waitForCalls waits at most shutdownTimeout for calls in progress and approved operations.
func (s *Server) waitForCalls(served <-chan error) error {
	timeout := time.After(shutdownTimeout)
	watching := s.approvals.close()
	var err error
	for range 2 {
		select {
		case err = <-served:
			served = nil
		case <-watching:
			watching = nil
		case <-timeout:
			s.Log.Error("stopped before all calls had ended", "waited", shutdownTimeout)
			return nil
		}
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// maxLine is the size limit of one message; a longer one, which no real client sends, ends the session.
const maxLine = 8 << 20

var errLongLine = errors.New("a message is longer than 8 MiB")

// lineReader passes the input to mcp-go line by line, without the responses to elicitations. It calls onEnd at
// the end of the input.
type lineReader struct {
	in         *bufio.Reader
	handshake  *handshake
	isResponse func(line []byte) bool // handles a line that is a response to an elicitation
	onEnd      func()
	rest       []byte // the unread part of the current line
}

func (l *lineReader) Read(p []byte) (int, error) {
	for len(l.rest) == 0 {
		l.handshake.wait()
		line, err := l.next()
		if err != nil && len(line) == 0 {
			l.onEnd()
			return 0, err
		}
		l.handshake.observe(line)
		if !l.isResponse(line) {
			l.rest = line
		}
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

func (l *lineReader) next() ([]byte, error) {
	var line []byte
	for {
		piece, err := l.in.ReadSlice('\n')
		line = append(line, piece...)
		switch {
		case len(line) > maxLine:
			return nil, errLongLine
		case !errors.Is(err, bufio.ErrBufferFull):
			return line, err
		}
	}
}

// logProtocolError writes an error of mcp-go to the log.
func (s *Server) logProtocolError(p []byte) (int, error) {
	s.Log.Warn("protocol", "says", strings.TrimSpace(string(p)))
	return len(p), nil
}

// handshake delays the lines after an initialize until that is answered: mcp-go serves them concurrently, and a
// call that is served first finds a client without capabilities.
type handshake struct {
	answered atomic.Pointer[chan struct{}] // nil if no line is delayed
}

const handshakeTimeout = 5 * time.Second

func (h *handshake) observe(line []byte) {
	var m struct{ Method string }
	if bytes.Contains(line, []byte("initialize")) && json.Unmarshal(line, &m) == nil && m.Method == "initialize" {
		h.answered.Store(new(make(chan struct{})))
	}
}

func (h *handshake) wait() {
	answered := h.answered.Load()
	if answered == nil {
		return
	}
	select {
	case <-*answered:
	case <-time.After(handshakeTimeout):
		h.release()
	}
}

// writer ends the delay with the next line that is written, for no other call is in progress.
func (h *handshake) writer(out io.Writer) io.Writer {
	return writerFunc(func(p []byte) (int, error) {
		defer h.release()
		return out.Write(p)
	})
}

func (h *handshake) release() {
	if answered := h.answered.Swap(nil); answered != nil {
		close(*answered)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
