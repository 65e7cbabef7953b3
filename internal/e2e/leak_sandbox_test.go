package e2e_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/testkit"
)

// sandbox is the environment of one canary secret: the program, an account, a state folder, and all
// output in which the secret must not be.
type sandbox struct {
	testing.TB
	program string
	folder  string // has the inputs; the program writes to its subfolder "state"
	sim     *simulator.Simulator
	api     string
	secret  string
	json    bool // logs in JSON
	output  *testkit.Log

	collector string // URL of a collector of traces, all of whose bytes become output
}

// buildProgram builds vpsbot as users do.
func buildProgram(t testing.TB, flags ...string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "vpsbot")
	cmd := exec.CommandContext(t.Context(), "go", slices.Concat([]string{"build", "-o", path}, flags, []string{"../../cmd/vpsbot"})...)
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
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(c.output, r.Body) }))
	t.Cleanup(collector.Close)
	c.collector = collector.URL
	return c
}

// registerToken makes the secret a token of the account.
func (c *sandbox) registerToken() *sandbox {
	c.sim.Edit(func(w *simulator.World) {
		w.Tokens[c.secret] = &simulator.Token{Value: c.secret, Name: "Canary", Permissions: []string{"*:*"}}
	})
	return c
}

// file writes an input file.
func (c *sandbox) file(name, text string) (path string) {
	c.Helper()
	path = filepath.Join(c.folder, name)
	require.NoError(c, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(c, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// vars are variables in addition to the sandbox's own.
type vars map[string]string

func (c *sandbox) environ(env vars) []string {
	format := "text"
	if c.json {
		format = "json"
	}
	all := vars{
		"PATH": os.Getenv("PATH"), "HOME": c.folder, "XDG_STATE_HOME": filepath.Join(c.folder, "state"), "VPS_API_URL": c.api,
		"VPS_API_TOKEN": "vps_demo", "VPSBOT_LOG_LEVEL": "debug", "VPSBOT_LOG_FORMAT": format, "VPSBOT_KEYRING": "false",
	}
	all["OTEL_EXPORTER_OTLP_ENDPOINT"], all["OTEL_EXPORTER_OTLP_COMPRESSION"] = c.collector, "none"
	for name, value := range env {
		all[name] = value
	}
	var list []string
	for name, value := range all {
		list = append(list, name+"="+value)
	}
	return list
}

// run runs one command, adds its output, and returns its stdout.
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

// runCommands runs commands and an MCP session: calls that succeed, are refused, fail, and are listed.
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

// runFewCommands runs fewer commands, for an API that fails slowly.
func (c *sandbox) runFewCommands(env vars) {
	c.Helper()
	c.run(env, "run", "servers.list")
	c.run(env, "run", "servers.delete", "web-server-01")
	c.run(env, "audit", "list", "--json")
	c.runWithInput(env, session("servers_list", `{}`), "mcp")
}

// session is the input of an MCP session: tools/list, then calls of tools with their arguments.
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

// addFiles adds the content of every file in the program's state folder.
func (c *sandbox) addFiles() {
	c.Helper()
	fmt.Fprint(c.output, fileContents(c, filepath.Join(c.folder, "state")))
}

// fileContents is the name and the content of every file in a folder and in the folders in it, or "" where
// there is no such folder.
func fileContents(t testing.TB, folder string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil //nolint:nilerr // a folder that does not exist has no files
		}
		raw, err := os.ReadFile(path)
		fmt.Fprintf(&b, "\nfile %s:\n%s", path, raw)
		return err
	})
	require.NoError(t, err)
	return b.String()
}

// addAPIRequests adds the requests to the API, without the header that carries the token.
func (c *sandbox) addAPIRequests() {
	for _, r := range c.sim.Requests() {
		fmt.Fprintf(c.output, "request %s %s %s %s\n", r.Method, r.Path, r.Query, r.Body)
	}
}

// newSecret returns a secret long enough not to occur by chance.
func newSecret(r *rand.Rand, prefix string) string { return prefix + randomID(r) + randomID(r) }

// secretForms are encodings of a secret, and parts of it long enough to help guess the rest.
func secretForms(secret string) []string {
	bare := secret[strings.LastIndex(secret, "_")+1:]
	middle := len(bare)/2 - 8
	reversed := []byte(bare)
	slices.Reverse(reversed)
	return []string{
		bare[:16], bare[middle : middle+16], bare[len(bare)-16:],
		strings.ToUpper(bare[:16]), hex.EncodeToString([]byte(bare))[:24], base64.StdEncoding.EncodeToString([]byte(secret))[:20],
		base64.URLEncoding.EncodeToString([]byte(bare))[:20], url.QueryEscape(secret), string(reversed[:16]),
	}
}

// findSecret returns an excerpt that contains a form of the secret, or "".
func findSecret(secret, text string) (line string) {
	for _, trace := range secretForms(secret) {
		if at := strings.Index(text, trace); at >= 0 {
			return fmt.Sprintf("%q", text[max(0, at-200):min(len(text), at+100)])
		}
	}
	return ""
}
