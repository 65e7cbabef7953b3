package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/policy"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

const examplePolicy = "../../deploy/policy.example.yaml"

// runPolicy runs "vpsbot policy ARGS".
func runPolicy(t *testing.T, env map[string]string, args ...string) (out, errs string, code int) {
	t.Helper()
	return (&sandbox{env: env}).run(t.Context(), append([]string{"policy"}, args...)...)
}

func policyFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestPolicyCheck(t *testing.T) {
	t.Parallel()
	const head = "version: 1\nrules: [{name: all, effect: allow, who: [\"*\"]}]\n"
	for _, c := range []struct {
		name, file, out, errs string
		code                  int
	}{
		{"good", head + "tests: [{who: \"*\", where: mcp, operation: servers.list, want: allow}]\n", "0 people, 0 groups, 1 rule; 0 warnings; 1 test, 0 failed.\n", "", 0},
		{"doubtful", "version: 1\n", "0 people, 0 groups, 0 rules; 1 warning; 0 tests, 0 failed.\n", "warning: line 1: there are no rules, so everything is refused\n", 0},
		{"wrong", "version: 1\nrulez: []\nslack: {audit_channel: ops}\n", "", "line 2: there is no key \"rulez\" here", 2},
		{"all that is wrong", "version: 3\nrules: []\nslack: {audit_channel: ops}\n", "", "line 1: version 3 is not known; this vpsbot reads version: 1\nline 3: \"ops\" is not the id of a Slack channel", 2},
		{"a test fails", head + "tests: [{who: \"*\", where: mcp, operation: servers.list, want: deny}]\n", "FAIL line 3: servers.list by * from mcp: wanted deny, got allow by the rule \"all\"\n", "1 of 1 test failed", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, errs, code := runPolicy(t, nil, "check", policyFile(t, c.file))
			require.Equal(t, c.code, code, errs)
			require.Contains(t, out, c.out)
			require.Contains(t, errs, c.errs)
		})
	}
	_, errs, code := runPolicy(t, nil, "check", "/nowhere/policy.yaml")
	require.Equal(t, 2, code)
	require.Contains(t, errs, "the policy file cannot be read: stat /nowhere/policy.yaml: no such file or directory; docs/policy.md has examples")
	_, _, code = runPolicy(t, nil, "check")
	require.Equal(t, 2, code)
}

func TestPolicyExplain(t *testing.T) {
	t.Parallel()
	explain := func(args ...string) []string { return append([]string{"explain", "--file", examplePolicy}, args...) }
	var all strings.Builder
	for _, args := range [][]string{
		explain("--who", "lead", "--where", "slack:C061EG9SL", "servers.delete", "db-1"),
		explain("--who", "lead", "--where", "slack", "servers.create", "web-2"),
		explain("--who", "second", "--where", "mcp", "servers.update", "web-1", "--new-name", "db-9"),
		explain("--who", "lead", "--where", "mcp", "servers.reboot", "web-1"),
		explain("--who", "lead", "--where", "terminal", "servers.stop"),
		explain("--who", "lead", "--where", "terminal", "servers.stop", "12345"),
		explain("--who", "*", "--where", "mcp", "plans.list"),
	} {
		out, errs, code := runPolicy(t, nil, args...)
		require.Zero(t, code, errs)
		all.WriteString("$ vpsbot policy " + strings.Join(args, " ") + "\n" + out + "\n")
	}
	golden(t, "testdata/policy/explain.txt", []byte(all.String()))
}

func TestPolicyExplainWithInvalidArguments(t *testing.T) {
	t.Parallel()
	full := []string{"explain", "--who", "lead", "--where", "mcp"}
	for want, args := range map[string][]string{
		"takes an operation":                  append(full, "--file", examplePolicy),
		"--who and --where are both needed":   {"explain", "--file", examplePolicy, "servers.list"},
		"there is no policy file":             append(full, "servers.list"),
		"not a glob":                          append(full, "--file", examplePolicy, "servers.stop", "web-*"),
		"there is no operation \"servers.x\"": append(full, "--file", examplePolicy, "servers.x"),
		"cannot be read":                      append(full, "--file", "/nowhere/x", "servers.list"),
		"oncall is a group":                   {"explain", "--who", "oncall", "--where", "mcp", "--file", examplePolicy, "servers.list"},
	} {
		_, errs, code := runPolicy(t, nil, args...)
		require.Equal(t, 2, code, want)
		require.Contains(t, errs, want)
	}
	out, _, code := runPolicy(t, map[string]string{"VPSBOT_POLICY_FILE": examplePolicy, "VPSBOT_READ_ONLY": "true"}, append(full, "servers.stop", "web-1")...)
	require.Zero(t, code)
	require.Contains(t, out, "VPSBOT_READ_ONLY", "the file of the environment, and what else the environment says")
	_, errs, code := runPolicy(t, map[string]string{"VPSBOT_READ_ONLY": "maybe"}, append(full, "--file", examplePolicy, "servers.stop")...)
	require.Equal(t, 2, code)
	require.Contains(t, errs, "VPSBOT_READ_ONLY")
}

// Every example of the documentation is a valid policy without warnings, and its own tests pass.
func TestPolicyExamples(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/policy.md")
	require.NoError(t, err)
	example, err := os.ReadFile(examplePolicy)
	require.NoError(t, err)
	parts := strings.Split(string(page), "```yaml\n")[1:]
	require.Len(t, parts, 4, "CI, one person, a team, a company")
	for i, part := range parts {
		text, _, ok := strings.Cut(part, "```")
		require.True(t, ok)
		d, err := policy.Load([]byte(text), app.PolicyOperations(nil))
		require.NoError(t, err, i)
		for _, w := range d.Warnings { // all read, and who runs staging and production can bring a server from one to the other
			require.Regexp(t, "guests of the Slack workspace|a rename from", w.Text, i)
		}
		require.Empty(t, d.RunTests(), i)
		require.GreaterOrEqual(t, len(d.Tests), 5, i)
		if i == 3 {
			require.Equal(t, string(example), text, "docs/policy.md shows deploy/policy.example.yaml as it is")
		}
	}
}

// The golden file has the decision of the example policy for five roles, all operations and three places, on
// servers of three kinds.
func TestPolicyMatrix(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(examplePolicy)
	require.NoError(t, err)
	d, err := policy.Load(raw, app.PolicyOperations(nil))
	require.NoError(t, err)
	var b strings.Builder
	b.WriteString("-: refused. runs: at once. yes: the requester agrees. name: the requester types it. +1: and another person approves.\n")
	for _, server := range []string{"staging-1", "web-1", "db-1"} {
		for line := range strings.Lines("\n" + matrixOf(t, d, server)) {
			b.WriteString(strings.TrimRight(line, " \n") + "\n")
		}
	}
	golden(t, "testdata/policy/matrix.txt", []byte(b.String()))
}

var matrixRoles = []string{"lead", "slack-group:S0614TZR7", "developer", "*", "slack-external"}

func matrixOf(t *testing.T, d policy.Document, server string) string {
	var b strings.Builder
	row := func(operation, where string, cells []string) {
		fmt.Fprintf(&b, "%-18s %-15s", operation, where)
		for i, cell := range cells {
			fmt.Fprintf(&b, " %-*s", max(len("name+1"), len(matrixRoles[i])), cell)
		}
		b.WriteString("\n")
	}
	row("on "+server, "from", matrixRoles)
	for _, op := range tools.Default.Operations() {
		for _, where := range []string{"slack:C061EG9SL", "mcp", "terminal"} {
			var cells []string
			for _, who := range matrixRoles {
				cells = append(cells, matrixCell(t, d, policy.Query{Who: who, Where: where, Operation: op.Name, Server: server}))
			}
			row(op.Name, where, cells)
		}
	}
	return b.String()
}

func matrixCell(t *testing.T, d policy.Document, q policy.Query) string {
	asks, err := d.Asks(q)
	require.NoError(t, err)
	cell := ""
	for _, ask := range asks {
		decision := permissions.Policy{Book: d.Book}.Decide(ask)
		one := needed(decision)
		require.True(t, cell == "" || cell == one, "%s fares differently by identity", q)
		cell = one
	}
	return cell
}

func needed(d permissions.Decision) string {
	text := "runs"
	switch {
	case !d.Allowed:
		return "-"
	case d.Risk.NeedsTypedName():
		text = "name"
	case d.Own:
		text = "yes"
	}
	if d.Others > 0 {
		text += fmt.Sprintf("+%d", d.Others)
	}
	return text
}
