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
	progressApart = 100 * time.Millisecond
	progressPause = 5 * time.Millisecond // a result overtakes what was sent right before it
	askedFirst    = time.Second          // after the question was put
	askedEvery    = 10 * time.Second
)

// reporter sends progress to a client that wants it. None of it is essential.
type reporter struct {
	send    func(progress float64, message string) error
	subject string

	mu   sync.Mutex
	last float64   // the protocol wants it to grow
	sent time.Time // of the last notification
}

// newReporter makes the reporter of a call, nil if the client did not ask for progress.
func newReporter(ctx context.Context, op *tools.Op, req mcp.CallToolRequest) *reporter {
	token, ok := progressToken(req.Params.Meta)
	if !ok {
		return nil
	}
	return &reporter{subject: subject(op, req), send: func(progress float64, message string) error {
		return server.ServerFromContext(ctx).SendNotificationToClient(ctx, "notifications/progress",
			map[string]any{"progressToken": token, "progress": progress, "message": message})
	}}
}

// progressToken returns the token that the client gave, if it is what the protocol allows.
func progressToken(meta *mcp.Meta) (any, bool) {
	if meta == nil {
		return nil, false
	}
	switch token := meta.ProgressToken.(type) {
	case string, float64:
		return token, true
	}
	return nil, false
}

// subject names what the call is about, as the client itself named it.
func subject(op *tools.Op, req mcp.CallToolRequest) string {
	var in struct {
		Server any `json:"server"`
		Name   any `json:"name"`
	}
	_ = json.Unmarshal(req.Params.RawArguments, &in) // the Runner judges the input
	for _, named := range []any{in.Server, in.Name} {
		if name, ok := named.(string); ok && name != "" {
			return text.Clean(name)
		}
	}
	return op.Title
}

// settling reports the status of work that goes on.
func (r *reporter) settling(status string, waited time.Duration) {
	r.report(fmt.Sprintf("%s is %s (%d s)", r.subject, status, int(waited.Seconds())), waited)
}

// asking reports that a person is being asked, until stop is called: many clients give up what is silent
// for a minute.
func (r *reporter) asking() (stop func()) {
	if r == nil {
		return func() {}
	}
	began, over := time.Now(), make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		first, tick := time.After(askedFirst), time.NewTicker(askedEvery)
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

func (r *reporter) report(message string, waited time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if now.Sub(r.sent) < progressApart {
		return
	}
	r.sent, r.last = now, max(waited.Seconds(), r.last+0.001)
	_ = r.send(r.last, message) // never essential
}

// flush is called before the call's result goes out.
func (r *reporter) flush() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.sent.IsZero() {
		time.Sleep(progressPause)
	}
}
