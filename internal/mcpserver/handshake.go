package mcpserver

import (
	"bytes"
	"encoding/json"
	"io"
	"sync"
	"time"
)

// handshake holds what follows an initialize back until that is answered: mcp-go serves both at once, and a
// call that is served first finds a client that cannot ask.
type handshake struct {
	mu       sync.Mutex
	answered chan struct{} // nil while nothing is held back
}

// handshakeTime is how long a line is held back at most.
const handshakeTime = 5 * time.Second

func (h *handshake) see(line []byte) {
	var m struct{ Method string }
	if bytes.Contains(line, []byte("initialize")) && json.Unmarshal(line, &m) == nil && m.Method == "initialize" {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.answered = make(chan struct{})
	}
}

func (h *handshake) wait() {
	h.mu.Lock()
	answered := h.answered
	h.mu.Unlock()
	if answered == nil {
		return
	}
	select {
	case <-answered:
	case <-time.After(handshakeTime):
		h.end()
	}
}

// answeredBy ends the wait with the next line that is written: nothing else is under way.
func (h *handshake) answeredBy(out io.Writer) io.Writer {
	return writerFunc(func(p []byte) (int, error) {
		defer h.end()
		return out.Write(p)
	})
}

func (h *handshake) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.answered != nil {
		close(h.answered)
		h.answered = nil
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
