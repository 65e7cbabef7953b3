package cli

import (
	"io"
	"strings"
	"testing"

	"github.com/sethvargo/go-envconfig"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/runner"
)

// A mistyped flag or command ends with 2 and names the right one, everywhere.
func TestWhatIsMistypedIsNamed(t *testing.T) {
	t.Parallel()
	tried := 0
	refused := func(meant string, words ...string) {
		t.Helper()
		tried++
		err := Run(t.Context(), words, envconfig.MapLookuper(map[string]string{"VPS_API_URL": "simulator", "HOME": t.TempDir()}), IO{Out: io.Discard, Err: io.Discard})
		require.Error(t, err, words)
		require.Equal(t, runner.Invalid, app.ClassOf(err), "%s: %v", words, err)
		require.Contains(t, err.Error(), meant, words)
	}
	eachCommand(Tree(nil), func(cmd *cobra.Command) {
		if cmd.IsAdditionalHelpTopicCommand() || cmd.Name() == "why" || cmd.Name() == "help" {
			return
		}
		path := strings.Fields(cmd.CommandPath())[1:]
		with := func(word string) []string { return append(append([]string{}, path...), word) }
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			isQuiet := f.Name == "yes" || f.Name == "confirm" // never suggested: it spares a person
			if len(f.Name) >= 4 && f.Name != "help" && !isQuiet {
				typed := with("--" + f.Name + "x")
				if f.NoOptDefVal == "" {
					typed = append(typed, "1")
				}
				meant := "--" + f.Name
				if strings.Contains(cmd.Use, " "+strings.ToUpper(f.Name)) || strings.Contains(cmd.Use, "["+strings.ToUpper(f.Name)) {
					meant = "did you mean" // of an operation it is written without the flag
				}
				refused(meant, typed...)
			}
		})
		for _, sub := range cmd.Commands() {
			if name := sub.Name(); len(name) >= 4 && !sub.Hidden && !sub.IsAdditionalHelpTopicCommand() {
				refused(strings.ReplaceAll(name, ".", " "), with(name[:2]+"x"+name[2:])...)
			}
		}
	})
	require.Greater(t, tried, 300)
}
