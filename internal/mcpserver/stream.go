package mcpserver

import (
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/vpsbot/vpsbot/internal/redact"
)

const (
	writeTime = 30 * time.Second // for one write to a client that reads slowly
	keepAlive = 15 * time.Second // of silence, after which proxies hear a comment
)

// stream is the answer to one POST: JSON, or an event stream as soon as something else is sent before the answer, or
// nothing was for keepAlive. It is safe for concurrent use.
type stream struct {
	w         http.ResponseWriter
	control   *http.ResponseController
	secrets   func() []string
	mayStream bool // the client accepts event streams

	mu     sync.Mutex
	events bool // the answer is an event stream
	ended  bool
	silent *time.Timer
}

func newStream(w http.ResponseWriter, mayStream bool, secrets func() []string) *stream {
	s := &stream{w: w, control: http.NewResponseController(w), secrets: secrets, mayStream: mayStream}
	if mayStream {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.silent = time.AfterFunc(keepAlive, s.comment)
	}
	return s
}

// send sends a notification or a question before the answer.
func (s *stream) send(message []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended:
		return http.ErrHandlerTimeout
	case !s.mayStream:
		return http.ErrNotSupported
	}
	return s.event("data: " + redact.Text(string(message), s.secrets()...) + "\n\n")
}

// comment tells client and proxies that the stream is alive.
func (s *stream) comment() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		_ = s.event(":\n\n") // a client that is gone ends the request
	}
}

func (s *stream) event(text string) error {
	if !s.events {
		s.events = true
		header := s.w.Header()
		header.Set("Content-Type", "text/event-stream")
		header.Set("X-Accel-Buffering", "no") // nginx would hold events back
		s.w.WriteHeader(http.StatusOK)
	}
	if err := errors.Join(s.write(text), s.control.Flush()); err != nil {
		return err // nobody reads it
	}
	s.silent.Reset(keepAlive)
	return nil
}

func (s *stream) write(text string) error {
	_ = s.control.SetWriteDeadline(time.Now().Add(writeTime)) // what cannot have one has its own limits
	_, err := s.w.Write([]byte(text))
	return err
}

// end sends the answer, nil for none, and ends the stream. Nothing is sent afterwards.
func (s *stream) end(status int, answer []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if s.silent != nil {
		s.silent.Stop()
	}
	text := redact.Text(string(answer), s.secrets()...)
	switch {
	case s.events && answer == nil: // the status is sent
	case s.events:
		_ = s.event("data: " + text + "\n\n") // a client that is gone gets nothing
		s.silent.Stop()
	case answer == nil:
		s.w.WriteHeader(http.StatusAccepted)
	default:
		s.w.Header().Set("Content-Type", "application/json")
		_ = s.control.SetWriteDeadline(time.Now().Add(writeTime))
		s.w.WriteHeader(status)
		_ = s.write(text)
	}
}
