package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

// Each command and topic that help lists has a page, and it is the same each time.
func TestManPages(t *testing.T) {
	t.Parallel()
	pages := ManPages(nil, "2026-01-31")
	require.Equal(t, pages, ManPages(nil, "2026-01-31"))
	require.Greater(t, len(pages), 60)
	eachCommand(Tree(nil), func(cmd *cobra.Command) {
		if cmd.Hidden {
			return
		}
		name, section := manName(cmd)
		page := pages[name+"."+section]
		require.Contains(t, page, `"2026-01-31"`, name)
		require.Contains(t, page, ".SH SEE ALSO\n\\fBvpsbot", name)
		if examplesOf(cmd) != "" {
			require.Contains(t, page, ".SH EXAMPLES\n", name)
		}
		for _, c := range []byte(page) {
			require.True(t, c == '\n' || c == '\t' || ' ' <= c && c <= '~', "%s has a character that a page cannot have everywhere: %q", name, c)
		}
	})
	require.Contains(t, pages["vpsbot-environment.7"], "VPS_API_URL\n")
	require.NotContains(t, pages["vpsbot-environment.7"], ".SH OPTIONS")
}

func TestRoff(t *testing.T) {
	t.Parallel()
	require.Equal(t, "\\&.a\n\\&.b\\-\\(aqc\\(aq \\(rs\\[u2026]", roff(".a\n.b-'c' \\…"))
	require.Equal(t, ".PP\na b\n.PP\n.nf\n.in 5n\nc\n  d\n.in\n.fi\n", roffText("a\nb\n\nc\n  d\n"))
}

// man formats each page without a warning.
func TestManPagesAreWellFormed(t *testing.T) {
	t.Parallel()
	man, err := exec.LookPath("man")
	if err != nil {
		t.Skip("man is not installed")
	}
	var all strings.Builder // one file: each takes man a while
	for _, page := range ManPages(nil, "") {
		all.WriteString(page)
	}
	file := filepath.Join(t.TempDir(), "all.1")
	require.NoError(t, os.WriteFile(file, []byte(all.String()), 0o600))
	cmd := exec.Command(man, "--warnings", "-E", "UTF-8", "-P", "cat", "-l", file)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "MANWIDTH=80")
	var warnings strings.Builder
	cmd.Stderr = &warnings
	shown, err := cmd.Output()
	require.NoError(t, err)
	require.Empty(t, warnings.String())
	for line := range strings.Lines(string(shown)) {
		require.LessOrEqual(t, len([]rune(strings.TrimRight(line, "\n"))), 80, line)
	}
	require.Contains(t, string(shown), "vpsbot help keys create")
}
