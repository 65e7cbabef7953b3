// Package mcpserver offers the operations of package tools over the Model Context Protocol, to clients of both
// of its eras: those that begin with initialize, and those of revision 2026-07-28, where every request stands
// alone.
//
// It translates requests and puts confirmations to the client; package runner decides what may be done.
package mcpserver

import (
	"bytes"
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/tools"
)

// Server serves one account to MCP clients: one on stdio, or many over HTTP. The exported fields are set before it
// serves and not changed afterwards; all but Observe are needed. It must not be copied, and serves once.
type Server struct {
	Runner  *runner.Runner
	Version string       // of the program
	Log     *slog.Logger // must redact secrets, and not be standard output, which carries MCP
	Observe Observer     // counts what is served; nil: nobody does

	calls     atomic.Int64    // requests in progress
	waiting   atomic.Int64    // those of them that wait for a person
	requests  sync.Map        // of *underWay, by session and id: those that the client can cancel
	questions questions       // to clients of the older era
	approvals approvalWatcher // records that a person may approve on another surface
	poll      time.Duration

	protocol struct {
		once sync.Once
		mcp  messageHandler
	}
	byTool struct {
		once sync.Once
		ops  map[string]*tools.Op
	}
}

// Observer counts what a server does.
type Observer interface {
	// Answered is called for each message over HTTP: method is one of a few, or "other"; era "2026" or "older".
	Answered(method, era string, status int, took time.Duration)
	// UnderWay and Waiting are called with 1 and -1: for each call, and for each that waits for a person.
	UnderWay(change int)
	Waiting(change int)
	// Refused is called for each request that is refused before it is read.
	Refused(why string)
}

// instructions are the description of all tools together, for the client's model.
//
//go:embed instructions.txt
var instructions string

const (
	serverName  = "vpsbot"
	serverTitle = "VPS.org servers"
)

// messageHandler answers requests as mcp-go's server does.
type messageHandler interface {
	HandleMessage(context.Context, json.RawMessage) mcp.JSONRPCMessage
}

// mcp returns what answers all but calls of operations: mcp-go's server, made at the first such request.
func (s *Server) mcp() messageHandler {
	s.protocol.once.Do(func() {
		if s.protocol.mcp == nil {
			s.protocol.mcp = s.build()
		}
	})
	return s.protocol.mcp
}

// build makes mcp-go's server. The tools of a process never change.
func (s *Server) build() *server.MCPServer {
	hooks := &server.Hooks{}
	hooks.AddAfterListTools(s.filterTools)
	hooks.AddAfterListResources(s.filterResources)
	hooks.AddAfterListResourceTemplates(s.filterTemplates)
	hooks.AddAfterListPrompts(s.filterPrompts)
	hooks.AddAfterInitialize(func(_ context.Context, _ any, _ *mcp.InitializeRequest, r *mcp.InitializeResult) {
		addIcon(&r.ServerInfo)
	})
	hooks.AddAfterDiscover(s.addIconToDiscovery)
	hooks.AddOnError(func(ctx context.Context, _ any, _ mcp.MCPMethod, _ any, err error) { noteError(ctx, err) })
	completer := s.newCompleter()
	m := server.NewMCPServer(serverName, s.Version,
		server.WithTitle(serverTitle),
		server.WithInstructions(instructions),
		server.WithToolCapabilities(false),
		server.WithResourceCapabilities(false, false),
		server.WithPromptCapabilities(false),
		server.WithCompletions(),
		server.WithResourceCompletionProvider(completer),
		server.WithPromptCompletionProvider(completer),
		server.WithHooks(hooks),
	)
	for _, list := range []mcp.MCPMethod{mcp.MethodToolsList, mcp.MethodResourcesList, mcp.MethodResourcesTemplatesList, mcp.MethodPromptsList} {
		server.WithMethodCacheHints(list, listsKept.Milliseconds(), mcp.CacheScopePrivate)(m)
	}
	m.AddTools(s.tools()...)
	s.addResources(m)
	s.addPrompts(m)
	return m
}

// listsKept is how long a client may use a list of tools, resources or prompts again. What it reads it never may.
const listsKept = time.Minute

//go:embed icon.svg
var icon []byte

// addIcon adds the icon to what the server says of itself. It is not among mcp-go's options, which put it into each
// result of the newer era.
func addIcon(self *mcp.Implementation) {
	src := "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(bytes.TrimSpace(icon))
	self.Icons = []mcp.Icon{{Src: src, MIMEType: "image/svg+xml", Sizes: []string{"any"}}}
}

// addIconToDiscovery is addIcon for clients of the newer era, which do not begin with initialize.
func (s *Server) addIconToDiscovery(_ context.Context, _ any, _ *mcp.DiscoverRequest, r *mcp.DiscoverResult) {
	self := mcp.Implementation{Name: serverName, Version: s.Version, Title: serverTitle}
	addIcon(&self)
	r.EnsureResultMeta().SetServerInfo(self)
}

func (s *Server) internalError(doing string, cause any) callResult {
	id := s.logInternalError(doing, cause)
	return callResult{isError: true, text: "an internal error (id " + id + "); it is logged. It is not known how far the call came: look before you repeat it"}
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
