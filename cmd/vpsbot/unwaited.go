package main

import (
	"bytes"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// unwaited is a writer that nobody waits for: what its reader does not take in time is dropped and
// counted. An assistant's program that starts "vpsbot mcp" and never reads its log would stop every
// call otherwise, once the pipe is full.
type unwaited struct {
	lines   chan unwaitedLine
	dropped atomic.Int64
}

type unwaitedLine struct {
	text    []byte
	reached chan struct{} // closed instead of writing, if it is not nil
}

// mostLines is how many lines may wait for the reader.
const mostLines = 1000

func newUnwaited(w io.Writer) *unwaited {
	u := &unwaited{lines: make(chan unwaitedLine, mostLines)}
	go func() {
		for line := range u.lines {
			if line.reached != nil {
				close(line.reached)
				continue
			}
			_, _ = w.Write(line.text) // there is nowhere to complain
			if n := u.dropped.Swap(0); n > 0 {
				_, _ = io.WriteString(w, droppedNote(line.text, n))
			}
		}
	}()
	return u
}

// droppedNote says that lines are missing, in the form of the lines around it.
func droppedNote(line []byte, n int64) string {
	const says = "lines of the log were dropped, since nobody read them"
	if bytes.HasPrefix(line, []byte("{")) {
		return fmt.Sprintf("{\"level\":\"WARN\",\"msg\":%q,\"lines\":%d}\n", says, n)
	}
	return fmt.Sprintf("level=WARN msg=%q lines=%d\n", says, n)
}

// Write takes a whole line, and never fails.
func (u *unwaited) Write(p []byte) (int, error) {
	select {
	case u.lines <- unwaitedLine{text: bytes.Clone(p)}:
	default:
		u.dropped.Add(1)
	}
	return len(p), nil
}

// flush waits until all that was written is read, and no longer than atMost.
func (u *unwaited) flush(atMost time.Duration) {
	over := time.After(atMost)
	reached := make(chan struct{})
	select {
	case u.lines <- unwaitedLine{reached: reached}:
	case <-over:
		return
	}
	select {
	case <-reached:
	case <-over:
	}
}
