package config

import (
	"errors"
	"strings"
)

// The beginnings of secrets: of tokens of VPS.org, access keys, Slack's bot tokens and app-level tokens.
const (
	tokenPrefix = "vps_"
	keyPrefix   = "vpsbot_"
	botPrefix   = "xox"
	appPrefix   = "xapp-"
)

// SlackMode is how Slack reaches vpsbot.
type SlackMode string

// The modes. Over HTTP Slack sends to an address that it can reach; in Socket Mode vpsbot opens a connection,
// over which Slack sends.
const (
	SlackHTTP   SlackMode = "HTTP"
	SlackSocket SlackMode = "Socket Mode"
)

// ErrNoSlack is for an environment without any of Slack's secrets.
var ErrNoSlack = errors.New("SLACK_BOT_TOKEN is not set: make an app with the output of vpsbot slack manifest at https://api.slack.com/apps, " +
	"install it, and set SLACK_BOT_TOKEN (or SLACK_BOT_TOKEN_FILE) to its bot token, with SLACK_SIGNING_SECRET or SLACK_APP_TOKEN")

// SlackMode returns how Slack reaches vpsbot, by which of the two secrets is set. It fails with
// [ErrNoSlack] where nothing of Slack is, and otherwise says what to set or to unset.
func (c Config) SlackMode() (SlackMode, error) {
	isBot, isHTTP, isSocket := c.secretSource(botToken).isSet(), c.secretSource(signingSecret).isSet(), c.secretSource(appToken).isSet()
	switch {
	case !isBot && !isHTTP && !isSocket:
		return "", ErrNoSlack
	case !isBot:
		return "", errors.New("SLACK_BOT_TOKEN is not set, and Slack needs it beside the other secret: " +
			"set it to the Bot User OAuth Token of the app, from its page OAuth & Permissions")
	case isHTTP && isSocket:
		return "", errors.New("SLACK_SIGNING_SECRET and SLACK_APP_TOKEN are both set: unset one of them: " +
			"SLACK_APP_TOKEN to be called by Slack over HTTP, SLACK_SIGNING_SECRET for Socket Mode")
	case isHTTP:
		return SlackHTTP, nil
	case isSocket:
		return SlackSocket, nil
	}
	return "", errors.New("SLACK_BOT_TOKEN is set, and neither SLACK_SIGNING_SECRET nor SLACK_APP_TOKEN: " +
		"set SLACK_SIGNING_SECRET to be called by Slack over HTTP, or SLACK_APP_TOKEN for Socket Mode, which needs no public address")
}

// LooksLikeSigningSecret reports whether a text has the form of a signing secret: 32 digits of base 16.
func LooksLikeSigningSecret(text string) bool {
	return len(text) == 32 && strings.Trim(text, "0123456789abcdef") == ""
}
