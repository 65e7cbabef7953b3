// Package mcpserver offers the operations of package tools over the Model Context
// Protocol, to clients of both of its eras: those that begin with initialize, and those of
// revision 2026-07-28, where every request stands alone.
//
// It translates and asks; what may be done, and whether, package tools decides.
package mcpserver

import (
	"context"
	_ "embed"
	"log/slog"
	"time"

	"github.com/mark3labs/mcp-go/server"

	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
)

// Server serves one account to MCP clients. The exported fields are set before it serves
// and not changed afterwards; all of them are needed. It must not be copied, and serves
// once.
type Server struct {
	Runner  *runner.Runner
	Actor   permissions.Actor // whose assistant the client is
	Version string            // of the program, as clients show it
	Log     *slog.Logger      // takes secrets out of its lines; never standard output, which carries MCP

	calls     crowd      // tool calls under way
	people    crowd      // those of them that wait for a person
	watched   watched    // records that a person may approve elsewhere
	sessions  sessions   // what is known of the clients
	questions *questions // put on a pipe; nil where mcp-go puts them
	poll      time.Duration
}

// instructions are what a client tells its model about all the tools together.
//
//go:embed instructions.txt
var instructions string

// caller is on whose behalf a request is made, and in which session its questions are put.
type caller struct {
	actor   permissions.Actor
	session string
}

// identify names the caller of a request.
type identify func(context.Context) caller

// local is the identify of a process that has one client.
func (s *Server) local(context.Context) caller { return caller{s.Actor, s.Runner.Process.ID} }

// build makes the protocol's side of the server. The tools of a process never change.
func (s *Server) build(who identify) *server.MCPServer {
	hooks := &server.Hooks{}
	hooks.AddAfterListTools(s.hideRefused(who))
	m := server.NewMCPServer("vpsbot", s.Version,
		server.WithTitle("VPS.org servers"),
		server.WithInstructions(instructions),
		server.WithToolCapabilities(false),
		server.WithResourceCapabilities(false, false), // clients ask for the lists, which are empty
		server.WithPromptCapabilities(false),
		server.WithHooks(hooks),
		server.WithToolHandlerMiddleware(s.guard),
	)
	m.AddTools(s.offer(who)...)
	return m
}
