package running

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const unitFolder = "../../systemd"

var units = []string{"vpsbot.service", "vpsbot@.service"}

// analyze runs systemd-analyze on the units, whose program is the one of this test.
func analyze(t *testing.T, args ...string) (string, error) {
	t.Helper()
	tool, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze not found: the units were not checked")
	}
	folder := t.TempDir()
	for _, unit := range units {
		raw, err := os.ReadFile(filepath.Join(unitFolder, unit))
		require.NoError(t, err)
		text := strings.ReplaceAll(string(raw), "/usr/bin/vpsbot", program)
		text = strings.ReplaceAll(text, "man:vpsbot(1) ", "") // it is in the package
		require.NoError(t, os.WriteFile(filepath.Join(folder, unit), []byte(text), 0o644))
		args = append(args, filepath.Join(folder, strings.ReplaceAll(unit, "@", "@staging")))
	}
	require.NoError(t, os.Symlink("vpsbot@.service", filepath.Join(folder, "vpsbot@staging.service")))
	cmd := exec.Command(tool, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "SYSTEMD_LOG_LEVEL=warning")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestUnitsAreValid(t *testing.T) {
	out, err := analyze(t, "verify", "--man=no")
	require.NoError(t, err, out)
	require.Empty(t, out)
}

// The exposure of both units is at most 2.0 of 10.
func TestUnitsAreConfined(t *testing.T) {
	out, err := analyze(t, "security", "--offline=true", "--no-pager", "--threshold=20")
	require.NoError(t, err, out)
	levels := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`).FindAllStringSubmatch(out, -1)
	require.Len(t, levels, len(units), out)
	for _, level := range levels {
		exposure, err := strconv.ParseFloat(level[1], 64)
		require.NoError(t, err)
		require.LessOrEqual(t, exposure, 2.0, level[0])
	}
}

// readUnit returns the settings of a unit, with its specifiers as for an instance.
func readUnit(t *testing.T, unit string, mounts ...mount) map[string][]string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(unitFolder, unit))
	require.NoError(t, err)
	settings := map[string][]string{}
	for line := range strings.Lines(string(raw)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		for _, m := range mounts {
			value = strings.ReplaceAll(value, m.path, m.at)
		}
		settings[name] = append(settings[name], value)
	}
	return settings
}

// The instance differs from the other unit by its name alone.
func TestUnitsAreAlike(t *testing.T) {
	one, other := readUnit(t, units[0]), readUnit(t, units[1], mount{"vpsbot-%i.", "vpsbot."})
	for name, values := range one {
		if !strings.Contains("Description Environment EnvironmentFile User StateDirectory", name) {
			require.Equal(t, values, other[name], name)
		}
	}
	require.Len(t, other, len(one))
	require.Contains(t, other["StateDirectory"][0], "%i")
	require.Contains(t, other["EnvironmentFile"][0], "%i")
}

// The process that a unit starts is ready, feeds the watchdog, takes a changed policy at its ExecReload and ends in time,
// with its secrets as credentials and its database in its StateDirectory.
func TestUnitsStart(t *testing.T) {
	for _, unit := range units {
		t.Run(unit, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			u := readUnit(t, unit, mount{"%S", filepath.Join(root, "state")}, mount{"%i", "staging"})
			state := filepath.Join(root, "state", u["StateDirectory"][0])
			require.NoError(t, os.MkdirAll(filepath.Join(root, "state/private", u["StateDirectory"][0]), 0o700))
			require.NoError(t, os.Symlink(filepath.Join("private", u["StateDirectory"][0]), state)) // as DynamicUser has it

			store := map[string]string{"vpsbot.VPS_API_TOKEN": "vps_demo\n", "vpsbot-staging.VPS_API_TOKEN": "vps_demo\n"}
			credentials := map[string]string{}
			for _, c := range u["LoadCredential"] {
				name, source, _ := strings.Cut(c, ":")
				if secret, ok := store[source]; ok {
					credentials[name] = secret
				}
			}
			require.NotEmpty(t, credentials)
			manager := filepath.Join(root, "notify")
			conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: manager, Net: "unixgram"})
			require.NoError(t, err)
			defer conn.Close()
			policy := filepath.Join(files(t, map[string]string{"policy.yaml": readPolicy}), "policy.yaml")
			watchdog, err := time.ParseDuration(u["WatchdogSec"][0])
			require.NoError(t, err)
			env := map[string]string{
				"CREDENTIALS_DIRECTORY": files(t, credentials), "NOTIFY_SOCKET": manager, "WATCHDOG_USEC": strconv.FormatInt(watchdog.Microseconds(), 10),
				// what an EnvironmentFile says
				"VPS_API_URL": simulate(t), "VPSBOT_POLICY_FILE": policy, "VPSBOT_LISTEN": freeAddress(t),
			}
			name, value, _ := strings.Cut(u["Environment"][0], "=")
			env[name] = value

			hears := func(states ...string) {
				datagram := make([]byte, 4096)
				for _, state := range states {
					for heard := ""; !strings.Contains("\n"+heard+"\n", "\n"+state+"\n"); {
						require.NoError(t, conn.SetReadDeadline(time.Now().Add(15*time.Second)))
						n, err := conn.Read(datagram)
						require.NoError(t, err, state)
						heard = string(datagram[:n])
					}
				}
			}
			start := start(t, env, program, strings.Fields(u["ExecStart"][0])[1:]...)
			hears("READY=1", "WATCHDOG=1")
			waitReady(t, env["VPSBOT_LISTEN"], start)
			require.Equal(t, "/bin/kill -HUP $MAINPID", u["ExecReload"][0])
			require.NoError(t, os.WriteFile(policy, []byte("version: 1\nrules: []\n"), 0o600))
			start.signal(syscall.SIGHUP)
			hears("RELOADING=1", "READY=1")
			start.sees("the policy file has changed; the new one is in force")
			start.stop()
			hears("STOPPING=1")
			found, err := filepath.Glob(filepath.Join(state, "*", "vpsbot.db"))
			if unit == units[0] {
				found, err = filepath.Glob(filepath.Join(state, "vpsbot.db"))
			}
			require.NoError(t, err)
			require.Len(t, found, 1)
			limit, err := time.ParseDuration(u["TimeoutStopSec"][0])
			require.NoError(t, err)
			require.Greater(t, limit, 15*time.Second)
		})
	}
}

// The process makes no system call that SystemCallFilter refuses. A refused one is an error, which may show much later.
func TestUnitsAllowTheSystemCalls(t *testing.T) {
	u := readUnit(t, units[0])
	allowed := map[string]bool{}
	for _, filter := range u["SystemCallFilter"] {
		refused, without := strings.CutPrefix(filter, "~")
		for _, set := range strings.Fields(refused) {
			for _, call := range systemCalls(t, set) {
				allowed[call] = !without
			}
		}
	}
	require.True(t, allowed["read"] && !allowed["reboot"])
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace not found: the system calls were not looked at")
	}
	trace := filepath.Join(t.TempDir(), "trace")
	env := map[string]string{"VPS_API_URL": simulate(t), "VPS_API_TOKEN": "vps_demo", "VPSBOT_LISTEN": freeAddress(t), "XDG_STATE_HOME": t.TempDir()}
	p := start(t, env, strace, "-f", "-qq", "-o", trace, program, "serve")
	if waitUntil(5*time.Second, func() bool { return p.log.String() != "" }) && strings.Contains(p.log.String(), "ptrace") {
		t.Skip("strace may not trace here: the system calls were not looked at")
	}
	waitReady(t, env["VPSBOT_LISTEN"], p)
	key := makeKey(t, env)
	code, body := front{env["VPSBOT_LISTEN"], env["VPSBOT_LISTEN"], false}.ask(t, key, "servers_list")
	require.Equal(t, 200, code, body)
	raw, err := os.ReadFile(trace)
	require.NoError(t, err)
	first, _, _ := strings.Cut(string(raw), " ")
	pid, err := strconv.Atoi(first)
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(pid, syscall.SIGTERM)) // the program, which strace outlives
	require.NoError(t, p.cmd.Wait(), p.log.String())
	raw, err = os.ReadFile(trace)
	require.NoError(t, err)
	made := regexp.MustCompile(`(?m)^\d+ +([a-z_0-9]+)\(`).FindAllStringSubmatch(string(raw), -1)
	require.Greater(t, len(made), 100)
	for _, call := range made {
		asRoot := call[1] == "fchown" // SQLite gives files to the folder's owner where it runs as root
		require.True(t, allowed[call[1]] || asRoot, call[1])
	}
}

// systemCalls are those of a set of systemd's, with those of the sets in it.
func systemCalls(t *testing.T, set string) (calls []string) {
	t.Helper()
	tool, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze not found: the system calls were not looked at")
	}
	out, err := exec.Command(tool, "syscall-filter", set).Output()
	require.NoError(t, err, set)
	for line := range strings.Lines(string(out)) {
		name := strings.TrimSpace(line)
		switch {
		case !strings.HasPrefix(line, " ") || strings.HasPrefix(name, "#"):
		case strings.HasPrefix(name, "@"):
			calls = append(calls, systemCalls(t, name)...)
		default:
			calls = append(calls, name)
		}
	}
	return calls
}

func waitUntil(limit time.Duration, is func() bool) bool {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if is() {
			return true
		}
	}
	return false
}
