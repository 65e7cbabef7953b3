package cli

import (
	"bytes"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// lossyWriter is a writer that never blocks: lines that its reader does not take in time are dropped and
// counted. Otherwise a client that starts "vpsbot mcp", or a supervisor of "vpsbot serve", that does not read the log would
// stop every call and the end of the process, once the pipe is full.
type lossyWriter struct {
	lines   chan lossyLine
	dropped atomic.Int64
}

type lossyLine struct {
	text    []byte
	reached chan struct{} // if not nil, closed instead of writing
}

const maxQueuedLines = 1000

func newLossyWriter(w io.Writer) *lossyWriter {
	l := &lossyWriter{lines: make(chan lossyLine, maxQueuedLines)}
	go func() {
		for line := range l.lines {
			if line.reached != nil {
				close(line.reached)
				continue
			}
			_, _ = w.Write(line.text) // there is nowhere to report an error
			if n := l.dropped.Swap(0); n > 0 {
				_, _ = io.WriteString(w, droppedNote(line.text, n))
			}
		}
	}()
	return l
}

// droppedNote says that lines are missing, in the format of the line before it.
func droppedNote(line []byte, n int64) string {
	const message = "lines of the log were dropped, since nobody read them"
	if bytes.HasPrefix(line, []byte("{")) {
		return fmt.Sprintf("{\"level\":\"WARN\",\"msg\":%q,\"lines\":%d}\n", message, n)
	}
	return fmt.Sprintf("level=WARN msg=%q lines=%d\n", message, n)
}

// Write takes a whole line, and never fails.
func (l *lossyWriter) Write(p []byte) (int, error) {
	select {
	case l.lines <- lossyLine{text: bytes.Clone(p)}:
	default:
		l.dropped.Add(1)
	}
	return len(p), nil
}

// flush waits until the lines so far are read, at most for limit.
func (l *lossyWriter) flush(limit time.Duration) {
	timeout, reached := time.After(limit), make(chan struct{})
	select {
	case l.lines <- lossyLine{reached: reached}:
	case <-timeout:
		return
	}
	select {
	case <-reached:
	case <-timeout:
	}
}
