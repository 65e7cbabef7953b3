package packages

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// npmOffline keeps npm from asking the registry for the packages of other systems: nothing here is published by it.
func npmOffline(t *testing.T) []string {
	return []string{"npm_config_offline=true", "npm_config_update_notifier=false", "npm_config_fund=false", "npm_config_audit=false", "npm_config_cache=" + t.TempDir()}
}

// npmInstalled packs npm's packages, and installs them from the tarballs into an empty folder, which it returns.
func npmInstalled(t *testing.T, systems ...string) string {
	t.Helper()
	needPrograms(t, "node", "npm")
	tarballs, folder := t.TempDir(), t.TempDir()
	args := []string{"deploy/npm/pack.mjs", testVersion, tarballs}
	for _, system := range systems {
		args = append(args, system+"="+program(t))
	}
	files := strings.Fields(output(t, root, npmOffline(t), "node", args...))
	require.Len(t, files, len(systems)+1)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "package.json"), []byte("{}"), 0o600))
	output(t, folder, npmOffline(t), "npm", append([]string{"install"}, files...)...)
	return folder
}

func TestNpm(t *testing.T) {
	folder := npmInstalled(t, nodeSystem())
	env := append(emptyHome(t), npmOffline(t)...)
	require.Regexp(t, `^vpsbot v9\.9\.9 \(`, output(t, folder, env, "npx", "vpsbot", "version"))
	require.Contains(t, output(t, folder, env, "npx", "vpsbot", "servers", "list"), "web-server-01")

	t.Run("exit codes", func(t *testing.T) {
		cmd := exec.CommandContext(t.Context(), "npx", "vpsbot", "servers", "get", "nothing-of-this-name")
		cmd.Dir, cmd.Env = folder, append(os.Environ(), env...)
		err := cmd.Run()
		want := exec.CommandContext(t.Context(), program(t), "servers", "get", "nothing-of-this-name")
		want.Env = cmd.Env
		_ = want.Run()
		require.Error(t, err)
		require.Equal(t, want.ProcessState.ExitCode(), cmd.ProcessState.ExitCode())
		require.NotEqual(t, 1, cmd.ProcessState.ExitCode(), "an exit code that npm would give too proves nothing")
	})
	t.Run("a client of the TypeScript SDK", func(t *testing.T) {
		modules := npmPackages(t, "@modelcontextprotocol/sdk")
		script, err := filepath.Abs("testdata/client.mjs")
		require.NoError(t, err)
		var says struct {
			Server  struct{ Name, Version string }
			Tools   []string
			IsError bool
		}
		require.NoError(t, json.Unmarshal([]byte(output(t, folder, env, "node", script, modules, "npx", "vpsbot", "mcp")), &says))
		require.Equal(t, "v"+testVersion, says.Server.Version)
		require.Contains(t, says.Tools, "servers_list")
		require.False(t, says.IsError)
	})
	t.Run("signals", func(t *testing.T) {
		launcher := filepath.Join(folder, "node_modules", ".bin", "vpsbot")
		cmd := exec.CommandContext(t.Context(), launcher, "serve")
		log := new(logBuffer)
		cmd.Stderr, cmd.Env = log, append(os.Environ(), append(env, "VPSBOT_LISTEN=127.0.0.1:0", "VPS_API_TOKEN=vps_demo")...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		require.NoError(t, cmd.Start())
		end := func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
		defer time.AfterFunc(time.Minute, end).Stop()
		defer end()
		require.Eventually(t, func() bool { return strings.Contains(log.String(), "msg=serving") }, 20*time.Second, 20*time.Millisecond, log)
		require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		require.NoError(t, cmd.Wait(), "the program ends in good order, and so does the launcher")
		require.Contains(t, log.String(), "msg=stopped")
	})
}

// Where the package of the system is missing, the launcher says what to do.
func TestNpmWithoutTheProgram(t *testing.T) {
	needPrograms(t, "node")
	launcher, err := filepath.Abs(root + "/deploy/npm/vpsbot/bin/vpsbot.js")
	require.NoError(t, err)
	out, err := exec.CommandContext(t.Context(), "node", launcher, "version").CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "the package @vpsbot/cli-"+nodeSystem()+" is not installed")
}
