package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// block is a fenced block of a page.
type block struct{ kind, text string }

var fence = regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```$")

func blocksOf(page string) (blocks []block) {
	for _, m := range fence.FindAllStringSubmatch(page, -1) {
		blocks = append(blocks, block{m[1], m[2]})
	}
	return blocks
}

// leftOut begins a block of commands that no test runs; a reason follows.
const leftOut = "# not run by the tests: "

// typedAt is what a person types at the command of a page that asks.
var typedAt = map[string][]step{
	"vpsbot login":                {{expect: true, text: "it is not shown: "}, {text: secret, hasty: true}},
	"vpsbot reboot web-server-01": {{question: true}, {text: "y"}},
	"vpsbot unfreeze":             {{question: true}, {text: "y"}},
}

// Each command of README.md's blocks does what it says: each block is typed into a shell at a terminal, one after the other, as one
// who reads on would. A block of text is what the block before it prints.
func TestReadmeCommands(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	require.LessOrEqual(t, strings.Count(string(page), "\n"), 150, "README.md has too many lines")
	r := newReader(t)
	ran, shown := 0, ""
	var out []string
	for _, b := range blocksOf(string(page)) {
		switch {
		case b.kind == "text":
			require.Equal(t, b.text, shown)
		case strings.HasPrefix(b.text, leftOut):
			out = append(out, b.text)
		case strings.HasPrefix(b.text, "go test "): // as .ci/run does
		default:
			shown = r.play(b.text)
			ran++
		}
	}
	require.GreaterOrEqual(t, ran, 5)
	require.Len(t, out, 1, "what the tests leave out")
}

// Each command that stands within a sentence is one that exists.
func TestReadmeNamesCommands(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	b := newSandbox(t)
	found := regexp.MustCompile("`(?:[A-Z_]+=\\S+ )?(?:vpsbot|go run ./cmd/vpsbot) ([^`]+)`").FindAllStringSubmatch(string(page), -1)
	require.Greater(t, len(found), 2)
	for _, m := range found {
		words := splitPlain(m[1])
		if words[len(words)-1] != "--help" {
			words = append(words, "--help")
		}
		_, errs, code := b.run(t.Context(), words...)
		require.Zero(t, code, "%s: %s", m[0], errs)
	}
	for _, m := range regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`).FindAllStringSubmatch(string(page), -1) {
		require.FileExists(t, filepath.Join("../..", m[1]))
	}
}

// reader is somebody who types what a page says, in a folder that has what a checkout has.
type reader struct {
	*sandbox
	t            *testing.T
	folder, root string
	environ      []string
}

func newReader(t *testing.T) *reader {
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("needs a shell and a terminal of its own")
	}
	b := newSandbox(t)
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	r := &reader{sandbox: b, t: t, folder: t.TempDir(), root: root}
	require.NoError(t, os.Symlink(filepath.Join(root, "deploy"), filepath.Join(r.folder, "deploy")))
	gotool, err := exec.LookPath("go")
	require.NoError(t, err)
	r.environ = []string{
		"HOME=" + r.folder, "TERM=dumb", "VPSBOT_KEYRING=false", quickExit, "VPS_API_URL=" + b.env["VPS_API_URL"],
		"PATH=" + filepath.Dir(programOfTests(t)) + ":" + filepath.Dir(gotool) + ":/usr/bin:/bin",
	}
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOFLAGS", "GOROOT"} { // as they are with the own HOME
		value, err := exec.Command(gotool, "env", name).Output()
		require.NoError(t, err)
		r.environ = append(r.environ, name+"="+strings.TrimSpace(string(value)))
	}
	return r
}

// play types a block into a shell that ends at the first command that fails, and returns what the terminal shows.
func (r *reader) play(text string) string {
	r.t.Helper()
	var dialogue []step
	for line := range strings.Lines(text) {
		command, _, _ := strings.Cut(line, " #")
		dialogue = append(dialogue, slices.Clone(typedAt[strings.TrimSpace(command)])...)
	}
	cmd := exec.Command("/bin/sh", "-ec", text)
	cmd.Env, cmd.Dir = r.environ, r.folder
	if strings.Contains(text, "go run ") {
		cmd.Dir = r.root
	}
	screen, err := runDialogueAt(cmd, 160, dialogue)
	screen = strings.ReplaceAll(screen, "\r\n", "\n")
	require.NoError(r.t, err, "%s\n%s", text, screen)
	r.t.Logf("$ %s%s", text, screen)
	return screen
}
