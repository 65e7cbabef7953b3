package config

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// docs/configuration.md has the table of variables, which has every variable but those of the system, each once.
func TestTheTableHasEveryVariable(t *testing.T) {
	page, err := os.ReadFile("../../docs/configuration.md")
	require.NoError(t, err)
	require.Contains(t, string(page), "\n"+strings.ReplaceAll(table, "](docs/", "](")+"\n", "docs/configuration.md has another table of variables than variables.md")
	var listed []string
	for _, v := range Variables() {
		listed = append(listed, strings.Split(v.Names, ", ")...)
		require.NotEmpty(t, v.Meaning, v.Names)
		require.NotContains(t, v.Names+v.Default+v.Meaning, "`")
		require.NotContains(t, v.Meaning, "](")
	}
	require.Equal(t, len(Variables())+2, strings.Count(table, "\n"), "a row was not understood")
	read := slices.DeleteFunc(known(), func(name string) bool { return slices.Contains(ofSystem, name) })
	require.ElementsMatch(t, read, listed)
}
