package slackbot_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/slackbot"
)

const here = "https://vpsbot.example.com"

// decodedManifest is the manifest, decoded from its JSON.
func decodedManifest(t *testing.T, f slackbot.Features) map[string]any {
	t.Helper()
	raw, err := slackbot.Manifest(f)
	require.NoError(t, err)
	var m map[string]any
	require.NoError(t, json.Unmarshal(raw, &m))
	return m
}

// valueAt returns the value at a path such as "settings/interactivity", or nil.
func valueAt(m any, path string) any {
	for _, name := range strings.Split(path, "/") {
		object, ok := m.(map[string]any)
		if !ok {
			return nil
		}
		m = object[name]
	}
	return m
}

func onlyCommand(t *testing.T, m map[string]any) map[string]any {
	t.Helper()
	commands := valueAt(m, "features/slash_commands").([]any)
	require.Len(t, commands, 1)
	return commands[0].(map[string]any)
}

// Each feature adds its scope and no other.
func TestManifestLeastScopes(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]slackbot.Features{
		"commands chat:write":                             {URL: here},
		"commands chat:write ":                            {URL: here, Home: true},
		"commands chat:write  ":                           {Socket: true},
		"commands chat:write files:write":                 {URL: here, Files: true},
		"commands chat:write usergroups:read":             {Socket: true, Groups: true},
		"commands chat:write files:write usergroups:read": {URL: here, Home: true, Files: true, Groups: true},
	} {
		var scopes []string
		for _, s := range valueAt(decodedManifest(t, f), "oauth_config/scopes/bot").([]any) {
			scopes = append(scopes, s.(string))
		}
		require.Equal(t, strings.Fields(want), scopes)
		require.Equal(t, scopes, f.Scopes())
	}
}

func TestManifestForHTTP(t *testing.T) {
	t.Parallel()
	for _, url := range []string{here, here + "/"} {
		m := decodedManifest(t, slackbot.Features{URL: url, Home: true})
		require.Equal(t, here+"/slack/commands", onlyCommand(t, m)["url"])
		require.Equal(t, map[string]any{
			"is_enabled": true, "request_url": here + "/slack/interactivity", "message_menu_options_url": here + "/slack/interactivity",
		}, valueAt(m, "settings/interactivity"))
		require.Equal(t, map[string]any{"request_url": here + "/slack/events", "bot_events": []any{"app_home_opened"}},
			valueAt(m, "settings/event_subscriptions"))
		require.Equal(t, false, valueAt(m, "settings/socket_mode_enabled"))
	}
	for _, url := range []string{"", "http://127.0.0.1:8484", "vpsbot.example.com"} {
		_, err := slackbot.Manifest(slackbot.Features{URL: url})
		require.ErrorContains(t, err, "https address")
	}
}

func TestManifestForSocketMode(t *testing.T) {
	t.Parallel()
	raw, err := slackbot.Manifest(slackbot.Features{Socket: true, Home: true, Files: true, Groups: true, URL: here})
	require.NoError(t, err)
	require.NotContains(t, string(raw), "http", "nothing is sent to an address")
	m := decodedManifest(t, slackbot.Features{Socket: true, Home: true})
	require.Equal(t, true, valueAt(m, "settings/socket_mode_enabled"))
	require.Equal(t, map[string]any{"is_enabled": true}, valueAt(m, "settings/interactivity"))
	require.Equal(t, map[string]any{"bot_events": []any{"app_home_opened"}}, valueAt(m, "settings/event_subscriptions"))
	require.NotContains(t, onlyCommand(t, m), "url")
}

// Without the Home tab there is no event subscription, and disabled features are named as such.
func TestManifestDisabledFeatures(t *testing.T) {
	t.Parallel()
	m := decodedManifest(t, slackbot.Features{Socket: true})
	require.Nil(t, valueAt(m, "settings/event_subscriptions"))
	require.Equal(t, map[string]any{
		"home_tab_enabled": false, "messages_tab_enabled": true, "messages_tab_read_only_enabled": false,
	}, valueAt(m, "features/app_home"))
	for _, off := range []string{"org_deploy_enabled", "token_rotation_enabled"} {
		require.Equal(t, false, valueAt(m, "settings/"+off))
	}
}

// Slack's limits, in characters.
func TestManifestLimits(t *testing.T) {
	t.Parallel()
	m := decodedManifest(t, slackbot.Features{URL: here, Home: true, Files: true, Groups: true})
	c := onlyCommand(t, m)
	for name, test := range map[string]struct {
		text any
		most int
	}{
		"name":         {valueAt(m, "display_information/name"), 35},
		"description":  {valueAt(m, "display_information/description"), 140},
		"bot":          {valueAt(m, "features/bot_user/display_name"), 80},
		"command":      {c["command"], 32},
		"what it does": {c["description"], 2000},
		"hint":         {c["usage_hint"], 1000},
		"events":       {strings.Repeat("x", len(valueAt(m, "settings/event_subscriptions/bot_events").([]any))), 100},
		"scopes":       {strings.Repeat("x", len(valueAt(m, "oauth_config/scopes/bot").([]any))), 255},
	} {
		text := test.text.(string)
		require.NotEmpty(t, text, name)
		require.LessOrEqual(t, utf8.RuneCountInString(text), test.most, name)
	}
	require.Regexp(t, `^/[a-z]+$`, c["command"])
	require.Equal(t, false, c["should_escape"], "the text of a command is read as it was typed")
	require.Regexp(t, `^#[0-9a-f]{6}$`, valueAt(m, "display_information/background_color"))
}
