package mcpserver

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/vpsbot/vpsbot/tools"
)

const (
	progressApart = 100 * time.Millisecond
	progressPause = 5 * time.Millisecond // a result overtakes what was sent right before it
)

// reporter sends progress to a client that wants it. None of it is essential.
type reporter struct {
	send    func(progress float64, message string) error
	subject string

	mu   sync.Mutex
	last float64   // the protocol wants it to grow
	sent time.Time // of the last notification
}

// progress returns what a call reports to while it waits, nil if the client did not ask,
// and what must be called before its result goes out.
func (s *Server) progress(ctx context.Context, op *tools.Op, req mcp.CallToolRequest) (report func(string, time.Duration), flush func()) {
	token, ok := progressToken(req.Params.Meta)
	if !ok || !op.Settles {
		return nil, func() {}
	}
	r := &reporter{subject: subject(op, req), send: func(progress float64, message string) error {
		return server.ServerFromContext(ctx).SendNotificationToClient(ctx, "notifications/progress",
			map[string]any{"progressToken": token, "progress": progress, "message": message})
	}}
	return r.report, r.flush
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
		if text, ok := named.(string); ok && text != "" {
			return tools.Clean(text)
		}
	}
	return op.Title
}

func (r *reporter) report(status string, waited time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if now.Sub(r.sent) < progressApart {
		return
	}
	r.sent, r.last = now, max(waited.Seconds(), r.last+0.001)
	_ = r.send(r.last, fmt.Sprintf("%s is %s (%d s)", r.subject, status, int(waited.Seconds()))) // never essential
}

func (r *reporter) flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.sent.IsZero() {
		time.Sleep(progressPause)
	}
}
