package slackbot_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/slackbot"
)

// cmd/vpsbot compares whole manifests with those in deploy.

func decodedManifest(t *testing.T, f slackbot.Features) (m slack.Manifest) {
	t.Helper()
	require.NoError(t, json.Unmarshal(slackbot.Manifest(f), &m))
	return m
}

// Each feature adds its scope and no other.
func TestManifestLeastScopes(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]slackbot.Features{
		"commands chat:write":                             {URL: "https://vpsbot.example.com"},
		"commands chat:write ":                            {Home: true},
		"commands chat:write  ":                           {Socket: true},
		"commands chat:write files:write":                 {Files: true},
		"commands chat:write usergroups:read":             {Socket: true, Groups: true},
		"commands chat:write files:write usergroups:read": {Home: true, Files: true, Groups: true},
	} {
		require.Equal(t, strings.Fields(want), decodedManifest(t, f).OAuthConfig.Scopes.Bot)
		require.Equal(t, strings.Fields(want), f.Scopes())
	}
}

// Slack's limits, in characters.
func TestManifestLimits(t *testing.T) {
	t.Parallel()
	m := decodedManifest(t, slackbot.Features{})
	require.Len(t, m.Features.SlashCommands, 1)
	c := m.Features.SlashCommands[0]
	for _, limited := range []struct {
		text string
		most int
	}{
		{m.Display.Name, 35}, {m.Display.Description, 140}, {m.Features.BotUser.DisplayName, 80},
		{c.Command, 32}, {c.Description, 2000}, {c.UsageHint, 1000},
	} {
		require.NotEmpty(t, limited.text)
		require.LessOrEqual(t, utf8.RuneCountInString(limited.text), limited.most, limited.text)
	}
}
