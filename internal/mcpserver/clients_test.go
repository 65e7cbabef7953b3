package mcpserver

import (
	"context"
	"net/http"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/require"
)

// person answers every elicitation in the same way, after the time to read it.
type person struct {
	w       *world
	action  string
	message string // of the last elicitation
}

func (p *person) answer(_ context.Context, req *sdk.ElicitRequest) (*sdk.ElicitResult, error) {
	p.message = req.Params.Message
	p.w.clock.Advance(readTime)
	answer := &sdk.ElicitResult{Action: p.action}
	if p.action == "accept" {
		answer.Content = map[string]any{"name": "web-server-01"}
	}
	return answer, nil
}

// The official SDK's client, an implementation that shares nothing with mcp-go.
func TestOfficialClient(t *testing.T) {
	for _, version := range []string{"2025-06-18", "2025-11-25", "2026-07-28"} {
		t.Run(version, func(t *testing.T) {
			w := newWorld(t)
			p := &person{w: w}
			session := w.official(p, version)
			require.Equal(t, version, session.InitializeResult().ProtocolVersion)

			listed, err := session.ListTools(t.Context(), nil)
			require.NoError(t, err)
			require.Len(t, listed.Tools, len(allNames())+len(recordNames))

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

// What is beside tools, by the official SDK's client.
func TestOfficialClientBesideTools(t *testing.T) {
	for _, version := range []string{"2025-06-18", "2025-11-25", "2026-07-28"} {
		t.Run(version, func(t *testing.T) {
			w := newWorld(t)
			besideTools(t, w.official(&person{w: w}, version), version)
		})
		t.Run(version+" over HTTP", func(t *testing.T) { besideTools(t, newSite(t, nil).official(version), version) })
	}
}

func besideTools(t *testing.T, session *sdk.ClientSession, version string) {
	require.Equal(t, version, session.InitializeResult().ProtocolVersion)
	can := session.InitializeResult().Capabilities
	require.True(t, can.Completions != nil && !can.Resources.Subscribe && !can.Resources.ListChanged && !can.Prompts.ListChanged)
	found, err := session.ListResources(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, found.Resources, 3)
	templates, err := session.ListResourceTemplates(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, templates.ResourceTemplates, 3)
	read, err := session.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: "vps://servers/web-server-01/copies"})
	require.NoError(t, err)
	require.Contains(t, read.Contents[0].Text, `"id":"7001"`)
	_, err = session.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: "vps://servers/nothing"})
	require.ErrorContains(t, err, "no server is called")

	listed, err := session.ListPrompts(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, listed.Prompts, len(prompts))
	got, err := session.GetPrompt(t.Context(), &sdk.GetPromptParams{Name: "safe_reboot", Arguments: map[string]string{"server": "web-server-01"}})
	require.NoError(t, err)
	require.Contains(t, got.Messages[0].Content.(*sdk.TextContent).Text, `{"server": "web-server-01"}`)
	_, err = session.GetPrompt(t.Context(), &sdk.GetPromptParams{Name: "safe_reboot"})
	require.ErrorContains(t, err, "needs the argument server")

	completed, err := session.Complete(t.Context(), &sdk.CompleteParams{
		Ref:      &sdk.CompleteReference{Type: "ref/prompt", Name: "restore"},
		Argument: sdk.CompleteParamsArgument{Name: "copy", Value: "5"},
		Context:  &sdk.CompleteContext{Arguments: map[string]string{"server": "web-server-01"}},
	})
	require.NoError(t, err)
	require.Equal(t, []string{"501", "495"}, completed.Completion.Values)
	require.Equal(t, 2, completed.Completion.Total)
}

// official starts the official SDK's client over HTTP, with alice's key.
func (s *site) official(version string) *sdk.ClientSession {
	c := sdk.NewClient(&sdk.Implementation{Name: "t", Version: "1"}, nil)
	transport := &sdk.StreamableClientTransport{Endpoint: s.url, HTTPClient: &http.Client{Transport: bearer(aliceKey)}, DisableStandaloneSSE: true}
	session, err := c.Connect(s.Context(), transport, &sdk.ClientSessionOptions{ProtocolVersion: version})
	require.NoError(s, err)
	s.Cleanup(func() { _ = session.Close() })
	return session
}

// bearer sends an access key with each request.
type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

func (w *world) official(p *person, version string) *sdk.ClientSession {
	toServer, fromServer, served := serve(context.WithoutCancel(w.Context()), w.server)
	c := sdk.NewClient(&sdk.Implementation{Name: "t", Version: "1"}, &sdk.ClientOptions{ElicitationHandler: p.answer})
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
