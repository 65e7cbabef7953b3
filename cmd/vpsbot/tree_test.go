package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/sethvargo/go-envconfig"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient"
)

func eachCommand(cmd *cobra.Command, do func(*cobra.Command)) {
	do(cmd)
	for _, sub := range cmd.Commands() {
		eachCommand(sub, do)
	}
}

func TestEachCommandAndFlagHasHelp(t *testing.T) {
	t.Parallel()
	a := &app{env: envconfig.MapLookuper(nil), io: stdio{In: strings.NewReader(""), Out: &bytes.Buffer{}, Err: &bytes.Buffer{}}}
	root, seen := a.root([]string{"run"}), 0
	eachCommand(root, func(cmd *cobra.Command) {
		require.NotEmpty(t, cmd.Short, cmd.CommandPath())
		cmd.Flags().VisitAll(func(flag *pflag.Flag) {
			seen++
			require.NotEmpty(t, flag.Usage, "%s --%s", cmd.CommandPath(), flag.Name)
		})
	})
	require.Greater(t, seen, 100)
	for _, cmd := range root.Commands() {
		require.NotEmpty(t, cmd.GroupID, cmd.Name())
	}
}

// Whoever names a server may not be whoever completes.
func TestTypeable(t *testing.T) {
	t.Parallel()
	server := func(name string) apiclient.Server { return apiclient.Server{Name: name} }
	for _, name := range []string{
		"", "12345", "6f9619ff-8b86-d011-b42d-00cf4fc964ff", "-rf", "--yes", "_activeHelp_ press return", "_activeHelp_x", ":4", "two words",
		"a;b", "$(reboot)", "a`b`", "a\tb", "web\u202e", "~", "a*", "a=b", "a\\b", "a'b", "@file",
	} {
		require.Empty(t, typeable([]apiclient.Server{server(name)}), "%q", name)
	}
	require.Equal(t, []string{"web-1", "db.example.com"},
		typeable([]apiclient.Server{server("web-1"), server("twin"), server("db.example.com"), server("twin")}))
}

// The words for a flag that could not be read come from no parser.
func TestFlagErrorsAreSentences(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, args := range [][]string{
		{"run", "servers.list", "--limit", "x"},
		{"run", "servers.list", "--limit=99999999999999999999"},
		{"run", "servers.list", "--json=perhaps"},
		{"simulator", "--latency", "soon"},
		{"simulator", "--fail", "half"},
		{"simulator", "--servers", "1.5"},
	} {
		_, errs, code := b.run(t.Context(), args...)
		require.Equal(t, 2, code, "%q", args)
		require.Regexp(t, `^vpsbot: --[a-z]+ must be (a|true)`, errs)
		require.NotRegexp(t, `strconv|parsing|time:|invalid`, errs)
	}
}
