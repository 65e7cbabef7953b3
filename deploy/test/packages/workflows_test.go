// Package packages checks how vpsbot is packaged and released: the workflows, the packages of Linux
// distributions, the image, npm's packages, the bundle of desktop clients and the entry of MCP's registry.
package packages

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/rhysd/actionlint"
	"github.com/stretchr/testify/require"
)

// root is the folder of the project.
const root = "../../.."

// lintWorkflow returns what actionlint finds in a workflow. Shellcheck is asked too where it is installed.
func lintWorkflow(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var out bytes.Buffer
	linter, err := actionlint.NewLinter(&out, &actionlint.LinterOptions{Shellcheck: "shellcheck"})
	require.NoError(t, err)
	_, err = linter.Lint(path, text, nil)
	require.NoError(t, err)
	return out.String()
}

func TestWorkflowsAreSound(t *testing.T) {
	workflows, err := filepath.Glob(root + "/.github/workflows/*.yml")
	require.NoError(t, err)
	require.NotEmpty(t, workflows)
	for _, path := range workflows {
		require.Empty(t, lintWorkflow(t, path))
	}
}

// A workflow with a mistake is refused, or the test above would see nothing.
func TestAMistakeInAWorkflowIsSeen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "broken.yml")
	require.NoError(t, os.WriteFile(path, []byte("on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n        with: {no-such-input: 1}\n"), 0o600))
	require.Contains(t, lintWorkflow(t, path), "no-such-input")
}
