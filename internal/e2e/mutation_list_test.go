package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// mutant is one change of one place of the source.
type mutant struct {
	Kind   string `json:"type"` // gremlins' name of the change
	Status string `json:"status"`
	Line   int    `json:"line"`
	Column int    `json:"column"`

	file     string // from the module's root
	old, new string // instead of Kind, Line and Column
}

// operatorSwaps are the replacements that gremlins makes, by kind.
var operatorSwaps = map[string]map[string]string{
	"CONDITIONALS_NEGATION": {"==": "!=", "!=": "==", "<=": ">", ">=": "<", "<": ">=", ">": "<="},
	"CONDITIONALS_BOUNDARY": {"<=": "<", ">=": ">", "<": "<=", ">": ">="},
	"ARITHMETIC_BASE":       {"+": "-", "-": "+", "*": "/", "/": "*", "%": "*"},
	"INCREMENT_DECREMENT":   {"++": "--", "--": "++"},
	"INVERT_NEGATIVES":      {"-": "+"},
	"INVERT_LOGICAL":        {"&&": "||", "||": "&&"},
}

// apply returns the source with the mutation.
func (m mutant) apply(source string) (mutated string, err error) {
	if m.old != "" {
		if strings.Count(source, m.old) != 1 {
			return "", fmt.Errorf("%s has %q %d times", m.file, m.old, strings.Count(source, m.old))
		}
		return strings.Replace(source, m.old, m.new, 1), nil
	}
	lines := strings.SplitAfter(source, "\n")
	line := lines[m.Line-1]
	before, after := line[:m.Column-1], line[m.Column-1:]
	for _, width := range []int{2, 1} {
		if other, ok := operatorSwaps[m.Kind][after[:min(width, len(after))]]; ok {
			lines[m.Line-1] = before + other + after[width:]
			return strings.Join(lines, ""), nil
		}
	}
	return "", fmt.Errorf("%s:%d:%d: no %s there: %q", m.file, m.Line, m.Column, m.Kind, after)
}

func (m mutant) String() string {
	if m.old != "" {
		return fmt.Sprintf("%s: %q for %q", m.file, m.new, m.old)
	}
	return fmt.Sprintf("%s:%d:%d %s", m.file, m.Line, m.Column, m.Kind)
}

// mutantStatus is the result of the tests on a mutant.
type mutantStatus string

const (
	mutantKilled    mutantStatus = "killed"     // a test failed, or did not end
	mutantLived     mutantStatus = "lived"      // no test noticed
	mutantNotViable mutantStatus = "not viable" // it does not compile
)

// run runs the tests of the mutant's package with the mutation as an overlay, so that the source stays
// unchanged.
func (m mutant) run(t *testing.T, root string) mutantStatus {
	t.Helper()
	folder := t.TempDir()
	path := filepath.Join(root, m.file)
	source, err := os.ReadFile(path)
	require.NoError(t, err)
	mutated, err := m.apply(string(source))
	require.NoError(t, err)
	changed, overlay := filepath.Join(folder, "mutant.go"), filepath.Join(folder, "overlay.json")
	require.NoError(t, os.WriteFile(changed, []byte(mutated), 0o600))
	list, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlay, list, 0o600))

	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "test", "-overlay", overlay, "-count=1", "-timeout", "60s", "./"+filepath.Dir(m.file))
	cmd.Dir = root
	output, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return mutantLived
	case bytes.Contains(output, []byte("[build failed]")):
		return mutantNotViable
	}
	require.Contains(t, string(output), "FAIL", "%s: the tests could not be run", m)
	return mutantKilled
}
