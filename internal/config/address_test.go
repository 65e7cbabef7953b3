package config_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/config"
)

// Two spellings of an address are one API.
func TestAddressesAreNormal(t *testing.T) {
	for given, want := range map[string]string{
		"https://Admin.VPS.org:443/api/v1/": "https://admin.vps.org/api/v1",
		"https://admin.vps.org/api/v1":      "https://admin.vps.org/api/v1",
		"http://LOCALHOST:80/api/v1//":      "http://localhost/api/v1",
		"http://127.0.0.1:8080/API/":        "http://127.0.0.1:8080/API",
		"https://[2001:DB8::443]/api":       "https://[2001:db8::443]/api",
		"HTTPS://admin.vps.org:8443":        "https://admin.vps.org:8443",
	} {
		c, err := read(t, vars{"VPS_API_URL": given}, "linux")
		require.NoError(t, err)
		require.Equal(t, want, c.URL)
	}
	_, err := read(t, vars{"VPS_API_URL": "https://example.com/hush4711", "VPS_API_TOKEN": "hush4711"}, "linux")
	require.EqualError(t, err, "VPS_API_URL has a token in it: write the bare address, such as https://admin.vps.org/api/v1")
}

func TestAddressesOfServe(t *testing.T) {
	c, err := read(t, nil, "linux")
	require.NoError(t, err)
	require.Equal(t, []string{"https://slack.com/api/", "127.0.0.1:8484", ""}, []string{c.SlackURL, c.Listen, c.PublicURL})
	for _, test := range []struct{ name, given, want string }{
		{"SLACK_API_URL", "https://Slack-Gov.com/api", "https://slack-gov.com/api/"},
		{"SLACK_API_URL", "http://127.0.0.1:1/api//", "http://127.0.0.1:1/api/"},
		{"VPSBOT_LISTEN", " :8080 ", ":8080"},
		{"VPSBOT_LISTEN", "[::1]:0", "[::1]:0"},
		{"VPSBOT_METRICS_LISTEN", " 127.0.0.1:9484 ", "127.0.0.1:9484"},
		{"VPSBOT_METRICS_LISTEN", "", ""},
		{"VPSBOT_PUBLIC_URL", "https://Bot.example.com:443/", "https://bot.example.com"},
		{"VPSBOT_PUBLIC_URL", "https://example.com/vpsbot/", "https://example.com/vpsbot"},
	} {
		c, err := read(t, vars{test.name: test.given}, "linux")
		require.NoError(t, err)
		got := map[string]string{"SLACK_API_URL": c.SlackURL, "VPSBOT_LISTEN": c.Listen, "VPSBOT_METRICS_LISTEN": c.MetricsListen, "VPSBOT_PUBLIC_URL": c.PublicURL}
		require.Equal(t, test.want, got[test.name])
	}
}

// /mcp is there where VPSBOT_MCP says so, else where it has an address of its own or is all that serve can serve.
func TestMCP(t *testing.T) {
	slack, public := vars{"SLACK_BOT_TOKEN": "b", "SLACK_APP_TOKEN": "a"}, vars{"VPSBOT_PUBLIC_URL": "https://bot.example.com"}
	with := func(all ...vars) vars {
		sum := vars{}
		for _, some := range all {
			maps.Copy(sum, some)
		}
		return sum
	}
	for name, test := range map[string]struct {
		env  vars
		want bool
	}{
		"nothing":               {vars{}, true},
		"Slack":                 {slack, false},
		"half of Slack":         {vars{"SLACK_BOT_TOKEN": "b"}, false},
		"a public address":      {public, true},
		"Slack and an address":  {with(slack, public), true},
		"Slack, on":             {with(slack, vars{"VPSBOT_MCP": "true"}), true},
		"a public address, off": {with(public, vars{"VPSBOT_MCP": "false"}), false},
		"set to nothing":        {with(slack, vars{"VPSBOT_MCP": " "}), false},
	} {
		c, err := read(t, test.env, "linux")
		require.NoError(t, err)
		require.Equal(t, test.want, c.MCP(), name)
	}
}

func TestIsLocal(t *testing.T) {
	for _, test := range []struct {
		listen, public string
		want           bool
	}{
		{"", "", true},
		{"localhost:1", "http://127.0.0.1:1", true},
		{"[::1]:1", "https://localhost", true},
		{":8484", "", false},
		{"0.0.0.0:8484", "", false},
		{"10.0.0.5:8484", "", false},
		{"", "https://bot.example.com", false},
	} {
		c, err := read(t, vars{"VPSBOT_LISTEN": test.listen, "VPSBOT_PUBLIC_URL": test.public}, "linux")
		require.NoError(t, err)
		require.Equal(t, test.want, c.IsLocal(), test.listen+" "+test.public)
	}
}

func TestOriginsAndProxies(t *testing.T) {
	c, err := read(t, nil, "linux")
	require.NoError(t, err)
	require.Empty(t, c.Origins)
	require.Equal(t, "[127.0.0.0/8 ::1/128]", fmt.Sprint(c.TrustedProxies))
	c, err = read(t, vars{"VPSBOT_ORIGINS": "https://App.example.com:443/, http://localhost:6274", "VPSBOT_TRUSTED_PROXIES": "10.1.2.3/8, 192.0.2.1,2001:db8::/32"}, "linux")
	require.NoError(t, err)
	require.Equal(t, []string{"https://app.example.com", "http://localhost:6274"}, c.Origins)
	require.Equal(t, "[10.0.0.0/8 192.0.2.1/32 2001:db8::/32]", fmt.Sprint(c.TrustedProxies))
}

func TestPublicAddress(t *testing.T) {
	for given, want := range map[string]string{
		"https://Bot.example.com:443/": "https://bot.example.com", " https://example.com/vpsbot ": "https://example.com/vpsbot",
	} {
		got, err := config.PublicAddress(given)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for given, says := range map[string]string{
		"bot.example.com": "is not an address", "http://bot.example.com": "is neither https nor", "http://127.0.0.1:8484": "Slack cannot reach",
		"https://localhost": "Slack cannot reach", "https://a:b@example.com": "has a user", "": "is not an address",
	} {
		_, err := config.PublicAddress(given)
		require.ErrorContains(t, err, says, given)
	}
}
