package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/cli"
	"github.com/vpsbot/vpsbot/tools"
)

// printing are commands whose output is compared at each width of a terminal, and in a pipe. What approvals and the
// audit log print has ages in it, and is tried where it is made.
func printing() (lines []string) {
	for _, op := range tools.Default.Operations() {
		line := strings.TrimPrefix(cli.CommandLine(op, op.Examples[len(op.Examples)-1]), "vpsbot ")
		if !op.IsRead() {
			line += " --dry-run"
		}
		lines = append(lines, line)
	}
	return append(lines,
		"servers list --columns name,plan.memory,os,created_at --sort -name", "servers list --no-headers", "servers list -o name", "servers list -o yaml",
		"backups list --limit 2", "backups list --sort size --limit 1", "servers list --status nope", "servers list --columns nme",
		"operations", "operations --all", "keys list", "audit verify", "policy check policy.yaml",
		"policy explain --file policy.yaml --who lead --where terminal servers.delete web-1", "freeze", "version",
	)
}

// changing are the parts of an output that differ between two runs. What takes their place is as long.
var changing = []struct {
	at   *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`\(go[^)]*\)`), "(go, system)"},
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), strings.Repeat("f", 64)},
	{regexp.MustCompile(`\b[0-9a-f]{8}\b`), "ffffffff"},
	{regexp.MustCompile(`\d+ days old`), "long ago"},
	{regexp.MustCompile(`20(2[6-9]|[3-9]\d)-\d\d-\d\d(T\d\d:\d\d:\d\dZ| \d\d:\d\d)?`), "a date"},
	{regexp.MustCompile(`\((in )?\d+ \w+( ago)?\)|\(now\)`), "(long ago)"},
}

const explainedPolicy = `version: 1
people: [{id: lead, keys: [lead]}]
rules: [{name: all, effect: allow, who: [lead]}, {name: no deletions of db, effect: deny, who: ["*"], operations: ["*.delete"], servers: ["db-*"]}]
tests: [{who: lead, where: terminal, operation: servers.delete, server: db-1, want: allow}]
`

func TestOutputAtEachWidth(t *testing.T) {
	t.Parallel()
	for _, screen := range []string{"pipe", "40", "80", "160"} {
		t.Run(screen, func(t *testing.T) {
			t.Parallel()
			b := newSandbox(t)
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "policy.yaml"), []byte(explainedPolicy), 0o600))
			b.env["VPSBOT_KEY"] = b.makeKey(t, "lead")
			b.env["TZ"], b.env["PAGER"], b.env["NO_COLOR"], b.env["COLUMNS"] = "UTC", "cat", "1", screen
			var all strings.Builder
			for _, line := range printing() {
				cmd := exec.Command("sh", "-c", "vpsbot "+line)
				cmd.Dir, cmd.Env = dir, b.environ()
				var shown string
				if screen == "pipe" {
					out, _ := cmd.CombinedOutput()
					shown = string(out)
				} else {
					shown, _ = runDialogue(cmd, nil)
				}
				fmt.Fprintf(&all, "$ vpsbot %s\n%s\n", line, strings.ReplaceAll(shown, "\r\n", "\n"))
			}
			got := all.String()
			for _, c := range changing {
				got = c.at.ReplaceAllLiteralString(got, c.with)
			}
			path := filepath.Join("testdata", "output", screen+".txt")
			if *update {
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
				require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}
