package config_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/config"
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

func TestLooksLikeSigningSecret(t *testing.T) {
	require.True(t, config.LooksLikeSigningSecret("8f742231b10e8888abcd998887770a51"))
	for _, text := range []string{"", "8f742231b10e8888abcd99888777", "8F742231B10E8888ABCD998887770A51", "xoxb-22231b10e8888abcd998887770a51"} {
		require.False(t, config.LooksLikeSigningSecret(text), text)
	}
}
