// Package packages checks how vpsbot is packaged and released: the workflows, the packages of Linux
// distributions, the image, npm's packages, the bundle of desktop clients and the entry of MCP's registry.
package packages

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the folder of the project.
const root = "../../.."

// lintWorkflows returns what actionlint finds in workflows, and whether it found something. It asks shellcheck too, where
// that is installed. It is a tool of .release/go.mod: compose-go, which is used beside this package, wants a library for
// YAML with which actionlint does not build.
func lintWorkflows(t *testing.T, paths ...string) (found string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"tool", "-modfile=.release/go.mod", "actionlint"}, paths...)...)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestWorkflowsAreSound(t *testing.T) {
	workflows, err := filepath.Glob(root + "/.github/workflows/*.yml")
	require.NoError(t, err)
	require.Len(t, workflows, 2)
	for i, path := range workflows {
		workflows[i], err = filepath.Abs(path)
		require.NoError(t, err)
	}
	found, err := lintWorkflows(t, workflows...)
	require.NoError(t, err, found)
}

// A workflow with a mistake is refused, or the test above would see nothing.
func TestAMistakeInAWorkflowIsSeen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "broken.yml")
	require.NoError(t, os.WriteFile(path, []byte("on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n        with: {no-such-input: 1}\n"), 0o600))
	found, err := lintWorkflows(t, path)
	require.Error(t, err)
	require.Contains(t, found, "no-such-input")
}
