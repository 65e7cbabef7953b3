package packages

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// built returns the one file of a snapshot, which .ci/package makes with goreleaser, whose name fits a pattern.
func built(t *testing.T, pattern string) string {
	t.Helper()
	dist, err := filepath.Abs(root + "/dist")
	require.NoError(t, err)
	found, err := filepath.Glob(filepath.Join(dist, pattern))
	require.NoError(t, err)
	need(t, len(found) == 1, "a snapshot with one "+pattern)
	return found[0]
}

// debField is a field of a package of Debian's.
func debField(t *testing.T, file, field string) string {
	t.Helper()
	return strings.TrimSpace(output(t, ".", nil, "dpkg-deb", "--field", file, field))
}

// newerDeb repacks a package with a higher version.
func newerDeb(t *testing.T, file string) string {
	t.Helper()
	dir := t.TempDir()
	output(t, dir, nil, "dpkg-deb", "--raw-extract", file, "tree")
	control := filepath.Join(dir, "tree", "DEBIAN", "control")
	text, err := os.ReadFile(control)
	require.NoError(t, err)
	newer := strings.Replace(string(text), "Version: "+debField(t, file, "Version"), "Version: 99.0.0", 1)
	require.NotEqual(t, string(text), newer)
	require.NoError(t, os.WriteFile(control, []byte(newer), 0o644))
	output(t, dir, nil, "dpkg-deb", "--root-owner-group", "-Znone", "--build", "tree", "vpsbot_99.0.0.deb")
	return filepath.Join(dir, "vpsbot_99.0.0.deb")
}

// apt runs apt-get as a person does, who has read what it asks.
func apt(t *testing.T, args ...string) string {
	t.Helper()
	return output(t, "/", []string{"DEBIAN_FRONTEND=noninteractive"}, "apt-get", append([]string{"-y", "--no-install-recommends", "-o", "APT::Sandbox::User=root"}, args...)...)
}

const (
	stateFolder  = "/var/lib/vpsbot"
	configFolder = "/etc/vpsbot"
)

// The package is installed, used, upgraded with its state, removed without losing it, and purged.
func TestDeb(t *testing.T) {
	needPrograms(t, "apt-get", "dpkg-deb", "man", "systemd-analyze")
	file := built(t, "vpsbot_*_amd64.deb")
	need(t, os.Getenv("VPSBOT_PACKAGES") == "all" && os.Getuid() == 0, "leave to install a package on this machine (root, and VPSBOT_PACKAGES=all)")
	for _, path := range []string{"/usr/bin/vpsbot", stateFolder, configFolder} {
		require.NoFileExists(t, path, "this machine has a vpsbot, which is left alone")
		require.NoDirExists(t, path, "this machine has a vpsbot, which is left alone")
	}
	t.Cleanup(func() { _ = exec.Command("dpkg", "--purge", "vpsbot").Run() })

	apt(t, "install", file)
	checkInstalled(t, "v"+debField(t, file, "Version"))
	env := append(emptyHome(t), "VPSBOT_DATABASE_URL=sqlite:"+stateFolder+"/vpsbot.db")
	settings := filepath.Join(configFolder, "vpsbot.env")
	secret := "/etc/credstore/vpsbot.VPS_API_TOKEN"
	require.NoError(t, os.MkdirAll(filepath.Dir(secret), 0o700))
	require.NoError(t, os.WriteFile(secret, []byte("vps_demo"), 0o600))
	require.NoError(t, os.Mkdir(stateFolder, 0o700))
	require.NoError(t, os.WriteFile(settings, []byte("VPS_API_URL=simulator\n"), 0o600))
	output(t, "/", env, "vpsbot", "freeze", "--reason", "to be kept")
	log := output(t, "/", env, "vpsbot", "audit", "list", "-o", "json")
	require.Contains(t, log, "freeze")

	apt(t, "install", newerDeb(t, file))
	require.Equal(t, "99.0.0", output(t, "/", nil, "dpkg-query", "-W", "-f", "${Version}", "vpsbot"))
	require.Equal(t, log, output(t, "/", env, "vpsbot", "audit", "list", "-o", "json"))
	output(t, "/", env, "vpsbot", "audit", "verify")
	require.FileExists(t, settings)

	apt(t, "remove", "vpsbot")
	require.NoFileExists(t, "/usr/bin/vpsbot")
	require.FileExists(t, settings)
	require.FileExists(t, filepath.Join(stateFolder, "vpsbot.db"))
	require.FileExists(t, secret)

	apt(t, "purge", "vpsbot")
	require.NoDirExists(t, configFolder)
	require.NoDirExists(t, stateFolder)
	require.NoFileExists(t, secret)
}

// checkInstalled uses what was installed as a person does, and wants that nothing of it was started or enabled.
func checkInstalled(t *testing.T, version string) {
	t.Helper()
	env := emptyHome(t)
	require.Contains(t, output(t, "/", env, "/usr/bin/vpsbot", "version"), "vpsbot "+version+" ")
	require.Contains(t, output(t, "/", env, "vpsbot", "servers", "list"), "web-server-01")
	require.Equal(t, "/usr/share/man/man1/vpsbot.1.gz\n", output(t, "/", nil, "man", "-w", "vpsbot"))
	require.Contains(t, output(t, "/", nil, "man", "-w", "7", "vpsbot-environment"), "man7")
	require.Contains(t, output(t, "/", nil, "bash", "-c", ". /usr/share/bash-completion/completions/vpsbot && complete -p vpsbot"), "vpsbot")
	for _, path := range []string{"zsh/vendor-completions/_vpsbot", "fish/vendor_completions.d/vpsbot.fish", "doc/vpsbot/policy.example.yaml", "doc/vpsbot/copyright"} {
		require.FileExists(t, "/usr/share/"+path)
	}
	output(t, "/", env, "vpsbot", "policy", "check", "/usr/share/doc/vpsbot/policy.example.yaml")
	require.Contains(t, output(t, "/", env, "vpsbot", "install", "cursor", "--print"), `"/usr/bin/vpsbot"`, "clients start what was installed")
	require.Contains(t, output(t, "/", env, "vpsbot", "install", "claude-code", "--print"), "/usr/bin/vpsbot")
	checkLogin(t, env)
	output(t, "/", nil, "systemd-analyze", "verify", "vpsbot.service", "vpsbot@staging.service")
	wanted, err := filepath.Glob("/etc/systemd/system/*.wants/vpsbot*")
	require.NoError(t, err)
	require.Empty(t, wanted, "installing enables nothing")
	processes, err := filepath.Glob("/proc/[0-9]*/exe")
	require.NoError(t, err)
	for _, exe := range processes {
		path, _ := os.Readlink(exe) // it may have ended
		require.NotEqual(t, "/usr/bin/vpsbot", path, "installing starts nothing")
	}
}

// The package of Red Hat's kind has the same files, in its own places. It is not installed: that is not tried.
func TestRPM(t *testing.T) {
	needPrograms(t, "rpm")
	file := built(t, "vpsbot-*.x86_64.rpm")
	files := strings.Fields(output(t, ".", nil, "rpm", "-qpl", file))
	for _, path := range []string{
		"/usr/bin/vpsbot", "/usr/lib/systemd/system/vpsbot.service", "/usr/share/man/man1/vpsbot.1.gz", "/usr/share/zsh/site-functions/_vpsbot",
		"/usr/share/bash-completion/completions/vpsbot", "/usr/share/doc/vpsbot/policy.example.yaml", "/usr/share/licenses/vpsbot/LICENSE", "/etc/vpsbot",
	} {
		require.Contains(t, files, path)
	}
	require.NotContains(t, files, "/usr/share/zsh/vendor-completions/_vpsbot")
	require.Contains(t, output(t, ".", nil, "rpm", "-qp", "--scripts", file), "systemctl try-restart")
}

const mostProgram = 31_000_000 // bytes; 28 million today

// The archive has the program, the manual and the completions; the checksums are right; the SBOM names what is inside.
func TestArchive(t *testing.T) {
	archive := built(t, "vpsbot_*_linux_amd64.tar.gz")
	dir := t.TempDir()
	output(t, dir, nil, "tar", "-xzf", archive, "--strip-components=1")
	for _, path := range []string{"LICENSE", "README.md", "completions/vpsbot.bash", "completions/_vpsbot", "completions/vpsbot.fish", "completions/vpsbot.ps1", "man/man1/vpsbot.1", "man/man7/vpsbot-environment.7", "policy.example.yaml"} {
		require.FileExists(t, filepath.Join(dir, path))
	}
	version := strings.Split(filepath.Base(archive), "_")[1]
	require.Contains(t, output(t, dir, emptyHome(t), filepath.Join(dir, "vpsbot"), "version"), "vpsbot v"+version+" ")
	program, err := os.Stat(filepath.Join(dir, "vpsbot"))
	require.NoError(t, err)
	require.Less(t, program.Size(), int64(mostProgram), "does something call methods by name, so that the linker keeps all of them?")

	sums, err := os.ReadFile(built(t, "checksums.txt"))
	require.NoError(t, err)
	content, err := os.ReadFile(archive)
	require.NoError(t, err)
	sum := sha256.Sum256(content)
	require.Contains(t, string(sums), hex.EncodeToString(sum[:])+"  "+filepath.Base(archive))

	bom, err := os.ReadFile(built(t, "vpsbot_*_linux_amd64.cdx.json"))
	require.NoError(t, err)
	for _, module := range []string{"pkg:golang/github.com/vpsbot/vpsbot@v" + version, "pkg:golang/github.com/mark3labs/mcp-go@", "pkg:golang/std@"} {
		require.True(t, bytes.Contains(bom, []byte(module)), module)
	}
}

// checkLogin logs in to a simulator with the program that was installed: the token stays for the commands that follow.
func checkLogin(t *testing.T, env []string) {
	t.Helper()
	api := exec.Command("vpsbot", "simulator", "--listen", "127.0.0.1:0")
	api.Env = env
	said, err := api.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, api.Start())
	defer func() { _ = api.Process.Kill(); _ = api.Wait() }()
	line, err := bufio.NewReader(said).ReadString('\n')
	require.NoError(t, err)
	words := strings.Fields(line) // the last one is the address
	env = append(env, "VPS_API_URL="+words[len(words)-1], "VPSBOT_KEYRING=false")

	login := exec.Command("vpsbot", "login", "--token-stdin")
	login.Env, login.Stdin = env, strings.NewReader("vps_demo\n")
	says, err := login.CombinedOutput()
	require.NoError(t, err, string(says))
	require.Contains(t, output(t, "/", env, "vpsbot", "servers", "list"), "web-server-01")
	output(t, "/", env, "vpsbot", "logout")
}
