package running

import (
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/store/pgtest"
)

const composeFile = "../../compose.yaml"

var dotEnv = types.Mapping{"VPSBOT_VERSION": "1.2.3", "VPSBOT_DOMAIN": "bot.example.com"}

// compose parses the file as "docker compose --profile tls" does: with its schema, references and variables.
func compose(t *testing.T, env types.Mapping) (*types.Project, error) {
	t.Helper()
	path, err := filepath.Abs(composeFile)
	require.NoError(t, err)
	return loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir: filepath.Dir(path), ConfigFiles: []types.ConfigFile{{Filename: path}}, Environment: maps.Clone(env),
	}, func(o *loader.Options) { o.Profiles = []string{"tls"} })
}

func project(t *testing.T) *types.Project {
	t.Helper()
	p, err := compose(t, dotEnv)
	require.NoError(t, err)
	return p
}

func TestComposeIsValid(t *testing.T) {
	require.ElementsMatch(t, []string{"vpsbot-1", "vpsbot-2", "postgres", "caddy"}, project(t).ServiceNames())
	for name := range dotEnv {
		less := maps.Clone(dotEnv)
		delete(less, name)
		_, err := compose(t, less)
		require.ErrorContains(t, err, ".env", "without %s", name)
	}
}

// Each service is confined, starts again by itself, and has limits; no secret stands in a variable.
func TestComposeIsConfined(t *testing.T) {
	for name, s := range project(t).Services {
		require.True(t, s.ReadOnly, name)
		require.Equal(t, []string{"ALL"}, s.CapDrop, name)
		require.Contains(t, s.SecurityOpt, "no-new-privileges:true", name)
		require.False(t, s.Privileged, name)
		require.Equal(t, "unless-stopped", s.Restart, name)
		require.Positive(t, s.Deploy.Resources.Limits.MemoryBytes, name)
		require.Positive(t, s.Deploy.Resources.Limits.NanoCPUs, name)
		require.Positive(t, s.Deploy.Resources.Limits.Pids, name)
		for variable, value := range s.Environment {
			isSecret := regexp.MustCompile("TOKEN|SECRET|PASSWORD|_KEY|DATABASE_URL").MatchString(variable)
			require.True(t, !isSecret || strings.HasSuffix(variable, "_FILE"), "%s: %s", name, variable)
			require.NotNil(t, value, "%s: %s is taken from whoever starts it", name, variable)
		}
	}
	p := project(t)
	require.True(t, p.Networks["back"].Internal)
	require.Equal(t, []string{"back"}, slices.Collect(maps.Keys(p.Services["postgres"].Networks)))
	require.Empty(t, p.Services["postgres"].Ports)
	require.NotNil(t, p.Services["postgres"].HealthCheck)
	trusted := *p.Services["vpsbot-1"].Environment["VPSBOT_TRUSTED_PROXIES"]
	require.Contains(t, trusted, p.Networks["front"].Ipam.Config[0].Subnet, "Caddy would not be believed")
	for _, name := range []string{"vpsbot-1", "vpsbot-2"} {
		s := p.Services[name]
		require.Equal(t, "service_healthy", s.DependsOn["postgres"].Condition)
		require.Greater(t, time.Duration(*s.StopGracePeriod), 15*time.Second)
		require.Equal(t, "127.0.0.1", s.Ports[0].HostIP)
		require.Equal(t, types.HealthCheckTest{"CMD", "/usr/bin/vpsbot", "health"}, s.HealthCheck.Test)
	}
}

// replica is a service of the file as a process.
type replica struct {
	*process
	address string
	env     map[string]string
}

// startReplica starts a service: its folders are those of the test, and its addresses free ones of this machine.
func startReplica(t *testing.T, s types.ServiceConfig, api string, folders map[string]string) *replica {
	t.Helper()
	env := map[string]string{}
	for name, value := range s.Environment {
		env[name] = *value
	}
	state := t.TempDir()
	var mounts []mount
	for _, v := range s.Volumes {
		at := state
		if v.Type == "bind" {
			at = folders[filepath.Base(v.Source)]
			require.NotEmpty(t, at, v.Source)
		}
		mounts = append(mounts, mount{v.Target, at})
	}
	r := &replica{address: freeAddress(t), env: place(env, mounts...)}
	require.Equal(t, ":8484", r.env["VPSBOT_LISTEN"])
	r.env["VPSBOT_LISTEN"], r.env["VPSBOT_METRICS_LISTEN"], r.env["VPS_API_URL"] = r.address, freeAddress(t), api
	r.process = start(t, r.env, program, s.Command...)
	return r
}

// Both replicas work on one database, behind the Caddy of the file where there is one. One that is replaced is passed by.
func TestComposeStarts(t *testing.T) {
	p := project(t)
	database := pgtest.URL(t)
	folders := map[string]string{
		"secrets": files(t, map[string]string{"VPS_API_TOKEN": "vps_demo\n", "VPSBOT_DATABASE_URL": database + "\n"}),
		"config":  files(t, map[string]string{"policy.yaml": readPolicy}),
	}
	api := simulate(t)
	one := startReplica(t, p.Services["vpsbot-1"], api, folders)
	two := startReplica(t, p.Services["vpsbot-2"], api, folders)
	key := makeKey(t, one.env)
	host := hostOf(t, one.env["VPSBOT_PUBLIC_URL"])
	require.Equal(t, "bot.example.com", host)
	addresses := []string{one.address, two.address}
	for i, r := range []*replica{one, two} {
		waitReady(t, addresses[i], r.process)
		code, body := front{r.address, host, false}.ask(t, key, "servers_list")
		require.Equal(t, http.StatusOK, code, body)
		require.Contains(t, body, "web-server-01")
		code, body = front{r.address, "other.example.com", false}.ask(t, key, "servers_list")
		require.Equal(t, http.StatusForbidden, code, body)
		require.Contains(t, run(t, r.env, p.Services["vpsbot-1"].HealthCheck.Test[2:]...), "ok")
		require.Equal(t, http.StatusOK, status("http://"+r.env["VPSBOT_METRICS_LISTEN"]+"/metrics"))
		require.NotContains(t, strings.Join(r.cmd.Env, "\n"), database)
	}

	if proxy := startCaddy(t, addresses...); proxy == "" {
		t.Log("caddy not found: the proxy was not tried")
	} else {
		stopWhile(t, two.process, func() { // as in an upgrade
			time.Sleep(150 * time.Millisecond) // a key has ten calls a second
			code, body := front{proxy, host, true}.ask(t, key, "servers_list")
			require.Equal(t, http.StatusOK, code, body)
		})
	}

	require.NoError(t, os.WriteFile(filepath.Join(folders["config"], "policy.yaml"), []byte("version: 1\nrules: []\n"), 0o600))
	one.signal(syscall.SIGHUP)
	one.sees("the policy file has changed; the new one is in force")
	one.stop()
}

// stopWhile stops a replica while something is called, and calls it for a while after that.
func stopWhile(t *testing.T, old *process, call func()) {
	t.Helper()
	call()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = old.cmd.Process.Signal(syscall.SIGTERM)
		_ = old.cmd.Wait()
	}()
	for calls := 0; ; calls++ {
		call()
		select {
		case <-ended:
			require.Positive(t, calls)
			for range 20 {
				call()
			}
			return
		default:
		}
	}
}

// startCaddy starts the proxy of the file in front of addresses, with a certificate of its own authority. Empty: there is
// no Caddy here.
func startCaddy(t *testing.T, addresses ...string) string {
	t.Helper()
	caddy, err := exec.LookPath("caddy")
	if err != nil {
		return ""
	}
	raw, err := os.ReadFile("../../Caddyfile")
	require.NoError(t, err)
	at := freeAddress(t)
	_, port, _ := strings.Cut(at, ":")
	text := "{\n\tadmin off\n\tlocal_certs\n\tskip_install_trust\n\tauto_https disable_redirects\n}\n" + strings.Replace(string(raw), "\n{$VPSBOT_DOMAIN} {", "\n{$VPSBOT_DOMAIN}:"+port+" {", 1)
	require.Contains(t, text, "{$VPSBOT_DOMAIN}:"+port)
	folder := files(t, map[string]string{"Caddyfile": text})
	p := start(t, map[string]string{
		"VPSBOT_DOMAIN": "bot.example.com", "VPSBOT_UPSTREAMS": strings.Join(addresses, " "), "HOME": folder, "XDG_DATA_HOME": folder, "XDG_CONFIG_HOME": folder,
	}, caddy, "run", "--config", filepath.Join(folder, "Caddyfile"), "--adapter", "caddyfile")
	require.Eventually(t, func() bool {
		code, _ := front{at, "bot.example.com", true}.ask(t, "none", "servers_list")
		return code == http.StatusUnauthorized
	}, 20*time.Second, 50*time.Millisecond, "%v", p.log.String)
	return at
}
