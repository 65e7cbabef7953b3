package cli

import (
	"bytes"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sethvargo/go-envconfig"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

// completed asks for completions as a shell does, and returns them with the directive.
func completed(t *testing.T, env map[string]string, words ...string) ([]string, cobra.ShellCompDirective) {
	t.Helper()
	var out bytes.Buffer
	args := append([]string{cobra.ShellCompRequestCmd}, words...)
	require.NoError(t, Run(t.Context(), args, envconfig.MapLookuper(env), IO{Out: &out, Err: io.Discard}))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	directive, err := strconv.Atoi(strings.TrimPrefix(lines[len(lines)-1], ":"))
	require.NoError(t, err, out.String())
	return lines[:len(lines)-1], cobra.ShellCompDirective(directive)
}

// No argument and no value of a flag completes to the names of files, but where they are the value. In an
// environment that is wrong nothing can be read, which is what is tried here: it takes no time.
func TestOnlyFilesCompleteToFiles(t *testing.T) {
	t.Parallel()
	env := map[string]string{"VPS_API_URL": "simulator", "VPSBOT_READ_ONLY": "perhaps"}
	ofFiles := []string{"policy check", "store backup", "audit verify"}
	tried, seen := 0, map[string]int{}
	check := func(isFile bool, words ...string) {
		tried++
		_, directive := completed(t, env, words...)
		require.Zero(t, directive&cobra.ShellCompDirectiveError, words)
		require.Equal(t, isFile, directive&noFiles == 0, words)
	}
	eachCommand(Tree(nil), func(cmd *cobra.Command) {
		path := strings.Fields(cmd.CommandPath())[1:]
		if cmd.GroupID == groupShort || cmd.HasParent() && cmd.Parent().Name() == "run" {
			return // the same as that of its resource, which is tried
		}
		isFile := slices.Contains(ofFiles, strings.Join(path, " "))
		check(isFile, append(slices.Clone(path), "")...)
		check(isFile, append(slices.Clone(path), "x", "")...)
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if seen[f.Name]++; f.Name == "help" || f.Name == "version" || seen[f.Name] > 4 {
				return
			}
			check(f.Name == "file" || f.Name == "out", append(slices.Clone(path), "--"+f.Name+"=")...)
		})
	})
	check(false, "nonsense", "")
	check(false, "run", "servers.list", "--limit", "x", "")
	check(false, "keys", "list", "--no-such-flag", "")
	require.Greater(t, tried, 200)
}

func TestValuesComplete(t *testing.T) {
	t.Parallel()
	env := map[string]string{"VPS_API_URL": "simulator", "HOME": t.TempDir()}
	for _, test := range []struct{ words, want string }{
		{"run servers.create --location ", "us-west"},
		{"run servers.create --os-id ", "5\tUbuntu 22.04 LTS"},
		{"run servers.restore web-server-01 --backup-id ", "499\tweb-server-01, manual, completed, 4.4 GB, "},
		{"servers restore web-server-01 --backup-id ", "latest\tthe newest"},
		{"create --plan-id ", "2\tStandard VPS, 10.00, standard, 2, 4 GB, 80 GB"},
		{"rm ", "db-server-01"},
		{"run backups.delete ", "499\tweb-server-01, manual, completed, 4.4 GB, "},
		{"run snapshots.restore ", "7001\tweb-server-01, nightly-a, completed, 3.9 GB, "},
		{"run backups.list --backup-type ", "manual"},
		{"run servers.list --status ", "active"},
		{"run servers.update web-server-01 --backups-enabled=", "false"},
		{"policy explain ", "servers.stop\tStop a server"},
		{"policy explain servers.stop ", "web-server-01"},
		{"audit list --operation ", "servers.*"},
		{"audit list --target ", "db-server-01"},
		{"audit export --since ", "24h\ta day ago"},
		{"keys list --columns name,", "name,created_at"},
		{"keys list --sort=-", "-name"},
		{"keys create x --expires ", "90d"},
		{"simulator --style ", "vendor"},
		{"store migrate --to ", "postgres://"},
	} {
		got, _ := completed(t, env, strings.Split(test.words, " ")...)
		begins := func(s string) bool { return strings.HasPrefix(s, test.want) }
		require.True(t, slices.ContainsFunc(got, begins), "%s: %q is not in %q", test.words, test.want, got)
	}
	env["VPSBOT_POLICY_FILE"] = "../../deploy/policy.example.yaml"
	who, _ := completed(t, env, "policy", "explain", "--who", "")
	require.Subset(t, who, []string{"lead", "key:lead-laptop", "slack:U024BE7LH"})
	delete(env, "VPSBOT_POLICY_FILE")
	of, _ := completed(t, env, "run", "servers.restore", "db-server-01", "--backup-id", "")
	require.NotContains(t, strings.Join(of, " "), "web-server-01", "backups of another server")
	two, _ := completed(t, env, "run", "servers.get", "web-server-01", "")
	require.Empty(t, two)
}

// An API that does not answer completes nothing, and soon.
func TestCompletionDoesNotWait(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and says nothing
	require.NoError(t, err)
	defer silent.Close()
	begun := time.Now()
	got, directive := completed(t, map[string]string{
		"VPS_API_URL": "http://" + silent.Addr().String() + "/", "VPS_API_TOKEN": "vps_demo", "HOME": t.TempDir(),
	}, "run", "servers.get", "")
	require.Empty(t, got)
	require.Equal(t, noFiles, directive)
	require.Less(t, time.Since(begun), completionTimeout+2*time.Second)
}
