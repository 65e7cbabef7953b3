// Package mcpserver offers the operations of package tools over the Model Context Protocol, to clients of both
// of its eras: those that begin with initialize, and those of revision 2026-07-28, where every request stands
// alone.
//
// It translates requests and puts confirmations to the client; package runner decides what may be done.
package mcpserver

import (
	"context"
	"crypto/rand"
	_ "embed"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

// Server serves one account to MCP clients. The exported fields are set before it serves and not changed
// afterwards; all of them are needed. It must not be copied, and serves once.
type Server struct {
	Runner  *runner.Runner
	Actor   permissions.Actor // the owner of the assistant
	Version string            // of the program
	Log     *slog.Logger      // must redact secrets, and not be standard output, which carries MCP

	calls     atomic.Int64    // tool calls in progress
	waiting   atomic.Int64    // those of them that wait for a person
	approvals approvalWatcher // records that a person may approve on another surface
	client    session         // of elicitations
	elicitor  *elicitor       // sends elicitations to the client
	poll      time.Duration
}

// instructions are the description of all tools together, for the client's model.
//
//go:embed instructions.txt
var instructions string

// build makes the MCP server. The tools of a process never change.
func (s *Server) build() *server.MCPServer {
	hooks := &server.Hooks{}
	hooks.AddAfterListTools(s.filterTools)
	m := server.NewMCPServer("vpsbot", s.Version,
		server.WithTitle("VPS.org servers"),
		server.WithInstructions(instructions),
		server.WithToolCapabilities(false),
		server.WithResourceCapabilities(false, false), // clients request the lists, which are empty
		server.WithPromptCapabilities(false),
		server.WithHooks(hooks),
		server.WithToolHandlerMiddleware(s.recoverCall),
	)
	m.AddTools(s.tools()...)
	return m
}

// recoverCall is the outermost middleware: it logs a panic or a Go error, and answers with the id of the log
// line alone.
func (s *Server) recoverCall(next server.ToolHandlerFunc) server.ToolHandlerFunc {
	return func(ctx context.Context, req mcp.CallToolRequest) (result *mcp.CallToolResult, err error) {
		s.calls.Add(1)
		defer s.calls.Add(-1)
		defer func() {
			if broken := recover(); broken != nil {
				result, err = s.internalError(req.Params.Name, broken), nil
			}
		}()
		if result, err = next(ctx, req); err != nil {
			return s.internalError(req.Params.Name, err), nil
		}
		return result, nil
	}
}

// internalError logs an error, and returns a result with the id of the log line.
func (s *Server) internalError(doing string, cause any) *mcp.CallToolResult {
	id := s.logInternalError(doing, cause)
	return mcp.NewToolResultError("an internal error (id " + id + "); it is logged. It is not known how far the call came: look before you repeat it")
}

func (s *Server) logInternalError(doing string, cause any) (id string) {
	id = rand.Text()[:8]
	s.Log.Error("internal error", "id", id, "in", doing, "error", fmt.Sprint(cause), "stack", string(debug.Stack()))
	return id
}

// recoverPanic is deferred in goroutines without a caller: it logs a panic.
func (s *Server) recoverPanic(doing string) {
	if broken := recover(); broken != nil {
		s.logInternalError(doing, broken)
	}
}

// secrets returns the texts to redact in every message.
func (s *Server) secrets() []string {
	token, err := s.Runner.Token()
	if err != nil {
		return nil
	}
	return []string{token}
}
