// Package install writes vpsbot into the configuration files of assistants, and takes it out again. All bytes
// outside of its own entry stay as they are.
package install

import (
	"os"
	"path"
	"path/filepath"
)

// Client is a program that starts vpsbot as its MCP server.
type Client struct {
	Name  string // as it is typed: claude-code
	Title string
	Next  string // what a person does so that the client reads its file again
	Check string // how a person sees that it works
	Table string // of the file's root, which has an entry for each server

	project string // path below a project's folder; empty: there is no such file
	format  format
	path    func(System) string
	entry   func(Server) any
}

// Server is how a client starts vpsbot.
type Server struct {
	Command string // an absolute path
	Args    []string
	Env     map[string]string
}

// System is what the places of files depend on. Paths have slashes.
type System struct {
	GOOS   string
	Home   string
	Lookup func(variable string) string // empty: not set
}

// stdioEntry is a server as most clients write it.
type stdioEntry struct {
	Type    string            `json:"type,omitempty"`
	Command string            `json:"command"`
	Args    []string          `json:"args"`
	Env     map[string]string `json:"env,omitempty"`
}

type opencodeEntry struct {
	Type        string            `json:"type"`
	Command     []string          `json:"command"`
	Environment map[string]string `json:"environment,omitempty"`
	Enabled     bool              `json:"enabled"`
}

func typed(s Server) any   { return stdioEntry{"stdio", s.Command, s.Args, s.Env} }
func untyped(s Server) any { return stdioEntry{"", s.Command, s.Args, s.Env} }
func local(s Server) any {
	return opencodeEntry{"local", append([]string{s.Command}, s.Args...), s.Env, true}
}

// Clients lists the clients by name. docs/clients.md has the page from which each fact comes.
func Clients() []Client {
	return []Client{
		{
			Name: "claude-code", Title: "Claude Code", Next: "Start Claude Code anew.", Check: "claude mcp list",
			Table: "mcpServers", project: ".mcp.json", format: jsonFormat{}, entry: typed,
			path: func(s System) string { return path.Join(s.or("CLAUDE_CONFIG_DIR", s.Home), ".claude.json") },
		},
		{
			Name: "claude-desktop", Title: "Claude Desktop", Next: "Quit Claude Desktop and start it anew; to close its window is not enough.",
			Check: "Settings, Developer lists its servers", Table: "mcpServers", format: jsonFormat{}, entry: untyped,
			path: func(s System) string { return path.Join(s.applications(), "Claude", "claude_desktop_config.json") },
		},
		{
			Name: "codex", Title: "Codex", Next: "Start Codex anew.", Check: "/mcp in Codex",
			Table: "mcp_servers", project: ".codex/config.toml", format: tomlFormat{}, entry: untyped,
			path: func(s System) string { return path.Join(s.or("CODEX_HOME", s.Home+"/.codex"), "config.toml") },
		},
		{
			Name: "cursor", Title: "Cursor", Next: "Start Cursor anew.", Check: "its settings list it under MCP",
			Table: "mcpServers", project: ".cursor/mcp.json", format: jsonFormat{}, entry: untyped,
			path: func(s System) string { return path.Join(s.Home, ".cursor", "mcp.json") },
		},
		{
			Name: "gemini", Title: "Gemini CLI", Next: "Start Gemini CLI anew, in a folder that it trusts.", Check: "gemini mcp list",
			Table: "mcpServers", project: ".gemini/settings.json", format: jsonFormat{}, entry: untyped,
			path: func(s System) string { return path.Join(s.or("GEMINI_CLI_HOME", s.Home), ".gemini", "settings.json") },
		},
		{
			Name: "opencode", Title: "opencode", Next: "Start opencode anew.", Check: "opencode mcp list",
			Table: "mcp", project: "opencode.json", format: jsonFormat{}, entry: local,
			path: func(s System) string {
				return path.Join(s.or("XDG_CONFIG_HOME", s.Home+"/.config"), "opencode", "opencode.json")
			},
		},
		{
			Name: "vscode", Title: "VS Code", Next: "Run MCP: List Servers in VS Code, and start it there.", Check: "MCP: List Servers",
			Table: "servers", project: ".vscode/mcp.json", format: jsonFormat{}, entry: typed,
			path: func(s System) string { return path.Join(s.applications(), "Code", "User", "mcp.json") },
		},
	}
}

// Names lists the names of the clients.
func Names() (names []string) {
	for _, c := range Clients() {
		names = append(names, c.Name)
	}
	return names
}

// Named returns the client with a name.
func Named(name string) (client Client, ok bool) {
	for _, c := range Clients() {
		if c.Name == name {
			return c, true
		}
	}
	return client, false
}

// UserFile is the path of the file that counts for all of a person's projects.
func (c Client) UserFile(s System) string { return filepath.FromSlash(c.path(s)) }

// Existing is the file that is there, where a client reads it by either of two names.
func (c Client) Existing(path string) string {
	_, err := os.Stat(path)
	_, err2 := os.Stat(path + "c")
	if c.Name == "opencode" && err != nil && err2 == nil {
		return path + "c"
	}
	return path
}

// ProjectFile is the path of the file of one project; empty: the client has none.
func (c Client) ProjectFile(folder string) string {
	if c.project == "" {
		return ""
	}
	return filepath.Join(folder, filepath.FromSlash(c.project))
}

// or is the value of a variable, or what counts without it.
func (s System) or(variable, without string) string {
	if value := filepath.ToSlash(s.Lookup(variable)); value != "" {
		return value
	}
	return without
}

// applications is the folder for the settings of applications.
func (s System) applications() string {
	switch s.GOOS {
	case "windows":
		return s.or("APPDATA", path.Join(s.Home, "AppData", "Roaming"))
	case "darwin":
		return path.Join(s.Home, "Library", "Application Support")
	}
	return s.or("XDG_CONFIG_HOME", path.Join(s.Home, ".config"))
}

// JSON is the entry of a server in one line, as Claude Code's own program takes it.
func (c Client) JSON(s Server) string { return oneLine(c.entry(s)) }
