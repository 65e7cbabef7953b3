package command_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/fieldtext"
	"github.com/vpsbot/vpsbot/slackbot/command"
	"github.com/vpsbot/vpsbot/tools"
)

var update = flag.Bool("update", false, "write the golden files")

func TestUsage(t *testing.T) {
	var all strings.Builder
	for _, op := range tools.Default.Operations() {
		usage := command.Usage(op)
		all.WriteString(usage + "\n")
		for _, field := range op.Fields {
			require.True(t, strings.Contains(usage, field.Name) || strings.Contains(usage, fieldtext.Flag(field.Name)) ||
				strings.Contains(usage, strings.ToUpper(field.Name)), "%s: %s", usage, field.Name)
		}
	}
	const golden = "testdata/usage.txt"
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(all.String()), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), all.String(), "if that is meant, go test ./slackbot/command -update")
}
