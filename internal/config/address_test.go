package config_test

import (
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
		{"VPSBOT_PUBLIC_URL", "https://Bot.example.com:443/", "https://bot.example.com"},
		{"VPSBOT_PUBLIC_URL", "https://example.com/vpsbot/", "https://example.com/vpsbot"},
	} {
		c, err := read(t, vars{test.name: test.given}, "linux")
		require.NoError(t, err)
		got := map[string]string{"SLACK_API_URL": c.SlackURL, "VPSBOT_LISTEN": c.Listen, "VPSBOT_PUBLIC_URL": c.PublicURL}
		require.Equal(t, test.want, got[test.name])
	}
}

func TestAddressesThatAreWrong(t *testing.T) {
	for _, test := range []struct{ name, given, want string }{
		{"SLACK_API_URL", "slack.com", "SLACK_API_URL is not an address: write https://slack.com/api/, or leave it out"},
		{"SLACK_API_URL", "http://slack.com/api/", "SLACK_API_URL is neither https nor http on this machine: write https://slack.com/api/, or http://127.0.0.1:PORT/api/"},
		{"SLACK_API_URL", "https://slack.com/api/?token=hush", "SLACK_API_URL has a user, a query or a fragment in it: write the bare address, such as https://slack.com/api/"},
		{"VPSBOT_LISTEN", "8484", "VPSBOT_LISTEN is not HOST:PORT: write such as 127.0.0.1:8484, or :8484 for all addresses of this machine"},
		{"VPSBOT_LISTEN", "localhost:http", "VPSBOT_LISTEN has a port that is no number from 0 to 65535: write such as 127.0.0.1:8484"},
		{"VPSBOT_LISTEN", ":70000", "VPSBOT_LISTEN has a port that is no number from 0 to 65535: write such as 127.0.0.1:8484"},
		{"VPSBOT_LISTEN", ":+80", "VPSBOT_LISTEN has a port that is no number from 0 to 65535: write such as 127.0.0.1:8484"},
		{"VPSBOT_PUBLIC_URL", "vpsbot.example.com", "VPSBOT_PUBLIC_URL is not an address: write https://vpsbot.example.com, or leave it out"},
		{"VPSBOT_PUBLIC_URL", "http://example.com", "VPSBOT_PUBLIC_URL is neither https nor http on this machine: write https://vpsbot.example.com, or http://127.0.0.1:8484 for a try"},
		{"VPSBOT_PUBLIC_URL", "https://a:hush@example.com", "VPSBOT_PUBLIC_URL has a user, a query or a fragment in it: write the bare address, such as https://vpsbot.example.com"},
	} {
		_, err := read(t, vars{test.name: test.given}, "linux")
		require.EqualError(t, err, test.want)
	}
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
