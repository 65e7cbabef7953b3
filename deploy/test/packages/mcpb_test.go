package packages

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// launch is how a client starts a server.
type launch struct {
	Command string
	Args    []string
	Env     map[string]string
}

// configure returns how a client starts the bundle in folder with what a person entered; nil: it asks for more first.
func configure(t *testing.T, modules, folder, entered string) *launch {
	t.Helper()
	script, err := filepath.Abs("testdata/mcp_config.mjs")
	require.NoError(t, err)
	var how *launch
	require.NoError(t, json.Unmarshal([]byte(output(t, ".", nil, "node", script, modules, folder, entered)), &how))
	return how
}

// The bundle is validated and packed by the format's own CLI, unpacked by it, and started as its manifest says.
func TestMCPB(t *testing.T) {
	needPrograms(t, "node")
	modules := npmPackages(t, "@anthropic-ai/mcpb")
	mcpb := filepath.Join(modules, ".bin", "mcpb")
	output(t, root, nil, mcpb, "validate", "deploy/mcpb/manifest.json")

	platform, _, _ := strings.Cut(nodeSystem(), "-")
	bundle, folder := filepath.Join(t.TempDir(), "vpsbot.mcpb"), filepath.Join(t.TempDir(), "unpacked")
	output(t, root, []string{"MCPB=" + mcpb}, "node", "deploy/mcpb/pack.mjs", testVersion, bundle, platform, program(t))
	output(t, root, nil, mcpb, "unpack", bundle, folder)

	require.Nil(t, configure(t, modules, folder, `{}`), "it is not started without a token")
	how := configure(t, modules, folder, `{"token": "vps_demo"}`)
	require.NotNil(t, how)
	require.Equal(t, map[string]string{"VPS_API_TOKEN": "vps_demo", "VPSBOT_READ_ONLY": "true", "VPSBOT_OPERATIONS": "*"}, how.Env)
	require.Equal(t, []string{"mcp"}, how.Args)
	require.NotContains(t, strings.Join(append(how.Args, how.Command), " "), "vps_demo", "arguments are seen by everybody on the machine")

	readOnly := toolsOf(t, *how)
	require.Contains(t, readOnly, "servers_list")
	require.NotContains(t, readOnly, "servers_delete")
	all := toolsOf(t, *configure(t, modules, folder, `{"token": "vps_demo", "read_only": false}`))
	require.Contains(t, all, "servers_delete")
	few := toolsOf(t, *configure(t, modules, folder, `{"token": "vps_demo", "read_only": false, "operations": "servers.list,servers.reboot"}`))
	require.Contains(t, few, "servers_reboot")
	require.NotContains(t, few, "servers_delete")
}

// toolsOf starts a server on a simulated account, and returns the names of its tools. Its environment is what the client
// gives, with what every process of a person has.
func toolsOf(t *testing.T, how launch) []string {
	t.Helper()
	modules := npmPackages(t, "@modelcontextprotocol/sdk")
	script, err := filepath.Abs("testdata/client.mjs")
	require.NoError(t, err)
	env := emptyHome(t)
	for name, value := range how.Env {
		env = append(env, name+"="+value)
	}
	var says struct{ Tools []string }
	out := output(t, ".", env, "node", append([]string{script, modules, how.Command}, how.Args...)...)
	require.NoError(t, json.Unmarshal([]byte(out), &says))
	return says.Tools
}

// The manifest has nothing that the program does not read, and the token is kept as a secret.
func TestTheManifestOfTheBundle(t *testing.T) {
	raw, err := os.ReadFile(root + "/deploy/mcpb/manifest.json")
	require.NoError(t, err)
	var manifest struct {
		Server struct {
			MCPConfig launch `json:"mcp_config"`
		}
		UserConfig map[string]struct {
			Sensitive, Required bool
		} `json:"user_config"`
	}
	require.NoError(t, json.Unmarshal(raw, &manifest))
	require.True(t, manifest.UserConfig["token"].Sensitive && manifest.UserConfig["token"].Required)
	help := output(t, ".", emptyHome(t), program(t), "help", "environment")
	for name, value := range manifest.Server.MCPConfig.Env {
		require.Contains(t, help, name)
		entered := strings.TrimSuffix(strings.TrimPrefix(value, "${user_config."), "}")
		require.Contains(t, manifest.UserConfig, entered, "%s is of nothing that a person enters", name)
	}
}
