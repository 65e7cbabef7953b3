package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every direct dependency stands in docs/dependencies.md with its reason.
func TestEveryDependencyHasItsReason(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	require.NoError(t, err)
	page, err := os.ReadFile("../../docs/dependencies.md")
	require.NoError(t, err)
	found := 0
	for line := range strings.Lines(string(mod)) {
		name, _, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || !strings.HasPrefix(line, "\t") || strings.Contains(line, "// indirect") {
			continue
		}
		found++
		require.Contains(t, string(page), "| "+name+" |", "docs/dependencies.md does not say why %s is there", name)
	}
	require.Greater(t, found, 10)
}

var link = regexp.MustCompile(`\]\(([^)#]+)(#[^)]*)?\)`)

// Every link to a file of the project leads somewhere.
func TestLinksLeadSomewhere(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	top, err := filepath.Glob("../../*.md")
	require.NoError(t, err)
	for _, page := range append(pages, top...) {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			_, err := os.Stat(filepath.Join(filepath.Dir(page), m[1]))
			require.NoError(t, err, "%s links to %s", page, m[1])
		}
	}
}

var placed = regexp.MustCompile("(?m)^\\| ([A-Za-z -]+) \\| .* \\| ((?:`[^`]+`(?:, )?)+) \\|$")

// Each word of the glossary is explained once, and is found by its name where the glossary says.
func TestTheGlossaryIsRight(t *testing.T) {
	page, err := os.ReadFile("../../docs/glossary.md")
	require.NoError(t, err)
	words := map[string]bool{}
	for _, m := range placed.FindAllStringSubmatch(string(page), -1) {
		require.False(t, words[m[1]], "%s has two meanings", m[1])
		words[m[1]] = true
		for _, place := range strings.Split(m[2], ", ") {
			require.True(t, strings.Contains(sourceOf(t, strings.Trim(place, "`")), bareWord(m[1])), "%s does not say %s", place, m[1])
		}
	}
	require.GreaterOrEqual(t, len(words), 30)
	require.Equal(t, strings.Count(string(page), "\n| ")-1, len(words), "a row has another form")
}

// sourceOf returns the path and the text of a file, or of the files of a folder, as [bareWord] has them.
func sourceOf(t *testing.T, place string) string {
	t.Helper()
	all := place
	err := filepath.WalkDir(filepath.Join("../..", place), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		all += string(text)
		return err
	})
	require.NoError(t, err)
	return bareWord(all)
}

// bareWord leaves out what joins and parts words, so that rate limit, ratelimit and rateLimit are one.
func bareWord(s string) string {
	return strings.ToLower(strings.NewReplacer(" ", "", "-", "", "_", "", "\n//", "", "\n", "").Replace(s))
}

// A test that docs/security.md names exists.
func TestSecurityPageNamesRealTests(t *testing.T) {
	page, err := os.ReadFile("../../docs/security.md")
	require.NoError(t, err)
	var all strings.Builder
	eachFile(t, func(path, _ string) {
		if strings.HasSuffix(path, "_test.go") {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			all.Write(text)
		}
	})
	names := regexp.MustCompile("`(Test[A-Za-z0-9]+)`").FindAllStringSubmatch(string(page), -1)
	require.NotEmpty(t, names)
	for _, m := range names {
		require.True(t, strings.Contains(all.String(), "func "+m[1]+"("), "docs/security.md names %s, which does not exist", m[1])
	}
}
