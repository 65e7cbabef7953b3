package mcpserver

import (
	"context"
	"crypto/rand"
	"fmt"
	"math"
	"runtime/debug"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// guard is the outermost middleware: neither a panic nor a Go error reaches the client as
// it is. Both are logged under the id that the client is told.
func (s *Server) guard(next server.ToolHandlerFunc) server.ToolHandlerFunc {
	return func(ctx context.Context, req mcp.CallToolRequest) (result *mcp.CallToolResult, err error) {
		s.calls.enter(math.MaxInt)
		defer s.calls.leave()
		defer func() {
			if broken := recover(); broken != nil {
				result, err = s.broke(req.Params.Name, broken), nil
			}
		}()
		if result, err = next(ctx, req); err != nil {
			return s.broke(req.Params.Name, err), nil
		}
		return result, nil
	}
}

// broke logs what went wrong inside, and tells the client no more than where to find it.
func (s *Server) broke(doing string, cause any) *mcp.CallToolResult {
	id := s.logBroken(doing, cause)
	return mcp.NewToolResultError("an internal error (id " + id + "); it is logged. It is not known how far the call came: look before you repeat it")
}

func (s *Server) logBroken(doing string, cause any) (id string) {
	id = rand.Text()[:8]
	s.Log.Error("internal error", "id", id, "in", doing, "error", fmt.Sprint(cause), "stack", string(debug.Stack()))
	return id
}

// survive is deferred where nobody waits for a result: a panic is logged and goes no further.
func (s *Server) survive(doing string) {
	if broken := recover(); broken != nil {
		s.logBroken(doing, broken)
	}
}

// secrets are what no message may hold.
func (s *Server) secrets() []string {
	token, err := s.Runner.Token()
	if err != nil {
		return nil
	}
	return []string{token}
}
