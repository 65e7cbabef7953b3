package e2e_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/testkit"
)

// cage is what one canary is let loose in: the program, an account of its own, a state
// folder, and everything that was said and written where a secret must not be.
type sandbox struct {
	testing.TB
	program string
	folder  string // inputs are in it; what the program writes is in its folder "state"
	sim     *simulator.Simulator
	api     string
	secret  string
	json    bool // logs in JSON
	output  *testkit.Log
}

// buildProgram builds vpsbot as users do.
func buildProgram(t testing.TB) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "vpsbot")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../../cmd/vpsbot")
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, string(output))
	return path
}

func newSandbox(t testing.TB, program, secret string) *sandbox {
	t.Helper()
	c := &sandbox{TB: t, program: program, folder: memoryFolder(t), secret: secret, output: &testkit.Log{}}
	c.sim = simulator.New(simulator.Options{Speed: 1000})
	api := httptest.NewServer(c.sim)
	t.Cleanup(api.Close)
	c.api = api.URL + "/api/v1"
	return c
}

// known makes the secret a token that the account knows.
func (c *sandbox) registerToken() *sandbox {
	c.sim.Edit(func(w *simulator.World) {
		w.Tokens[c.secret] = &simulator.Token{Value: c.secret, Name: "Canary", Permissions: []string{"*:*"}}
	})
	return c
}

// file writes an input.
func (c *sandbox) file(name, text string) (path string) {
	c.Helper()
	path = filepath.Join(c.folder, name)
	require.NoError(c, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(c, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// vars is an environment on top of the cage's own.
type vars map[string]string

func (c *sandbox) environ(env vars) []string {
	format := "text"
	if c.json {
		format = "json"
	}
	all := vars{
		"PATH": os.Getenv("PATH"), "HOME": c.folder, "XDG_STATE_HOME": filepath.Join(c.folder, "state"), "VPS_API_URL": c.api,
		"VPS_API_TOKEN": "vps_demo", "VPSBOT_LOG_LEVEL": "debug", "VPSBOT_LOG_FORMAT": format,
	}
	for name, value := range env {
		all[name] = value
	}
	var list []string
	for name, value := range all {
		list = append(list, name+"="+value)
	}
	return list
}

// run runs one command and hears all that it says. What it prints on stdout is returned too.
func (c *sandbox) run(env vars, args ...string) (out string) {
	c.Helper()
	return c.runWithInput(env, "", args...)
}

func (c *sandbox) runWithInput(env vars, in string, args ...string) (out string) {
	c.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(c.Context(), c.program, args...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = c.environ(env), strings.NewReader(in), &stdout, &stderr, 10*time.Second
	err := cmd.Run()
	fmt.Fprintf(c.output, "$ vpsbot (%d arguments): %v\n%s%s", len(args), err, &stdout, &stderr)
	return stdout.String()
}

// everyday is what people and assistants do: it succeeds, is refused, fails, and is looked up.
func (c *sandbox) runCommands(env vars) {
	c.Helper()
	for _, args := range [][]string{
		{"doctor"},
		{"run", "account.get"},
		{"run", "servers.list", "--json"},
		{"run", "servers.update", "web-server-01", "--hostname", "web.example.com"},
		{"run", "servers.delete", "web-server-01"},
		{"run", "servers.create", "--name", "web-3", "--plan-id", "1", "--os-id", "5", "--location", "us-west", "--dry-run"},
		{"run", "servers.get", "no-such-server"},
		{"run", "servers.get", "web-server-01", "--no-such-flag"},
		{"operations", "--json"},
		{"approvals", "list", "--json"},
		{"audit", "list", "--json"},
		{"audit", "verify"},
		{"version"},
	} {
		c.run(env, args...)
	}
	c.runWithInput(env, session("servers_list", `{}`, "servers_delete", `{"server":"db-server-01"}`, "servers_get", `{"server":5}`), "mcp")
}

// briefly is less of it, for an API that lets everybody wait.
func (c *sandbox) runFewCommands(env vars) {
	c.Helper()
	c.run(env, "run", "servers.list")
	c.run(env, "run", "servers.delete", "web-server-01")
	c.run(env, "audit", "list", "--json")
	c.runWithInput(env, session("servers_list", `{}`), "mcp")
}

// session is what an MCP client says: the list, then tools with their arguments.
func session(calls ...string) string {
	lines := []string{
		`{"jsonrpc":"2.0","id":"i","method":"initialize","params":{"protocolVersion":"2025-06-18","clientInfo":{"name":"t","version":"1"},"capabilities":{}}}`,
		`{"jsonrpc":"2.0","method":"notifications/initialized"}`, `{"jsonrpc":"2.0","id":"l","method":"tools/list"}`,
	}
	for i := 0; i+1 < len(calls); i += 2 {
		lines = append(lines, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"%s","arguments":%s}}`, i+1, calls[i], calls[i+1]))
	}
	return strings.Join(lines, "\n") + "\n"
}

// written adds every byte that the program left in its folder.
func (c *sandbox) addFiles() {
	c.Helper()
	err := filepath.WalkDir(filepath.Join(c.folder, "state"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil //nolint:nilerr // nothing was written
		}
		raw, err := os.ReadFile(path)
		fmt.Fprintf(c.output, "\nfile %s:\n%s", path, raw)
		return err
	})
	require.NoError(c, err)
}

// seenByTheAPI adds what the API was sent beside the header that carries the token.
func (c *sandbox) addAPIRequests() {
	for _, r := range c.sim.Requests() {
		fmt.Fprintf(c.output, "request %s %s %s %s\n", r.Method, r.Path, r.Query, r.Body)
	}
}

// newSecret returns a secret that is found nowhere by chance.
func newSecret(r *rand.Rand, prefix string) string { return prefix + randomID(r) + randomID(r) }

// traces are the forms in which a secret, or a part of it that would help to guess the rest,
// may have been written.
func secretForms(secret string) []string {
	bare := secret[strings.LastIndex(secret, "_")+1:]
	middle := len(bare)/2 - 8
	return []string{
		bare[:16], bare[middle : middle+16], bare[len(bare)-16:],
		strings.ToUpper(bare[:16]), hex.EncodeToString([]byte(bare))[:24], base64.StdEncoding.EncodeToString([]byte(secret))[:20],
		base64.URLEncoding.EncodeToString([]byte(bare))[:20], url.QueryEscape(secret), reversed(bare)[:16],
	}
}

func reversed(s string) string {
	raw := []byte(s)
	for i, j := 0, len(raw)-1; i < j; i, j = i+1, j-1 {
		raw[i], raw[j] = raw[j], raw[i]
	}
	return string(raw)
}

// found returns the line in which a trace of the secret is, or nothing.
func findSecret(secret, text string) (line string) {
	for _, trace := range secretForms(secret) {
		if at := strings.Index(text, trace); at >= 0 {
			return fmt.Sprintf("%q", text[max(0, at-200):min(len(text), at+100)])
		}
	}
	return ""
}
