package packages

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// need skips a test where something that it needs is missing. In .ci/package, which installs all, nothing may be.
func need(t *testing.T, there bool, what string) {
	t.Helper()
	if there {
		return
	}
	if os.Getenv("VPSBOT_PACKAGES") == "all" {
		t.Fatalf("not there: %s", what)
	}
	t.Skipf("not there: %s; .ci/package has all that is needed", what)
}

func needPrograms(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		_, err := exec.LookPath(name)
		need(t, err == nil, name)
	}
}

// npmPackages is the folder into which .ci/package installs the packages of npm that these tests use.
func npmPackages(t *testing.T, module string) string {
	t.Helper()
	folder := os.Getenv("VPSBOT_PACKAGES_NPM")
	if folder == "" {
		cache, err := os.UserCacheDir()
		require.NoError(t, err)
		folder = filepath.Join(cache, "vpsbot", "packages")
	}
	_, err := os.Stat(filepath.Join(folder, "node_modules", module))
	need(t, err == nil, "the npm package "+module)
	return filepath.Join(folder, "node_modules")
}

// output runs a program in a folder, and returns what it prints. It must succeed.
func output(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var failed strings.Builder
	cmd.Stderr = &failed
	out, err := cmd.Output()
	require.NoError(t, err, "%s %s\n%s%s", name, strings.Join(args, " "), out, failed.String())
	return string(out)
}

// testVersion is the version of what program builds.
const testVersion = "9.9.9"

var buildOnce = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "vpsbot-packages-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "vpsbot")
	cmd := exec.Command("go", "build", "-trimpath", "-o", path,
		"-ldflags", "-s -w -X github.com/vpsbot/vpsbot/internal/app.releaseVersion=v"+testVersion, "./cmd/vpsbot")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return string(out), err
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := buildOnce(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// program builds vpsbot as a release does, for this machine, and returns its path.
func program(t *testing.T) string {
	t.Helper()
	path, err := buildOnce()
	require.NoError(t, err, path)
	return path
}

// nodeSystem is what Node calls this machine: linux-x64.
func nodeSystem() string {
	names := map[string]string{"windows": "win32", "amd64": "x64"}
	parts := []string{runtime.GOOS, runtime.GOARCH}
	for i, part := range parts {
		if name, differs := names[part]; differs {
			parts[i] = name
		}
	}
	return strings.Join(parts, "-")
}

// emptyHome are the variables of somebody who has nothing yet, with a simulated account.
func emptyHome(t *testing.T) []string {
	t.Helper()
	home := t.TempDir()
	return []string{"HOME=" + home, "XDG_STATE_HOME=", "XDG_CONFIG_HOME=", "VPS_API_TOKEN=", "VPS_API_URL=simulator"}
}

// The linker sets the version of a release.
func TestReleasesKnowTheirVersion(t *testing.T) {
	require.Regexp(t, `^vpsbot v9\.9\.9 \(`, output(t, ".", nil, program(t), "version"))
}

// logBuffer collects what a process writes, for somebody who reads meanwhile.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
