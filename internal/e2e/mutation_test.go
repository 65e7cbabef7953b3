package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/testkit"
)

// minKillRate is the share of the mutants that the tests must kill.
const minKillRate = 0.85

// plantedMutants each break the purpose of one of the three packages. Every run tries them.
var plantedMutants = []mutant{
	{file: "permissions/policy.go", old: "p.ReadOnly && ask.Risk != Read", new: "p.ReadOnly && ask.Risk == Read"},
	{file: "internal/approval/record.go", old: "!now.Before(r.ExpiresAt)", new: "now.Before(r.ExpiresAt)"},
	{file: "internal/audit/precheck.go", old: "string(hash[:]) == e.Row.Hash", new: "string(hash[:]) != e.Row.Hash"},
}

// Figure 12: the tests of permissions, approval and audit must kill 85 % of the mutants of their
// package. gremlins makes the mutants and runs the tests. Those that it skips (such as the conditions of
// a switch, which Go's coverage does not count) and those that timed out are run here in the same way.
// Approval is mostly a table: there each edge of the state machine is removed in turn.
//
// The small size runs one planted mutant of each package.
func TestFigure12Mutants(t *testing.T) {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	if testkit.Size(0, 1) == 0 {
		for _, m := range plantedMutants {
			require.Equal(t, mutantKilled, m.run(t, root), m.String())
		}
		logFigure(t, 12, "%d planted mistakes, one each in permissions, approval and audit, all noticed by the tests (the full size runs gremlins; nothing random)", len(plantedMutants))
		return
	}
	var scores []string
	for _, folder := range []string{"permissions", "internal/approval", "internal/audit"} {
		count := testMutants(t, root, folder)
		all := count[mutantKilled] + count[mutantLived]
		require.Positive(t, all, folder)
		part := float64(count[mutantKilled]) / float64(all)
		require.GreaterOrEqual(t, part, minKillRate, "%s: %d of %d mutants lived", folder, count[mutantLived], all)
		scores = append(scores, fmt.Sprintf("%s %.0f %% of %d", folder, 100*part, all))
	}
	logFigure(t, 12, "mutants killed by the tests of their own package: %s (wanted %.0f %%; nothing random)", strings.Join(scores, ", "), 100*minKillRate)
}

// testMutants runs gremlins on a package, and the mutants that gremlins skipped.
func testMutants(t *testing.T, root, folder string) map[mutantStatus]int {
	t.Helper()
	count := map[mutantStatus]int{}
	for _, m := range append(gremlins(t, root, folder), edgeMutants(t, root, folder)...) {
		is := mutantStatus(strings.ToLower(m.Status))
		if is != mutantKilled && is != mutantLived && is != mutantNotViable {
			is = m.run(t, root)
		}
		if is == mutantLived {
			t.Logf("lived: %s", m)
		}
		count[is]++
	}
	return count
}

// gremlins returns the mutants of a package and their status.
func gremlins(t *testing.T, root, folder string) (all []mutant) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "gremlins.json")
	cmd := exec.CommandContext(t.Context(), "go", "tool", "-modfile=.dev/go.mod", "gremlins", "unleash",
		"--invert-logical", "--timeout-coefficient=20", "--workers=2", "--silent", "-o", out, "./"+folder)
	cmd.Dir = root
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, string(output))
	raw, err := os.ReadFile(out)
	require.NoError(t, err, string(output))
	var report struct {
		Files []struct {
			Name      string   `json:"file_name"`
			Mutations []mutant `json:"mutations"`
		} `json:"files"`
	}
	require.NoError(t, json.Unmarshal(raw, &report))
	for _, f := range report.Files {
		for _, m := range f.Mutations {
			m.file = filepath.Join(folder, filepath.Base(f.Name))
			all = append(all, m)
		}
	}
	return all
}

var stateName = regexp.MustCompile(`\b[A-Z][A-Za-z]+\b,? ?`)

// edgeMutants returns a mutant for each edge of the state machine, without that edge.
func edgeMutants(t *testing.T, root, folder string) (all []mutant) {
	t.Helper()
	if folder != "internal/approval" {
		return nil
	}
	file := filepath.Join(folder, "states.go")
	source, err := os.ReadFile(filepath.Join(root, file))
	require.NoError(t, err)
	_, table, _ := strings.Cut(string(source), "var Edges = ")
	table, _, _ = strings.Cut(table, "\n}\n")
	for _, line := range strings.Split(table, "\n")[1:] {
		from, targets, ok := strings.Cut(line, "{")
		if !ok {
			continue
		}
		for _, at := range stateName.FindAllStringIndex(targets, -1) {
			all = append(all, mutant{file: file, old: line, new: from + "{" + targets[:at[0]] + targets[at[1]:]})
		}
	}
	require.Greater(t, len(all), 15)
	return all
}
