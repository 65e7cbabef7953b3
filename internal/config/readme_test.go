package config

import (
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// The README's table has every variable but those of the system.
func TestTheReadmeListsEveryVariable(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	for _, name := range known() {
		if !slices.Contains([]string{"CREDENTIALS_DIRECTORY", "XDG_STATE_HOME", "HOME", "LOCALAPPDATA"}, name) {
			require.Regexp(t, `(?m)^\| ([A-Z_]+, )?`+name+`[ ,]`, string(readme))
		}
	}
}
