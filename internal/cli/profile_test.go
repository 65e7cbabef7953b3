package cli

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// --profile is taken out wherever it stands before --, but for the word that a shell completes.
func TestTakeProfile(t *testing.T) {
	for args, want := range map[string]string{
		"":                                      " / ",
		"servers list":                          "servers list / ",
		"--profile prod servers list":           "servers list / prod",
		"servers --profile=prod list":           "servers list / prod",
		"servers list --profile prod":           "servers list / prod",
		"--profile prod list --profile=prod":    "list / prod",
		"servers update x -- --profile prod":    "servers update x -- --profile prod / ",
		"__complete list --profile prod --s":    "__complete list --s / prod",
		"__complete list --profile prod":        "__complete list --profile prod / ",
		"__complete list --profile=pr":          "__complete list --profile=pr / ",
		"__complete --profile a list --profile": "__complete list --profile / a",
	} {
		rest, name, err := takeProfile(strings.Fields(args))
		require.NoError(t, err, args)
		require.Equal(t, want, strings.Join(rest, " ")+" / "+name, args)
	}
	for args, says := range map[string]string{
		"servers list --profile": "needs the NAME", "list --profile --json": "needs the NAME", "list --profile= x": "needs the NAME", "list --profile a --profile b": "given twice, as a and as b",
	} {
		_, _, err := takeProfile(strings.Fields(args))
		require.ErrorContains(t, err, says, args)
	}
}
