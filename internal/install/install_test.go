package install

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite testdata/golden")

var server = Server{Command: "/usr/bin/vpsbot", Args: []string{"mcp"}, Env: map[string]string{"VPS_API_TOKEN_FILE": "/home/ada/.config/vpsbot/token"}}

// written returns the text after a change.
func written(t *testing.T, change Change, err error) []byte {
	t.Helper()
	require.NoError(t, err)
	return change.after
}

// Files of each client, as they are found, become those of testdata/golden, byte for byte, and are again what they
// were afterwards: with the copy always, and without it where there were servers before.
func TestFilesAsTheyAreFound(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/wild/*")
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, path := range paths {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			raw, err := os.ReadFile(path)
			require.NoError(t, err)
			of, _, _ := strings.Cut(name, ".")
			client, ok := Named(of)
			require.True(t, ok)
			seen[of] = true

			folder := t.TempDir()
			in := filepath.Join(folder, "config")
			require.NoError(t, os.WriteFile(in, raw, 0o640))
			apply := func(plan func(File) (Change, error)) Action {
				file, err := Open(in)
				require.NoError(t, err)
				change, err := plan(file)
				require.NoError(t, err)
				require.NoError(t, change.Apply())
				return change.Action
			}
			install := func(s Server) func(File) (Change, error) {
				return func(f File) (Change, error) { return client.Install(f, "vpsbot", s) }
			}
			uninstall := func(f File) (Change, error) { return client.Uninstall(f, "vpsbot") }

			require.Equal(t, Installed, apply(install(server)))
			after, golden := read1(t, in), filepath.Join("testdata/golden", name)
			if *update {
				require.NoError(t, os.WriteFile(golden, after, 0o600))
			}
			require.Equal(t, string(read1(t, golden)), string(after))
			require.Equal(t, string(raw), string(read1(t, in+copySuffix)))
			require.Equal(t, Unchanged, apply(install(server)))

			other := server
			other.Env = map[string]string{"VPSBOT_READ_ONLY": "true"}
			require.Equal(t, Updated, apply(install(other)))
			require.Equal(t, string(raw), string(read1(t, in+copySuffix)), "the copy is of before the first change")
			require.Equal(t, Removed, apply(uninstall))
			require.Equal(t, string(raw), string(read1(t, in)))
			require.NoFileExists(t, in+copySuffix)
			require.Equal(t, Unchanged, apply(uninstall))
			left, err := os.ReadDir(folder)
			require.NoError(t, err)
			require.Len(t, left, 1, "nothing else is left")

			if _, hasServers := client.servers(t, raw); hasServers || len(raw) == 0 {
				apply(install(server))
				require.NoError(t, os.Remove(in+copySuffix))
				apply(uninstall)
				if len(raw) == 0 { // as if it had not been there
					require.NoFileExists(t, in)
				} else {
					require.Equal(t, string(raw), string(read1(t, in)), "without the copy")
				}
			}
		})
	}
	require.Len(t, seen, len(Clients()), "a client has no file here")
}

func read1(t *testing.T, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	return raw
}

func (c Client) servers(t *testing.T, raw []byte) (map[string]any, bool) {
	t.Helper()
	tree, err := c.decode(raw)
	require.NoError(t, err)
	servers, _ := tree[c.Table].(map[string]any)
	return servers, len(servers) > 0
}

// What cannot be changed safely is refused, with the place.
func TestRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ client, raw, want string }{
		"a comma too few":     {"cursor", "{\n  \"a\": 1\n  \"mcpServers\": {}\n}", "line 3, column 3: invalid character '\"' after object value"},
		"cut off":             {"claude-code", `{"mcpServers": {"a": {`, "line 1, column 23: parsing value: unexpected EOF"},
		"two files in one":    {"gemini", "{}\n{}", "line 2, column 1: invalid character '{' after top-level value"},
		"a comment alone":     {"vscode", "// nothing yet\n", "line 2, column 1: parsing value: unexpected EOF"},
		"an array":            {"cursor", "\n []", "line 2, column 2: the file holds no object"},
		"a table of another":  {"cursor", `{"mcpServers": []}`, `"mcpServers" is no table of servers`},
		"deeply nested":       {"cursor", "{\"a\":\n" + strings.Repeat("[", 2_000_000), "line 2, column 10000: it is nested too deep"},
		"deep objects":        {"cursor", strings.Repeat("{\"a\":", 2_000_000), "it is nested too deep"},
		"null":                {"vscode", "{\n\"servers\": null}", `line 2, column 12: "servers" is no object`},
		"the table twice":     {"cursor", "{\"mcpServers\": {},\n \"mcpServers\": {}}", `line 2, column 2: "mcpServers" is there twice`},
		"the entry twice":     {"opencode", "{\"mcp\": {\"vpsbot\": {\"command\": [\"vpsbot\", \"mcp\"]},\n\"vpsbot\": {\"command\": [\"vpsbot\", \"mcp\"]}}}", `line 2, column 1: "vpsbot" is there twice`},
		"UTF-16":              {"claude-desktop", "\xff\xfe{\x00}\x00", "it is no UTF-8"},
		"another's entry":     {"cursor", `{"mcpServers": {"vpsbot": {"command": "/opt/other/server", "args": ["mcp"]}}}`, `"vpsbot" in config is another server, and is left as it is: choose another --name, or change the file by hand`},
		"a remote entry":      {"cursor", `{"mcpServers": {"vpsbot": {"url": "https://vpsbot.example.com/mcp"}}}`, "is another server"},
		"broken TOML":         {"codex", "model = \"o3\"\n[tui\nx = 1\n", "line 2, column 5: "},
		"a key twice in TOML": {"codex", "a = 1\na = 2\n", "line 2, column 1: "},
		"a table in braces":   {"codex", "mcp_servers = { a = { command = \"x\" } }\n", `"mcp_servers" is written in a form that vpsbot does not change`},
		"an entry of dots":    {"codex", "[mcp_servers]\nvpsbot.command = \"/usr/bin/vpsbot\"\nvpsbot.args = [\"mcp\"]\n", `"mcp_servers" is written in a form that vpsbot does not change`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, _ := Named(test.client)
			change, err := client.Install(File{Path: "config", Raw: []byte(test.raw)}, "vpsbot", server)
			require.ErrorContains(t, err, test.want)
			require.ErrorContains(t, err, "left as it is")
			require.NotContains(t, err.Error(), "hujson")
			if _, err := client.Uninstall(File{Path: "config", Raw: []byte(test.raw)}, "vpsbot"); err == nil {
				require.NotEqual(t, Removed, change.Action)
			}
		})
	}
}

// What stands around an entry when it is taken out may be anything: a person or a formatter has been there.
func TestTakenOut(t *testing.T) {
	t.Parallel()
	const own = `"vpsbot": {"command": "vpsbot", "args": ["mcp"]}`
	for _, test := range []struct{ before, after string }{
		{`{"mcpServers": {` + own + `}}`, `{"mcpServers": {}}`},
		{`{"mcpServers": {` + own + `, "b": 1}}`, `{"mcpServers": { "b": 1}}`},
		{`{"mcpServers": {"a": 1, ` + own + `, "b": 1}}`, `{"mcpServers": {"a": 1, "b": 1}}`},
		{`{"mcpServers": {"a": 1 , ` + own + ` }}`, `{"mcpServers": {"a": 1  }}`},
		{"{\"mcpServers\": {\n  // ours\n  " + own + ", \"b\": 1\n}}", "{\"mcpServers\": {\n  // ours\n  \"b\": 1\n}}"},
		{"{\"mcpServers\": {\n  // ours\n  " + own + "}}", "{\"mcpServers\": {\n  // ours\n  }}"},
		{"{\"mcpServers\": {\n  " + own + " /* x */ ,\n  \"b\": 1\n}}", "{\"mcpServers\": { /* x */ \n  \"b\": 1\n}}"},
		{"{\"mcpServers\": {\n  \"a\": 1, // a\n  " + own + " // ours\n}}", "{\"mcpServers\": {\n  \"a\": 1 // a\n  // ours\n}}"},
		{"{\"mcpServers\": {\r\n\t" + own + ",\r\n}}", "{\"mcpServers\": {}}"},
	} {
		client, _ := Named("cursor")
		change, err := client.Uninstall(File{Path: "config", Raw: []byte(test.before)}, "vpsbot")
		require.Equal(t, test.after, string(written(t, change, err)), test.before)
	}
	codex, _ := Named("codex")
	for _, test := range []struct{ before, after string }{
		{"[mcp_servers.vpsbot]\ncommand = \"vpsbot\"\nargs = [\"mcp\"]\n\n[mcp_servers.vpsbot.env]\nA = \"1\" # one\n\n# of b\n[mcp_servers.b]\ncommand = \"b\"\n", "\n# of b\n[mcp_servers.b]\ncommand = \"b\"\n"},
		{"[ mcp_servers . \"vpsbot\" ] # ours\r\ncommand = \"vpsbot\"\r\nargs = [\"mcp\"]", ""},
		{"a = 1\n\n[mcp_servers.vpsbot]\ncommand = 'vpsbot'\nargs = ['mcp']\n[b]\n\n[mcp_servers.vpsbot.env]\nA = \"\"\"\n[b]\n\"\"\"\n[c]\n", "a = 1\n[b]\n[c]\n"},
	} {
		change, err := codex.Uninstall(File{Path: "config", Raw: []byte(test.before)}, "vpsbot")
		require.Equal(t, test.after, string(written(t, change, err)), test.before)
	}
}

// An entry is ours if it starts vpsbot, or this program whatever it is called.
func TestOurEntry(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	require.NoError(t, err)
	for _, client := range Clients() {
		for command, isOurs := range map[string]bool{
			self: true, "/old/" + filepath.Base(self): true, "vpsbot": true, "/x/vpsbot": true, `C:\\x\vpsbot.exe`: true, "/x/vpsbot2": false, "/usr/bin/python3": false,
		} {
			change, err := client.Install(File{Path: "config"}, "vpsbot", Server{Command: command, Args: []string{"mcp"}})
			file := File{Path: "config", Raw: written(t, change, err)}
			_, err = client.Uninstall(file, "vpsbot")
			_, err2 := client.Install(file, "vpsbot", server)
			for _, err := range []error{err, err2} {
				if isOurs {
					require.NoError(t, err, command)
				} else {
					require.ErrorContains(t, err, "is another server", command)
				}
			}
		}
	}
}

// What a person or the client adds to the entry stays until the server is to be started otherwise.
func TestAddedToTheEntry(t *testing.T) {
	t.Parallel()
	args := Server{Command: server.Command, Args: []string{"mcp", "--profile", "prod"}, Env: server.Env}
	env := Server{Command: server.Command, Args: server.Args}
	for _, client := range Clients() {
		change, err := client.Install(File{Path: "config"}, "vpsbot", server)
		after := string(written(t, change, err))
		extended := strings.Replace(after, `"vpsbot": {`, `"vpsbot": {"timeout": 20, "trust": {"a": [1]},`, 1)
		if client.Name == "codex" {
			extended = after + "tool_timeout_sec = 20\n[mcp_servers.vpsbot.tools.x]\na = 1\n"
		}
		require.NotEqual(t, after, extended)
		for s, want := range map[*Server]Action{&server: Unchanged, &args: Updated, &env: Updated} {
			change, err = client.Install(File{Path: "config", Raw: []byte(extended)}, "vpsbot", *s)
			require.NoError(t, err)
			require.Equal(t, want, change.Action, client.Name)
			require.Equal(t, want == Unchanged, client.Holds(File{Raw: []byte(extended)}, "vpsbot", *s))
		}
		disabled := strings.Replace(after, `"enabled": true`, `"enabled": false`, 1)
		change, err = client.Install(File{Path: "config", Raw: []byte(disabled)}, "vpsbot", server)
		require.NoError(t, err)
		require.Equal(t, disabled == after, change.Action == Unchanged)
	}
}

// A comment may end with the file.
func TestCommentAtTheEnd(t *testing.T) {
	t.Parallel()
	client, _ := Named("vscode")
	for _, raw := range []string{"{} // end", "{\n  \"servers\": {\"a\": 1}\n}\n// end", "{\"servers\": {\"a\": \"http://x\"}}", "{} //"} {
		change, err := client.Install(File{Path: "config", Raw: []byte(raw)}, "vpsbot", server)
		after := written(t, change, err)
		require.True(t, isWithin([]byte(raw), after), "%q", after)
		if strings.Contains(raw, "servers") {
			change, err = client.Uninstall(File{Path: "config", Raw: after}, "vpsbot")
			require.Equal(t, raw, string(written(t, change, err)))
		}
	}
}

// A token that a person has put into the entry is not shown when the entry is replaced or taken out.
func TestValuesOfAnEntryAreNotShown(t *testing.T) {
	t.Parallel()
	for client, raw := range map[string]string{
		"cursor":   `{"mcpServers": {"vpsbot": {"command": "vpsbot", "args": ["mcp"], "env": {"VPS_API_TOKEN": "vps_hush"}}}}`,
		"opencode": `{"mcp": {"vpsbot": {"type": "local", "command": ["vpsbot", "mcp"], "environment": {"VPS_API_TOKEN": "vps_hush"}}}}`,
		"codex":    "[mcp_servers.vpsbot]\ncommand = \"vpsbot\"\nargs = [\"mcp\"]\n[mcp_servers.vpsbot.env]\nVPS_API_TOKEN = \"vps_hush\"\n",
	} {
		c, _ := Named(client)
		change, err := c.Install(File{Raw: []byte(raw)}, "vpsbot", server)
		require.NoError(t, err)
		require.Equal(t, Updated, change.Action)
		removed, err := c.Uninstall(File{Raw: []byte(raw)}, "vpsbot")
		require.NoError(t, err)
		for _, shown := range []string{change.Before, change.Entry, removed.Before} {
			require.NotContains(t, shown, "hush")
			require.Contains(t, shown, "vpsbot")
		}
		require.Contains(t, change.Before, "VPS_API_TOKEN")
		require.False(t, bytes.Contains(change.after, []byte("hush")))
	}
}

// The files are where each client looks for them on each system.
func TestPlaces(t *testing.T) {
	t.Parallel()
	set := map[string]string{
		"CLAUDE_CONFIG_DIR": "/c", "CODEX_HOME": "/x", "GEMINI_CLI_HOME": "/g", "XDG_CONFIG_HOME": "/xdg", "APPDATA": "D:/Roaming",
	}
	for name, want := range map[string][4]string{ // linux, darwin, windows, linux with variables
		"claude-code":    {"/h/.claude.json", "/h/.claude.json", "C:/h/.claude.json", "/c/.claude.json"},
		"claude-desktop": {"/h/.config/Claude/claude_desktop_config.json", "/h/Library/Application Support/Claude/claude_desktop_config.json", "C:/h/AppData/Roaming/Claude/claude_desktop_config.json", "/xdg/Claude/claude_desktop_config.json"},
		"codex":          {"/h/.codex/config.toml", "/h/.codex/config.toml", "C:/h/.codex/config.toml", "/x/config.toml"},
		"cursor":         {"/h/.cursor/mcp.json", "/h/.cursor/mcp.json", "C:/h/.cursor/mcp.json", "/h/.cursor/mcp.json"},
		"gemini":         {"/h/.gemini/settings.json", "/h/.gemini/settings.json", "C:/h/.gemini/settings.json", "/g/.gemini/settings.json"},
		"opencode":       {"/h/.config/opencode/opencode.json", "/h/.config/opencode/opencode.json", "C:/h/.config/opencode/opencode.json", "/xdg/opencode/opencode.json"},
		"vscode":         {"/h/.config/Code/User/mcp.json", "/h/Library/Application Support/Code/User/mcp.json", "C:/h/AppData/Roaming/Code/User/mcp.json", "/xdg/Code/User/mcp.json"},
	} {
		client, ok := Named(name)
		require.True(t, ok)
		none := func(string) string { return "" }
		for i, system := range []System{
			{"linux", "/h", none},
			{"darwin", "/h", none},
			{"windows", "C:/h", none},
			{"linux", "/h", func(variable string) string { return set[variable] }},
		} {
			require.Equal(t, want[i], filepath.ToSlash(client.UserFile(system)), "%s on %s", name, system.GOOS)
		}
	}
	desktop, _ := Named("claude-desktop")
	require.Empty(t, desktop.ProjectFile("/p"))
	vscode, _ := Named("vscode")
	require.Equal(t, "/p/.vscode/mcp.json", filepath.ToSlash(vscode.ProjectFile("/p")))
	windows := System{"windows", "C:/h", func(v string) string { return map[string]string{"APPDATA": `D:\Roaming`}[v] }}
	if filepath.Separator == '\\' {
		require.Equal(t, `D:\Roaming\Code\User\mcp.json`, vscode.UserFile(windows))
	}
}

// careless is a format that changes more than the entry.
type careless struct{ jsonFormat }

func (c careless) set(raw []byte, table, name string, entry any) ([]byte, error) {
	out, err := c.jsonFormat.set(raw, table, name, entry)
	return bytes.ReplaceAll(out, []byte("keep"), []byte("lose")), err
}

func (c careless) remove(raw []byte, table, name string) ([]byte, error) {
	out, err := c.jsonFormat.remove(raw, table, name)
	return bytes.ReplaceAll(out, []byte("keep"), []byte("lose")), err
}

// Whatever the code that cuts texts does, nothing is written that says something else beside the entry.
func TestNothingElseMayChange(t *testing.T) {
	t.Parallel()
	client, _ := Named("cursor")
	raw := []byte(`{"mcpServers": {"keep": {}, "vpsbot": {"command": "vpsbot", "args": ["mcp"]}}}`)
	client.format = careless{}
	_, err := client.Install(File{Path: "config", Raw: raw}, "vpsbot-2", server)
	require.ErrorContains(t, err, "config is left as it is")
	_, err = client.Uninstall(File{Path: "config", Raw: raw}, "vpsbot")
	require.ErrorContains(t, err, "config is left as it is")
}
