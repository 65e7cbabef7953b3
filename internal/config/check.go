package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/vpsbot/vpsbot/internal/redact"
	"github.com/vpsbot/vpsbot/permissions"
)

// check is the one place where texts become settings. It reports the first mistake.
func (c *Config) check() error {
	v := c.vars
	if err := v.checkFilled(); err != nil {
		return err
	}
	if err := v.checkOnce(); err != nil {
		return err
	}
	for _, read := range []struct {
		name, text string
		take       func(string) error
	}{
		{"VPS_API_URL", v.URL, c.takeURL},
		{"VPSBOT_READ_ONLY", v.ReadOnly, takeSwitch(&c.Policy.ReadOnly)},
		{"VPSBOT_OPERATIONS", v.Operations, c.takeOperations},
		{"VPSBOT_AUDIT_READS", v.AuditReads, takeSwitch(&c.AuditReads)},
		{"VPSBOT_LOG_LEVEL", v.LogLevel, c.takeLevel},
		{"VPSBOT_LOG_FORMAT", v.LogFormat, c.takeFormat},
		{"VPSBOT_DATABASE_URL", v.DatabaseURL.Reveal(), takeDatabase},
		{"SLACK_API_URL", v.SlackURL, c.takeSlackURL},
		{"VPSBOT_LISTEN", v.Listen, c.takeListen},
		{"VPSBOT_PUBLIC_URL", v.PublicURL, c.takePublicURL},
	} {
		if err := read.take(strings.TrimSpace(read.text)); err != nil {
			return fmt.Errorf("%s %w", read.name, err)
		}
	}
	return nil
}

// checkOnce refuses a secret that is given twice: whoever changes one of them expects it to count.
func (v variables) checkOnce() error {
	for _, s := range []struct{ name, given, file string }{
		{"VPS_API_TOKEN", v.Token.Reveal(), v.TokenFile},
		{"VPSBOT_KEY", v.Key.Reveal(), v.KeyFile},
		{"SLACK_BOT_TOKEN", v.BotToken.Reveal(), v.BotTokenFile},
		{"SLACK_SIGNING_SECRET", v.SigningSecret.Reveal(), v.SigningSecretFile},
		{"SLACK_APP_TOKEN", v.AppToken.Reveal(), v.AppTokenFile},
	} {
		if strings.TrimSpace(s.given) != "" && strings.TrimSpace(s.file) != "" {
			return fmt.Errorf("%s and %[1]s%s are both set: unset one of them", s.name, fileSuffix)
		}
	}
	return nil
}

// takeDatabase does not repeat the text in an error: it may hold a password.
func takeDatabase(text string) error {
	if path, isFile := strings.CutPrefix(text, "sqlite:"); isFile && (path == "~" || strings.HasPrefix(path, "~/")) {
		return errors.New("has a path that begins with ~, which only a shell replaces: write the whole path")
	}
	for _, scheme := range []string{"sqlite:", "postgres://", "postgresql://"} {
		if strings.HasPrefix(text, scheme) {
			return nil
		}
	}
	if text == "" {
		return nil
	}
	return errors.New("names no database that is known: write sqlite:PATH")
}

// takeURL does not repeat the text in an error: a token may have been pasted there.
func (c *Config) takeURL(text string) error {
	if text == "" {
		text = defaultURL
	}
	c.URL = text
	if text == Simulator {
		return nil
	}
	u, err := c.bareURL(text, kindOfURL{
		example: defaultURL, orElse: ", or simulator", here: "http://127.0.0.1:PORT/api/v1",
	})
	if err != nil {
		return err
	}
	c.URL = normal(u)
	return nil
}

// kindOfURL is what a refusal of an address says to write instead.
type kindOfURL struct {
	example string // as it should be
	orElse  string // what else may stand there than an address
	here    string // on this machine, where it need not be encrypted
}

// bareURL reads an address that is encrypted or of this machine, and holds nothing but the
// address.
func (c *Config) bareURL(text string, k kindOfURL) (*url.URL, error) {
	u, err := url.Parse(text)
	if err == nil && c.holdsToken(text) {
		return nil, errors.New("has a token in it: write the bare address, such as " + k.example)
	}
	switch {
	case err != nil || u.Host == "":
		return nil, errors.New("is not an address: write " + k.example + k.orElse)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("has a user, a query or a fragment in it: write the bare address, such as " + k.example)
	case u.Scheme != "https" && (u.Scheme != "http" || !IsLoopback(u.Hostname())):
		return nil, errors.New("is neither https nor http on this machine: write " + k.example + ", or " + k.here)
	}
	return u, nil
}

// holdsToken reports whether an address has the token in it, or what looks like one: it
// would stand in every record.
func (c *Config) holdsToken(address string) bool {
	token := strings.TrimSpace(c.vars.Token.Reveal())
	return strings.Contains(address, "/"+tokenPrefix) || redact.Text(address, token) != address
}

// normal spells an address in one way, so that records of one API are known as such.
func normal(u *url.URL) string {
	u.Host = strings.ToLower(u.Host)
	if port := map[string]string{"https": ":443", "http": ":80"}[u.Scheme]; u.Port() != "" {
		u.Host = strings.TrimSuffix(u.Host, port)
	}
	return strings.TrimRight(u.String(), "/")
}

// IsLoopback reports whether a host is this machine and no other can mean it.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

func takeSwitch(to *bool) func(string) error {
	return func(text string) error {
		if text == "" {
			return nil
		}
		on, err := strconv.ParseBool(text)
		if err != nil {
			return errors.New("is neither true nor false: write one of them")
		}
		*to = on
		return nil
	}
}

// takeOperations refuses a list with nothing in it: to the policy that means everything.
func (c *Config) takeOperations(text string) error {
	if text == "" {
		return nil
	}
	for glob := range strings.SplitSeq(text, ",") {
		if glob = strings.TrimSpace(glob); glob != "" {
			c.Policy.Operations = append(c.Policy.Operations, glob)
		}
	}
	if len(c.Policy.Operations) == 0 {
		return errors.New("names no operation: write globs with commas between, such as servers.*,backups.list")
	}
	if err := (permissions.Policy{Operations: c.Policy.Operations}).Check(); err != nil {
		return errors.New("has a part that is no glob: write such as servers.*,backups.list")
	}
	return nil
}

var levels = map[string]slog.Level{
	"": slog.LevelInfo, "debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
}

func (c *Config) takeLevel(text string) error {
	level, ok := levels[strings.ToLower(text)]
	if !ok {
		return errors.New("is not a level: write debug, info, warn or error")
	}
	c.LogLevel = level
	return nil
}

func (c *Config) takeFormat(text string) error {
	switch text {
	case "", "text":
		return nil
	case "json":
		c.LogJSON = true
		return nil
	}
	return errors.New("is not a format: write text or json")
}
