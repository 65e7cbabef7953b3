package config_test

import (
	"log/slog"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/config"
)

type vars = map[string]string

// environment is one that can be listed, as that of a process.
type environment vars

func (e environment) Lookup(name string) (string, bool) {
	value, given := e[name]
	return value, given
}

func (e environment) Names() []string { return slices.Collect(maps.Keys(e)) }

func read(t *testing.T, env vars, goos string) (config.Config, error) {
	t.Helper()
	return config.Read(t.Context(), environment(env), goos)
}

// A variable that is set to nothing is not set.
func TestDefaults(t *testing.T) {
	for _, env := range []vars{{}, {"VPS_API_URL": "", "VPSBOT_READ_ONLY": "", "VPSBOT_LOG_LEVEL": " ", "VPSBOT_LOG_FORMAT": ""}} {
		c, err := read(t, env, "linux")
		require.NoError(t, err)
		require.Equal(t, "https://admin.vps.org/api/v1", c.URL)
		require.False(t, c.IsSimulator())
		require.False(t, c.Policy.ReadOnly)
		require.Empty(t, c.Policy.Operations)
		require.False(t, c.AuditReads)
		require.Equal(t, slog.LevelInfo, c.LogLevel)
		require.False(t, c.LogJSON)
		require.Empty(t, c.PolicyFile())
	}
}

func TestValues(t *testing.T) {
	c, err := read(t, vars{
		"VPS_API_URL": "http://[::1]:8585/api/v1", "VPSBOT_READ_ONLY": "1", "VPSBOT_OPERATIONS": " servers.* ,backups.list,",
		"VPSBOT_AUDIT_READS": "true", "VPSBOT_LOG_LEVEL": "DEBUG", "VPSBOT_LOG_FORMAT": "json",
		"VPSBOT_POLICY_FILE": " /etc/vpsbot/policy.yaml ",
	}, "linux")
	require.NoError(t, err)
	require.Equal(t, "http://[::1]:8585/api/v1", c.URL)
	require.True(t, c.Policy.ReadOnly)
	require.Equal(t, []string{"servers.*", "backups.list"}, c.Policy.Operations)
	require.True(t, c.AuditReads)
	require.Equal(t, slog.LevelDebug, c.LogLevel)
	require.True(t, c.LogJSON)
	require.Equal(t, "/etc/vpsbot/policy.yaml", c.PolicyFile())
}

// Each message names the variable and what to write, and never the value.
func TestMistakes(t *testing.T) {
	const hush = "hush4711"
	for _, test := range []struct{ name, value, want string }{
		{"VPS_API_URL", "https://example.com/vps_" + hush, "VPS_API_URL has a token in it: write the bare address, such as https://admin.vps.org/api/v1"},
		{"VPS_API_URL", hush, "VPS_API_URL is not an address: write https://admin.vps.org/api/v1, or simulator"},
		{"VPS_API_URL", "https://" + hush + ":x@example.com", "VPS_API_URL has a user, a query or a fragment in it: write the bare address, such as https://admin.vps.org/api/v1"},
		{"VPS_API_URL", "https://example.com/?token=" + hush, "VPS_API_URL has a user, a query or a fragment in it: write the bare address, such as https://admin.vps.org/api/v1"},
		{"VPS_API_URL", "http://" + hush + ".example.com", "VPS_API_URL is neither https nor http on this machine: write https://admin.vps.org/api/v1, or http://127.0.0.1:PORT/api/v1"},
		{"VPS_API_URL", "ftp://localhost/" + hush, "VPS_API_URL is neither https nor http on this machine: write https://admin.vps.org/api/v1, or http://127.0.0.1:PORT/api/v1"},
		{"VPSBOT_READ_ONLY", hush, "VPSBOT_READ_ONLY is neither true nor false: write one of them"},
		{"VPSBOT_AUDIT_READS", hush, "VPSBOT_AUDIT_READS is neither true nor false: write one of them"},
		{"VPSBOT_OPERATIONS", "", "VPSBOT_OPERATIONS is empty, which may mean all operations or none: write globs such as servers.*,backups.list, or unset it for all"},
		{"VPSBOT_OPERATIONS", " ", "VPSBOT_OPERATIONS is empty, which may mean all operations or none: write globs such as servers.*,backups.list, or unset it for all"},
		{"VPSBOT_DATABASE_URL", "sqlite:~/v.db", "VPSBOT_DATABASE_URL has a path that begins with ~, which only a shell replaces: write the whole path"},
		{"VPSBOT_OPERATIONS", ", ,", "VPSBOT_OPERATIONS names no operation: write globs with commas between, such as servers.*,backups.list"},
		{"VPSBOT_OPERATIONS", "servers.[" + hush, "VPSBOT_OPERATIONS has a part that is no glob: write such as servers.*,backups.list"},
		{"VPSBOT_LOG_LEVEL", hush, "VPSBOT_LOG_LEVEL is not a level: write debug, info, warn or error"},
		{"VPSBOT_DATABASE_URL", "mysql:" + hush, "VPSBOT_DATABASE_URL names no database that is known: write sqlite:PATH"},
		{"VPSBOT_DATABASE_URL", "/tmp/" + hush, "VPSBOT_DATABASE_URL names no database that is known: write sqlite:PATH"},
		{"SLACK_API_URL", "slack.com", "SLACK_API_URL is not an address: write https://slack.com/api/, or leave it out"},
		{"SLACK_API_URL", "http://slack.com/api/", "SLACK_API_URL is neither https nor http on this machine: write https://slack.com/api/, or http://127.0.0.1:PORT/api/"},
		{"SLACK_API_URL", "https://slack.com/api/?token=hush", "SLACK_API_URL has a user, a query or a fragment in it: write the bare address, such as https://slack.com/api/"},
		{"VPSBOT_LISTEN", "8484", "VPSBOT_LISTEN is not HOST:PORT: write such as 127.0.0.1:8484, or :8484 for all addresses of this machine"},
		{"VPSBOT_LISTEN", "localhost:http", "VPSBOT_LISTEN has a port that is no number from 0 to 65535: write such as 127.0.0.1:8484"},
		{"VPSBOT_LISTEN", ":70000", "VPSBOT_LISTEN has a port that is no number from 0 to 65535: write such as 127.0.0.1:8484"},
		{"VPSBOT_LISTEN", ":+80", "VPSBOT_LISTEN has a port that is no number from 0 to 65535: write such as 127.0.0.1:8484"},
		{"VPSBOT_METRICS_LISTEN", "9484", "VPSBOT_METRICS_LISTEN is not HOST:PORT: write such as 127.0.0.1:9484, or :9484 for all addresses of this machine"},
		{"VPSBOT_METRICS_LISTEN", ":metrics", "VPSBOT_METRICS_LISTEN has a port that is no number from 0 to 65535: write such as 127.0.0.1:9484"},
		{"VPSBOT_PUBLIC_URL", "vpsbot.example.com", "VPSBOT_PUBLIC_URL is not an address: write https://vpsbot.example.com, or leave it out"},
		{"VPSBOT_PUBLIC_URL", "http://example.com", "VPSBOT_PUBLIC_URL is neither https nor http on this machine: write https://vpsbot.example.com, or http://127.0.0.1:8484 for a try"},
		{"VPSBOT_PUBLIC_URL", "https://a:hush@example.com", "VPSBOT_PUBLIC_URL has a user, a query or a fragment in it: write the bare address, such as https://vpsbot.example.com"},
		{"VPSBOT_PUBLIC_URL", "https://" + hush + ".example.com/mcp/", "VPSBOT_PUBLIC_URL is the address without /mcp: write such as https://vpsbot.example.com"},
		{"VPSBOT_MCP", hush, "VPSBOT_MCP is neither true nor false: write one of them"},
		{"VPSBOT_ORIGINS", "*", "VPSBOT_ORIGINS has a part that is not an address: write https://app.example.com, with commas between several"},
		{"VPSBOT_ORIGINS", "https://app.example.com, null", "VPSBOT_ORIGINS has a part that is not an address: write https://app.example.com, with commas between several"},
		{"VPSBOT_ORIGINS", "http://app.example.com", "VPSBOT_ORIGINS has a part that is neither https nor http on this machine: write https://app.example.com, or http://localhost:6274"},
		{"VPSBOT_ORIGINS", "https://app.example.com/" + hush, "VPSBOT_ORIGINS has a part that has a path: an origin has none, write such as https://app.example.com"},
		{"VPSBOT_TRUSTED_PROXIES", hush, "VPSBOT_TRUSTED_PROXIES has a part that is not an address: write that of the proxy, such as 10.0.0.5, or its network, such as 10.0.0.0/8"},
		{"VPSBOT_TRUSTED_PROXIES", "10.0.0.0/33", "VPSBOT_TRUSTED_PROXIES has a part that is not an address: write that of the proxy, such as 10.0.0.5, or its network, such as 10.0.0.0/8"},
		{"VPSBOT_TRUSTED_PROXIES", "10.0.0.5,0.0.0.0/0", "VPSBOT_TRUSTED_PROXIES has a part that means everybody: write the address of the proxy, such as 10.0.0.5, or its network, such as 10.0.0.0/8"},
		{"VPSBOT_LOG_FORMAT", hush, "VPSBOT_LOG_FORMAT is not a format: write text or json"},
	} {
		t.Run(test.want, func(t *testing.T) {
			_, err := read(t, vars{test.name: test.value}, "linux")
			require.EqualError(t, err, test.want)
			require.NotContains(t, err.Error(), hush)
		})
	}
}
