// Command bare is what the benchmarks compare with: an MCP server on mcp-go with one tool, which makes one GET by
// net/http and returns the answer as text and as structured content. It checks nothing. It serves stdio, or HTTP at the
// address that is its argument.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

func main() {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}
	s := server.NewMCPServer("bare", "1", server.WithToolCapabilities(false))
	tool := mcp.NewTool("servers_get", mcp.WithDescription("Gets a server"), mcp.WithNumber("server", mcp.Required()))
	s.AddTool(tool, func(ctx context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		url := fmt.Sprintf("%s/servers/%d/", os.Getenv("VPS_API_URL"), req.GetInt("server", 0))
		get, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return nil, err
		}
		get.Header.Set("Authorization", "Bearer "+os.Getenv("VPS_API_TOKEN"))
		resp, err := client.Do(get)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return nil, err
		}
		result := mcp.NewToolResultText(string(body))
		result.StructuredContent = json.RawMessage(body)
		return result, nil
	})
	if err := serve(s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(s *server.MCPServer) error {
	if len(os.Args) > 1 {
		return server.NewStreamableHTTPServer(s).Start(os.Args[1]) // at /mcp
	}
	return server.ServeStdio(s)
}
