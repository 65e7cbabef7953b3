package config

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

const (
	defaultSlackURL = "https://slack.com/api/"
	defaultListen   = "127.0.0.1:8484"

	botPrefix = "xox"
	appPrefix = "xapp-"
)

// SlackMode says how Slack reaches vpsbot.
type SlackMode string

// The modes. Over HTTP Slack calls us at an address that it can reach; in Socket Mode we call
// Slack, and it uses that connection.
const (
	SlackHTTP   SlackMode = "HTTP"
	SlackSocket SlackMode = "Socket Mode"
)

// ErrNoSlack says that nothing of Slack is set.
var ErrNoSlack = errors.New("SLACK_BOT_TOKEN is not set: make an app with the output of vpsbot slack manifest at https://api.slack.com/apps, " +
	"install it, and set SLACK_BOT_TOKEN (or SLACK_BOT_TOKEN_FILE) to its bot token, with SLACK_SIGNING_SECRET or SLACK_APP_TOKEN")

const (
	whichMode = "set SLACK_SIGNING_SECRET to be called by Slack over HTTP, or SLACK_APP_TOKEN for Socket Mode, which needs no public address"
	bothModes = "unset one of them: SLACK_APP_TOKEN to be called by Slack over HTTP, SLACK_SIGNING_SECRET for Socket Mode"
)

// SlackMode returns how Slack reaches vpsbot, by which of the two secrets is set. It fails with
// [ErrNoSlack] where nothing of Slack is, and otherwise says what to set or to unset.
func (c Config) SlackMode() (SlackMode, error) {
	http, socket := c.signingSecret().isSet(), c.appToken().isSet()
	switch {
	case !c.botToken().isSet() && !http && !socket:
		return "", ErrNoSlack
	case !c.botToken().isSet():
		return "", errors.New("SLACK_BOT_TOKEN is not set, and Slack needs it beside the other secret: " +
			"set it to the Bot User OAuth Token of the app, from its page OAuth & Permissions")
	case http && socket:
		return "", errors.New("SLACK_SIGNING_SECRET and SLACK_APP_TOKEN are both set: " + bothModes)
	case http:
		return SlackHTTP, nil
	case socket:
		return SlackSocket, nil
	}
	return "", errors.New("SLACK_BOT_TOKEN is set, and neither SLACK_SIGNING_SECRET nor SLACK_APP_TOKEN: " + whichMode)
}

// SlackBotToken returns a function that returns the bot's token. Like the other two it looks in
// its variable or the file of its _FILE variable, then in systemd's credentials; a file is read again
// when it has changed; where nothing is set it returns an error.
func (c Config) SlackBotToken() func() (string, error) { return c.botToken().source() }

// SlackSigningSecret is [Config.SlackBotToken] for the secret that Slack signs its requests with.
func (c Config) SlackSigningSecret() func() (string, error) { return c.signingSecret().source() }

// SlackAppToken is [Config.SlackBotToken] for the app-level token of Socket Mode.
func (c Config) SlackAppToken() func() (string, error) { return c.appToken().source() }

// slackSecret is where one of Slack's secrets may come from.
type slackSecret struct {
	config Config
	name   string // of its variable
	what   string // a word for it
	given  Secret
	file   string
}

func (c Config) botToken() slackSecret {
	return slackSecret{c, "SLACK_BOT_TOKEN", "token", c.vars.BotToken, strings.TrimSpace(c.vars.BotTokenFile)}
}

func (c Config) signingSecret() slackSecret {
	return slackSecret{c, "SLACK_SIGNING_SECRET", "secret", c.vars.SigningSecret, strings.TrimSpace(c.vars.SigningSecretFile)}
}

func (c Config) appToken() slackSecret {
	return slackSecret{c, "SLACK_APP_TOKEN", "token", c.vars.AppToken, strings.TrimSpace(c.vars.AppTokenFile)}
}

// isSet reports whether it is meant to be there, readable or not.
func (s slackSecret) isSet() bool {
	_, ok := s.config.credential(s.name)
	return ok || s.file != "" || strings.TrimSpace(s.given.Reveal()) != ""
}

func (s slackSecret) source() func() (string, error) {
	if s.file != "" {
		return (&tokenFile{path: s.file, of: s.name + "_FILE", what: s.what, mute: s.config.pasted(s.file)}).token
	}
	if path, ok := s.config.credential(s.name); ok && strings.TrimSpace(s.given.Reveal()) == "" {
		return (&tokenFile{path: path, of: "the credential " + s.name, what: s.what}).token
	}
	text, err := s.variable()
	return func() (string, error) { return text, err }
}

func (s slackSecret) read() (string, error) { return s.source()() }

// variable is what the variable itself holds.
func (s slackSecret) variable() (string, error) {
	text := strings.TrimSpace(s.given.Reveal())
	switch {
	case text == "":
		return "", errors.New(s.name + " is not set")
	case unfilledSecret(text) != "":
		return "", errors.New(s.name + " " + unfilledSecret(text))
	case strings.ContainsAny(text, " \t\r\n"):
		return "", fmt.Errorf("%s holds more than a %s: set it to the %[2]s alone", s.name, s.what)
	}
	return text, nil
}

// SlackURL is joined with the names of methods, and so ends with a slash.
func (c *Config) takeSlackURL(text string) error {
	if text == "" {
		text = defaultSlackURL
	}
	u, err := c.bareURL(text, kindOfURL{example: defaultSlackURL, orElse: ", or leave it out", here: "http://127.0.0.1:PORT/api/"})
	if err != nil {
		return err
	}
	c.SlackURL = normal(u) + "/"
	return nil
}

// takeListen wants a port that is a number: the names of ports differ from machine to machine.
func (c *Config) takeListen(text string) error {
	if text == "" {
		text = defaultListen
	}
	_, port, err := net.SplitHostPort(text)
	if err != nil {
		return errors.New("is not HOST:PORT: write such as " + defaultListen + ", or :8484 for all addresses of this machine")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return errors.New("has a port that is no number from 0 to 65535: write such as " + defaultListen)
	}
	c.Listen = text
	return nil
}

var publicExample = kindOfURL{example: "https://vpsbot.example.com", orElse: ", or leave it out", here: "http://127.0.0.1:8484 for a try"}

func (c *Config) takePublicURL(text string) error {
	if text == "" {
		return nil
	}
	u, err := c.bareURL(text, publicExample)
	if err != nil {
		return err
	}
	c.PublicURL = normal(u)
	return nil
}

// LooksLikeBotToken reports whether a text has the shape of what Slack gives a bot.
func LooksLikeBotToken(text string) bool { return strings.HasPrefix(text, "xoxb-") }

// LooksLikeAppToken reports whether a text has the shape of an app-level token.
func LooksLikeAppToken(text string) bool { return strings.HasPrefix(text, appPrefix) }

// LooksLikeSigningSecret reports whether a text has the shape of a signing secret: 32 digits of
// base 16.
func LooksLikeSigningSecret(text string) bool {
	return len(text) == 32 && strings.Trim(text, "0123456789abcdef") == ""
}

// SlackReaches reads an address that Slack is to send to. Slack takes encrypted ones alone, and
// reaches none of a private machine.
func SlackReaches(text string) (string, error) {
	u, err := (&Config{}).bareURL(strings.TrimSpace(text), publicExample)
	switch {
	case err != nil:
		return "", err
	case u.Scheme != "https" || IsLoopback(u.Hostname()):
		return "", errors.New("is an address that Slack cannot reach, or not https: write such as " + publicExample.example +
			", or use Socket Mode, which needs none")
	}
	return normal(u), nil
}
