package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/redact"
)

func TestSlackMode(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "SLACK_APP_TOKEN"), "xapp-1")
	const bot, signing, app = "SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN"
	for name, test := range map[string]struct {
		env  vars
		want config.SlackMode
		says string
	}{
		"nothing":                  {vars{bot: " "}, "", "vpsbot slack manifest"},
		"signing secret":           {vars{bot: "b", signing: "s"}, config.SlackHTTP, ""},
		"app token":                {vars{bot: "b", app: "a"}, config.SlackSocket, ""},
		"files":                    {vars{bot + "_FILE": "/b", app + "_FILE": "/a"}, config.SlackSocket, ""},
		"one of the credentials":   {vars{bot: "b", "CREDENTIALS_DIRECTORY": dir}, config.SlackSocket, ""},
		"set to nothing":           {vars{bot: "b", signing: " ", signing + "_FILE": " ", app: "a"}, config.SlackSocket, ""},
		"both":                     {vars{bot: "b", signing: "s", app: "a"}, "", "are both set: unset one of them"},
		"both, one as a file":      {vars{bot: "b", signing + "_FILE": "/s", app: "a"}, "", "are both set: unset one of them"},
		"neither":                  {vars{bot: "b"}, "", "neither SLACK_SIGNING_SECRET nor SLACK_APP_TOKEN: set SLACK_SIGNING_SECRET"},
		"a secret without the bot": {vars{signing: "s"}, "", "SLACK_BOT_TOKEN is not set, and Slack needs it beside the other secret"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := read(t, test.env, "linux")
			require.NoError(t, err, "what is missing for serve stops no other command")
			mode, err := c.SlackMode()
			require.Equal(t, test.want, mode)
			if test.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.says)
		})
	}
	c, err := read(t, nil, "linux")
	require.NoError(t, err)
	_, err = c.SlackMode()
	require.ErrorIs(t, err, config.ErrNoSlack)
}

// slackSecrets are the readers of the three, by the name of the variable.
var slackSecrets = map[string]func(config.Config) func() (string, error){
	"SLACK_BOT_TOKEN": config.Config.SlackBotToken, "SLACK_SIGNING_SECRET": config.Config.SlackSigningSecret,
	"SLACK_APP_TOKEN": config.Config.SlackAppToken,
}

func TestWhereSlacksSecretsComeFrom(t *testing.T) {
	for name, get := range slackSecrets {
		dir := t.TempDir()
		file := filepath.Join(dir, "file")
		write(t, file, "\n from-file \r\n")
		write(t, filepath.Join(dir, name), "from-credentials\n")
		for _, test := range []struct {
			env  vars
			want string
		}{
			{vars{name + "_FILE": " " + file, "CREDENTIALS_DIRECTORY": dir}, "from-file"},
			{vars{"CREDENTIALS_DIRECTORY": dir, name: "from-env"}, "from-env"},
			{vars{"CREDENTIALS_DIRECTORY": dir, name: " "}, "from-credentials"},
			{vars{"CREDENTIALS_DIRECTORY": t.TempDir(), name: " from-env\n"}, "from-env"},
		} {
			c, err := read(t, test.env, "linux")
			require.NoError(t, err)
			got, err := get(c)()
			require.NoError(t, err)
			require.Equal(t, test.want, got, name)
		}
	}
}

func TestSlacksSecretsThatAreWrong(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	write(t, empty, "\n")
	for name, get := range slackSecrets {
		for _, test := range []struct {
			env  vars
			says string
		}{
			{vars{}, name + " is not set"},
			{vars{name: "hush 4711"}, name + " holds more than a "},
			{vars{name + "_FILE": empty}, name + "_FILE: the file " + empty + " is empty: write the "},
			{vars{name + "_FILE": "/not/there"}, name + "_FILE: the file /not/there cannot be read"},
			{vars{name + "_FILE": "xoxb-hush"}, name + "_FILE holds what looks like a "},
			{vars{name + "_FILE": "xapp-hush"}, "itself set " + name},
		} {
			c, err := read(t, test.env, "linux")
			require.NoError(t, err)
			_, err = get(c)()
			require.ErrorContains(t, err, test.says)
			require.NotContains(t, err.Error(), "hush")
			require.NotContains(t, err.Error(), "4711")
		}
	}
}

// A signing secret that is exchanged in its file counts at once.
func TestSlacksSecretsAreReadAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	write(t, file, "first")
	c, err := read(t, vars{"SLACK_SIGNING_SECRET_FILE": file}, "linux")
	require.NoError(t, err)
	secret := c.SlackSigningSecret()
	got, err := secret()
	require.NoError(t, err)
	require.Equal(t, "first", got)
	write(t, file+".new", "another")
	require.NoError(t, os.Rename(file+".new", file))
	got, err = secret()
	require.NoError(t, err)
	require.Equal(t, "another", got)
}

func TestSlacksSecretsAreHidden(t *testing.T) {
	const secret = "xoxb-hush4711"
	file := filepath.Join(t.TempDir(), "secret")
	write(t, file, secret)
	for name := range slackSecrets {
		for _, env := range []vars{{name: secret}, {name + "_FILE": file}, {name + "_FILE": secret}, {name: "x " + secret}} {
			c, err := read(t, env, "linux")
			require.NoError(t, err)
			require.Equal(t, "it says [redacted]!", redact.Text("it says "+secret+"!", c.Secrets()...), "%v", env)
		}
	}
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

func TestShapes(t *testing.T) {
	require.True(t, config.LooksLikeBotToken("xoxb-1"))
	require.False(t, config.LooksLikeBotToken("xoxp-1"))
	require.True(t, config.LooksLikeAppToken("xapp-1-A"))
	require.False(t, config.LooksLikeAppToken("xoxb-1"))
	require.True(t, config.LooksLikeSigningSecret("8f742231b10e8888abcd998887770a51"))
	for _, text := range []string{"", "8f742231b10e8888abcd99888777", "8F742231B10E8888ABCD998887770A51", "xoxb-22231b10e8888abcd998887770a51"} {
		require.False(t, config.LooksLikeSigningSecret(text), text)
	}
}

func TestSlackReaches(t *testing.T) {
	for given, want := range map[string]string{
		"https://Bot.example.com:443/": "https://bot.example.com", " https://example.com/vpsbot ": "https://example.com/vpsbot",
	} {
		got, err := config.SlackReaches(given)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for given, says := range map[string]string{
		"bot.example.com": "is not an address", "http://bot.example.com": "is neither https nor", "http://127.0.0.1:8484": "Slack cannot reach",
		"https://localhost": "Slack cannot reach", "https://a:b@example.com": "has a user", "": "is not an address",
	} {
		_, err := config.SlackReaches(given)
		require.ErrorContains(t, err, says, given)
	}
}
