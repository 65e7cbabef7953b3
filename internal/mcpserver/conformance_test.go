package mcpserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestConformance runs MCP's conformance suite, which is an npm package and no dependency of this module: both of
// its sets of requirements against the HTTP front with the suite's fixtures, and the scenarios without fixtures
// against the front of the product. .ci/conformance installs the suite and runs this.
func TestConformance(t *testing.T) {
	suite := newConformanceSuite(t)
	for _, revision := range []string{"2025-11-25", "2026-07-28"} {
		t.Run("fixtures of "+revision, func(t *testing.T) {
			suite.run(t, nil, "--url", serveFixtures(t, revision), "--requirements", revision)
		})
	}
	for _, s := range productScenarios {
		t.Run("product/"+s.name+" of "+s.revision, func(t *testing.T) {
			suite.run(t, s.lacks, "--url", serveConformance(t, newSite(t, nil).http), "--scenario", s.name, "--spec-version", s.revision)
		})
	}
}

// productScenarios are all scenarios that need no fixtures. lacks are checks of features that the product does not
// have, by the reason.
var productScenarios = []struct {
	name, revision string
	lacks          map[string]string
}{
	{name: "server-initialize", revision: "2025-11-25"},
	{name: "server-session-lifecycle", revision: "2025-11-25"},
	{name: "ping", revision: "2025-11-25"},
	{name: "tools-list", revision: "2025-11-25"},
	{name: "resources-list", revision: "2025-11-25"},
	{name: "prompts-list", revision: "2025-11-25"},
	{name: "dns-rebinding-protection", revision: "2025-11-25"},
	{name: "server-sse-multiple-streams", revision: "2025-11-25"},
	{name: "tools-list", revision: "2026-07-28"},
	{name: "resources-list", revision: "2026-07-28"},
	{name: "prompts-list", revision: "2026-07-28"},
	{name: "sep-2164-resource-not-found", revision: "2026-07-28"},
	{name: "dns-rebinding-protection", revision: "2026-07-28"},
	{name: "server-sse-multiple-streams", revision: "2026-07-28"},
	{name: "input-required-result-unsupported-methods", revision: "2026-07-28"},
	{name: "caching", revision: "2026-07-28"},
	{name: "http-header-validation", revision: "2026-07-28"},
	{name: "server-stateless", revision: "2026-07-28", lacks: map[string]string{
		"sep-2575-server-rejects-undeclared-capability":          "calls test_missing_capability: no operation requires a capability of the client",
		"sep-2575-missing-capability-http-400":                   "calls test_missing_capability as well",
		"sep-2575-http-server-no-independent-requests-on-stream": "calls test_streaming_elicitation; the fixtures pass it",
		"sep-2575-server-no-log-without-loglevel":                "calls test_logging_tool: the product sends no log messages",
	}},
}

// conformanceSuite is where the suite is installed.
type conformanceSuite struct{ folder, node, script string }

func newConformanceSuite(t *testing.T) conformanceSuite {
	folder := os.Getenv("VPSBOT_CONFORMANCE")
	if folder == "" {
		t.Skip("VPSBOT_CONFORMANCE, the folder with MCP's conformance suite, is not set: use .ci/conformance")
	}
	node := filepath.Join(folder, "node_modules", ".bin", "node") // installed where the machine's is too old
	if _, err := os.Stat(node); err != nil {
		node, err = exec.LookPath("node")
		require.NoError(t, err)
	}
	script := filepath.Join(folder, "node_modules", "@modelcontextprotocol", "conformance", "dist", "index.js")
	require.FileExists(t, script)
	return conformanceSuite{folder, node, script}
}

// run runs scenarios of the suite against a server. A check that fails or warns and is not in lacks, and one in
// lacks that passes, fails the test.
func (s conformanceSuite) run(t *testing.T, lacks map[string]string, args ...string) {
	t.Helper()
	results := t.TempDir()
	expected := filepath.Join(results, "expected.yaml")
	checks := make([]string, 0, len(lacks))
	for check := range lacks {
		checks = append(checks, args[3]+":"+check)
	}
	baseline, err := json.Marshal(map[string]any{"server": checks}) // the file is YAML, which has JSON in it
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(expected, baseline, 0o600))
	args = append([]string{s.script, "server", "--output-dir", results, "--expected-failures", expected}, args...)
	said, err := exec.CommandContext(t.Context(), s.node, args...).CombinedOutput()
	require.NoError(t, err, "%s\n%s", said, unmet(t, results))
}

// unmet lists the checks that did not pass, a line each.
func unmet(t *testing.T, results string) string {
	files, err := filepath.Glob(filepath.Join(results, "*", "checks.json"))
	require.NoError(t, err)
	var lines []string
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		var checks []struct{ ID, Status, ErrorMessage string }
		require.NoError(t, json.Unmarshal(raw, &checks))
		for _, c := range checks {
			if c.Status == "FAILURE" || c.Status == "WARNING" {
				lines = append(lines, fmt.Sprintf("%s %s %s: %s", c.Status, filepath.Base(filepath.Dir(file)), c.ID, c.ErrorMessage))
			}
		}
	}
	return strings.Join(lines, "\n")
}

// serveConformance serves a front with a key added to each request, and returns the URL.
func serveConformance(t *testing.T, front http.Handler) (url string) {
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Authorization", "Bearer "+aliceKey)
		front.ServeHTTP(w, r)
	}))
	t.Cleanup(h.Close)
	return h.URL + "/mcp"
}

// The TypeScript SDKs, of which most assistants are made, connect with a key, list, read, complete, call, are asked and
// answer. The second speaks both eras.
func TestConformanceOfTypeScriptSDKs(t *testing.T) {
	suite := newConformanceSuite(t)
	script, err := filepath.Abs("testdata/typescript.mjs")
	require.NoError(t, err)
	for _, c := range []struct{ sdk, version string }{{"sdk", "2025-11-25"}, {"client", "2025-11-25"}, {"client", "2026-07-28"}} {
		t.Run(c.sdk+" "+c.version, func(t *testing.T) {
			s := newSite(t, nil)
			h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s.clock.Advance(readTime) // what comes next is by a person who has read what came before
				s.http.ServeHTTP(w, r)
			}))
			defer h.Close()
			node := exec.CommandContext(t.Context(), suite.node, script, suite.folder, c.sdk, c.version, h.URL, aliceKey)
			said, err := node.Output()
			if failed, ok := errors.AsType[*exec.ExitError](err); ok {
				require.NoError(t, err, "%s", failed.Stderr)
			}
			require.NoError(t, err)
			var got struct {
				Version                           string
				Tools, Resources, Prompts, Prompt int
				Me, Read, Declined, Accepted      string
				Completed, Asked                  []string
			}
			require.NoError(t, json.Unmarshal(said, &got), "%s", said)
			require.Equal(t, []any{c.version, len(allNames()) + len(recordNames), 3, len(prompts), 1}, []any{got.Version, got.Tools, got.Resources, got.Prompts, got.Prompt})
			require.Equal(t, []string{string(aliceOf), "declined", "done"}, []string{got.Me, got.Declined, got.Accepted})
			require.Equal(t, []string{"web-server-01"}, got.Completed)
			require.Contains(t, got.Read, "web01.example.com")
			require.Equal(t, []string{"Do this?", "Type web-server-01 to confirm"}, got.Asked)
			require.Equal(t, []string{"DELETE /servers/12345/"}, s.sent())
		})
	}
}
