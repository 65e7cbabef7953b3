package mcpserver

import (
	"context"
	"encoding/json"
	"io"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/mcp"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/require"
)

// person answers every elicitation in the same way, after the time to read it.
type person struct {
	w       *world
	action  string
	name    string
	message string
}

func (p *person) answers(message string) (action string, content map[string]any) {
	p.message = message
	p.w.clock.Advance(readTime)
	if p.action == "accept" {
		content = map[string]any{"name": p.name}
	}
	return p.action, content
}

func (p *person) Elicit(_ context.Context, req mcp.ElicitationRequest) (*mcp.ElicitationResult, error) {
	action, content := p.answers(req.Params.Message)
	return &mcp.ElicitationResult{ElicitationResponse: mcp.ElicitationResponse{Action: mcp.ElicitationResponseAction(action), Content: content}}, nil
}

// The official SDK's client, an implementation that shares nothing with mcp-go.
func TestOfficialClient(t *testing.T) {
	for _, version := range []string{"2025-06-18", "2025-11-25", "2026-07-28"} {
		t.Run(version, func(t *testing.T) {
			w := newWorld(t)
			p := &person{w: w, action: "accept", name: "web-server-01"}
			session := w.official(p, version)
			require.Equal(t, version, session.InitializeResult().ProtocolVersion)

			listed, err := session.ListTools(t.Context(), nil)
			require.NoError(t, err)
			require.Len(t, listed.Tools, len(allNames()))

			got, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: "servers_get", Arguments: map[string]any{"server": "web-server-01"}})
			require.NoError(t, err)
			require.False(t, got.IsError)

			p.action = "decline"
			require.Equal(t, "declined", officialDelete(t, session))
			require.Empty(t, w.sent())
			p.action = "accept"
			w.clock.Advance(11 * time.Minute) // after a no the same is not asked for a while
			require.Equal(t, "done", officialDelete(t, session))
			require.Contains(t, p.message, "Type web-server-01 to confirm")
			require.Equal(t, []string{"DELETE /servers/12345/"}, w.sent())
		})
	}
}

func (w *world) official(p *person, version string) *sdk.ClientSession {
	in, toServer := io.Pipe()
	fromServer, out := io.Pipe()
	served := make(chan error, 1)
	go func() {
		served <- w.server.ServeStdio(context.WithoutCancel(w.Context()), in, out)
		out.Close()
	}()
	c := sdk.NewClient(&sdk.Implementation{Name: "t", Version: "1"}, &sdk.ClientOptions{
		ElicitationHandler: func(_ context.Context, req *sdk.ElicitRequest) (*sdk.ElicitResult, error) {
			action, content := p.answers(req.Params.Message)
			return &sdk.ElicitResult{Action: action, Content: content}, nil
		},
	})
	session, err := c.Connect(w.Context(), &sdk.IOTransport{Reader: fromServer, Writer: toServer}, &sdk.ClientSessionOptions{ProtocolVersion: version})
	require.NoError(w, err)
	w.Cleanup(func() {
		_ = session.Close()
		toServer.Close()
		require.NoError(w, <-served)
	})
	return session
}

func officialDelete(t *testing.T, session *sdk.ClientSession) (outcome string) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := session.CallTool(ctx, &sdk.CallToolParams{Name: "servers_delete", Arguments: map[string]any{"server": "web-server-01"}})
	require.NoError(t, err)
	envelope, _ := r.StructuredContent.(map[string]any)
	outcome, _ = envelope["outcome"].(string)
	return outcome
}

// mcp-go's own client, in process.
func TestInProcessClient(t *testing.T) {
	for name, option := range map[string]client.ClientOption{
		"legacy": client.WithLegacyProtocolOnly(), "modern": client.WithProtocolVersion("2026-07-28"),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := &person{w: w, action: "accept", name: "web-server-02"}
			c, err := client.NewInProcessClientWithOptions(w.server.build(), client.WithElicitationHandler(p), option)
			require.NoError(t, err)
			defer c.Close()
			require.NoError(t, c.Start(t.Context()))
			_, err = c.Initialize(t.Context(), mcp.InitializeRequest{Params: mcp.InitializeParams{
				ProtocolVersion: mcp.LATEST_PROTOCOL_VERSION, ClientInfo: mcp.Implementation{Name: "t", Version: "1"},
				Capabilities: mcp.ClientCapabilities{Elicitation: &mcp.ElicitationCapability{}},
			}})
			require.NoError(t, err)

			tools, err := c.ListTools(t.Context(), mcp.ListToolsRequest{})
			require.NoError(t, err)
			require.Len(t, tools.Tools, len(allNames()))

			require.Equal(t, "declined", inProcessDelete(t, c))
			require.Empty(t, w.sent())
			p.name = "web-server-01"
			require.Equal(t, "done", inProcessDelete(t, c))
			require.Equal(t, []string{"DELETE /servers/12345/"}, w.sent())
		})
	}
}

func inProcessDelete(t *testing.T, c *client.Client) string {
	req := mcp.CallToolRequest{}
	req.Params.Name, req.Params.Arguments = "servers_delete", map[string]any{"server": "web-server-01"}
	r, err := c.CallTool(t.Context(), req)
	require.NoError(t, err)
	raw, err := json.Marshal(r.StructuredContent)
	require.NoError(t, err)
	return decoded(t, raw)["outcome"].(string)
}
