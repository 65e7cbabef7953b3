package mcpserver

import (
	"cmp"
	"context"
	"embed"
	"slices"
	"strings"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/tools"
)

// prompt is a task that a person picks at their client: a text for the model, with what the person gave in it.
type prompt struct {
	name, title, description string
	arguments                []mcp.PromptArgument
	needs                    []string // operations, of which all must be allowed
}

var (
	serverArgument = mcp.PromptArgument{Name: "server", Description: "A server's id or exact name", Required: true}
	copyArgument   = mcp.PromptArgument{Name: "copy", Description: "The id of one of its backups or snapshots; latest, yesterday or a day (2026-11-29): a backup of then", Required: true}
	anyServer      = mcp.PromptArgument{Name: "server", Description: "A server's id or exact name; without it all"}
)

var prompts = []prompt{
	{
		name: "fleet_review", title: "Review the fleet", description: "What is stopped and still billed, without copies, or near its limits. Changes nothing.",
		needs: []string{"servers.list", "servers.get", "backups.list", "snapshots.list"},
	},
	{
		name: "safe_reboot", title: "Reboot a server safely", description: "Looks first, asks, reboots, and checks that the server is back.",
		arguments: []mcp.PromptArgument{serverArgument}, needs: []string{"servers.get", "servers.reboot", "backups.list", "snapshots.list"},
	},
	{
		name: "before_delete", title: "Before a server is deleted", description: "What would be lost, its last copy, a dry run; then asks.",
		arguments: []mcp.PromptArgument{serverArgument}, needs: []string{"servers.get", "servers.delete", "backups.list", "snapshots.list"},
	},
	{
		name: "restore", title: "Restore a server", description: "Compares the copy with what is there, says what would be lost; then asks.",
		arguments: []mcp.PromptArgument{serverArgument, copyArgument},
		needs:     []string{"servers.get", "backups.list", "snapshots.list", "servers.restore", "snapshots.restore"},
	},
	{
		name: "what_happened", title: "What happened?", description: "What was asked for and what became of it, how the servers stand, and how a person stops all changes.",
		arguments: []mcp.PromptArgument{anyServer}, needs: []string{"servers.list", "servers.get"},
	},
}

//go:embed prompts/*.txt
var promptTexts embed.FS

func (s *Server) addPrompts(m *server.MCPServer) {
	for _, p := range prompts {
		listed := mcp.Prompt{Name: p.name, Title: p.title, Description: p.description, Arguments: p.arguments}
		m.AddPrompt(listed, func(ctx context.Context, req mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
			return guard(s, "the prompt "+p.name, func() (*mcp.GetPromptResult, error) { return s.getPrompt(ctx, p, req.Params.Arguments) })
		})
	}
}

// filterPrompts removes from a list what is refused to the caller.
func (s *Server) filterPrompts(ctx context.Context, _ any, _ *mcp.ListPromptsRequest, result *mcp.ListPromptsResult) {
	defer s.recoverPanic("listing the prompts")
	_, refused := s.offered(ctx)
	result.Prompts = slices.DeleteFunc(result.Prompts, func(listed mcp.Prompt) bool {
		return slices.ContainsFunc(prompts, func(p prompt) bool { return p.name == listed.Name && p.refused(refused) != "" })
	})
}

// refused returns the first operation that the prompt needs and that is refused; "" if there is none.
func (p prompt) refused(refused map[string]string) string {
	for _, name := range p.needs {
		if _, no := refused[name]; no {
			return name
		}
	}
	return ""
}

func (s *Server) getPrompt(ctx context.Context, p prompt, given map[string]string) (*mcp.GetPromptResult, error) {
	_, refused := s.offered(ctx)
	if name := p.refused(refused); name != "" {
		return nil, invalidParams(s.toolNames("the prompt " + p.name + " needs " + name + ", which is refused: " + refused[name]))
	}
	values, err := p.check(given)
	if err != nil {
		return nil, err
	}
	message := mcp.PromptMessage{Role: mcp.RoleUser, Content: mcp.TextContent{Type: "text", Text: p.text(values, s.Runner.Now())}}
	return &mcp.GetPromptResult{Description: p.description, Messages: []mcp.PromptMessage{message}}, nil
}

func (p prompt) takes(argument string) bool {
	return slices.ContainsFunc(p.arguments, func(a mcp.PromptArgument) bool { return a.Name == argument })
}

// check returns the given arguments, trimmed, if they are those of the prompt.
func (p prompt) check(given map[string]string) (map[string]string, error) {
	values, names := map[string]string{}, []string{}
	for _, a := range p.arguments {
		names = append(names, a.Name)
		value := strings.TrimSpace(given[a.Name])
		switch {
		case value == "" && a.Required:
			return nil, invalidParams("the prompt " + p.name + " needs the argument " + a.Name + ": " + a.Description)
		case text.Clean(value) != value:
			return nil, invalidParams("the argument " + a.Name + " is not one line of plain text: " + text.Quote(value))
		case value != "":
			values[a.Name] = value
		}
	}
	for name := range given {
		if !p.takes(name) {
			return nil, invalidParams("the prompt " + p.name + " has no argument " + text.Quote(name) + "; it has " + cmp.Or(strings.Join(names, ", "), "none"))
		}
	}
	return values, nil
}

// text returns the prompt's text. {argument} is replaced by its value as a JSON string, as it stands in a tool's input;
// {subject} by the server, or all of them; {now} by the time.
func (p prompt) text(values map[string]string, now time.Time) string {
	raw, err := promptTexts.ReadFile("prompts/" + p.name + ".txt")
	if err != nil {
		panic(err) // a test reads each
	}
	pairs := []string{"{now}", now.UTC().Format(time.RFC3339), "{subject}", "the servers of this account"}
	for name, value := range values {
		quoted := string(tools.QuotedJSON(value))
		pairs = append([]string{"{" + name + "}", quoted}, pairs...)
		if name == serverArgument.Name {
			pairs = append([]string{"{subject}", "the server " + quoted}, pairs...)
		}
	}
	return strings.NewReplacer(pairs...).Replace(string(raw))
}
