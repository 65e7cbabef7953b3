package mcpserver

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log"
	"strings"
	"time"

	"github.com/mark3labs/mcp-go/server"

	"github.com/vpsbot/vpsbot/internal/redact"
)

// lastWords is how long a stop waits for calls under way. It is longer than any one call
// to the API may take: what was sent is seen to its end and recorded.
const lastWords = 80 * time.Second

// grace is how long reads that are under way when the input ends may still take.
const grace = 2 * time.Second

const (
	workers = 100  // a call that waits for a person holds one
	queue   = 1000 // when it is full a call runs where answers are read, and none can be
)

// ServeStdio serves one client until in ends or ctx does, and returns nil then. out gets
// one message a line, each in one write; it must be safe for concurrent use, as os.Stdout
// is, and must not be buffered. Calls under way are cancelled at the end, but what was
// sent to the API is seen to its end first, for 80 seconds at most. There can be one such
// server in a process at a time.
func (s *Server) ServeStdio(ctx context.Context, in io.Reader, out io.Writer) error {
	begun := &handshake{}
	out = redact.Writer(begun.answeredBy(out), s.secrets) // mcp-go repeats what a client called a method or a tool
	s.questions = &questions{out: out}
	stdio := server.NewStdioServer(s.build(s.local))
	stdio.SetErrorLogger(log.New(logWriter{s}, "", 0))
	server.WithWorkerPoolSize(workers)(stdio)
	server.WithQueueSize(queue)(stdio)

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	served := make(chan error, 1)
	go func() {
		defer cancel()
		served <- stdio.Listen(ctx, &lines{in: bufio.NewReader(in), handshake: begun, answers: s.questions.take, ended: func() { s.settleDown(); cancel() }}, out)
	}()
	<-ctx.Done()
	return s.finish(served)
}

// settleDown gives calls a moment after the last line of the input: whoever pipes requests
// in and closes wants their answers. Calls that wait for a person get none from there.
func (s *Server) settleDown() {
	const step = 10 * time.Millisecond
	for range grace / step {
		time.Sleep(step) // first of all: the last call may be between the queue and its worker
		if s.calls.size() <= s.people.size() {
			return
		}
	}
}

// finish waits, for so long and no longer, for what is still under way.
func (s *Server) finish(served <-chan error) error {
	patience := time.After(lastWords)
	watching := s.watched.close()
	var err error
	for range 2 {
		select {
		case err = <-served:
			served = nil
		case <-watching:
			watching = nil
		case <-patience:
			s.Log.Error("stopped before all calls had ended", "waited", lastWords)
			return nil
		}
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// longestLine is what one message may have; a longer one ends the session, as no client of
// good will sends it.
const longestLine = 8 << 20

var errLongLine = errors.New("a message is longer than 8 MiB")

// lines hands on the input, line by line, without the answers to our own questions. It calls ended
// once there is nothing more to read.
type lines struct {
	in        *bufio.Reader
	handshake *handshake
	answers   func(line []byte) bool // takes a line that is an answer
	ended     func()
	rest      []byte // of the line that is being handed on
}

func (l *lines) Read(p []byte) (int, error) {
	for len(l.rest) == 0 {
		l.handshake.wait()
		line, err := l.next()
		if err != nil && len(line) == 0 {
			l.ended()
			return 0, err
		}
		l.handshake.see(line)
		if !l.answers(line) {
			l.rest = line
		}
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

func (l *lines) next() ([]byte, error) {
	var line []byte
	for {
		piece, err := l.in.ReadSlice('\n')
		line = append(line, piece...)
		switch {
		case len(line) > longestLine:
			return nil, errLongLine
		case !errors.Is(err, bufio.ErrBufferFull):
			return line, err
		}
	}
}

// logWriter takes mcp-go's own complaints into the log.
type logWriter struct{ s *Server }

func (l logWriter) Write(p []byte) (int, error) {
	l.s.Log.Warn("protocol", "says", strings.TrimSpace(string(p)))
	return len(p), nil
}
