package mcpserver

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/tools"
)

const (
	progressInterval = 100 * time.Millisecond
	flushPause       = 5 * time.Millisecond // a result overtakes a notification that was sent right before it
	waitingFirst     = time.Second
	waitingInterval  = 10 * time.Second
)

// progressReporter sends progress notifications, errors of which are ignored. A nil reporter sends none.
type progressReporter struct {
	send    func(progress float64, message string) error
	subject string

	mu   sync.Mutex
	last float64   // the protocol requires it to increase
	sent time.Time // of the last notification
}

// newProgressReporter returns the reporter of a call, nil if the client did not request progress.
func newProgressReporter(ctx context.Context, op *tools.Op, req mcp.CallToolRequest) *progressReporter {
	if req.Params.Meta == nil {
		return nil
	}
	token := req.Params.Meta.ProgressToken
	switch token.(type) {
	case string, float64: // the types that the protocol allows
	default:
		return nil
	}
	return &progressReporter{subject: subject(op, req), send: func(progress float64, message string) error {
		return server.ServerFromContext(ctx).SendNotificationToClient(ctx, "notifications/progress",
			map[string]any{"progressToken": token, "progress": progress, "message": message})
	}}
}

// subject returns the client's name of the call's object, or the title of the operation.
func subject(op *tools.Op, req mcp.CallToolRequest) string {
	var in map[string]any
	_ = json.Unmarshal(req.Params.RawArguments, &in) // the Runner checks the input
	for _, member := range []string{"server", "name"} {
		if name, _ := in[member].(string); name != "" {
			return text.Clean(name)
		}
	}
	return op.Title
}

// status reports the status of an operation that settles.
func (r *progressReporter) status(status string, waited time.Duration) {
	r.report(fmt.Sprintf("%s is %s (%d s)", r.subject, status, int(waited.Seconds())), waited)
}

// waitingForPerson reports at intervals that a person must answer, until stop is called: many clients cancel a
// call that is silent for a minute.
func (r *progressReporter) waitingForPerson() (stop func()) {
	if r == nil {
		return func() {}
	}
	began, over := time.Now(), make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		first, tick := time.After(waitingFirst), time.NewTicker(waitingInterval)
		defer tick.Stop()
		for {
			select {
			case <-over:
				return
			case <-first:
			case <-tick.C:
			}
			waited := time.Since(began)
			r.report(fmt.Sprintf("waiting for a person to answer (%d s)", int(waited.Seconds())), waited)
		}
	})
	return func() {
		close(over)
		done.Wait()
	}
}

func (r *progressReporter) report(message string, waited time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if now.Sub(r.sent) < progressInterval {
		return
	}
	r.sent, r.last = now, max(waited.Seconds(), r.last+0.001)
	_ = r.send(r.last, message)
}

// flush is called before the call's result is sent.
func (r *progressReporter) flush() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.sent.IsZero() {
		time.Sleep(flushPause)
	}
}
