// Package config reads the environment into one struct and checks it in one place.
//
// Every error names the variable, what is wrong with it and what to write instead, and
// never repeats a value that may be a secret.
package config

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strconv"
	"strings"

	"github.com/sethvargo/go-envconfig"

	"github.com/vpsbot/vpsbot/permissions"
)

// Simulator is the VPS_API_URL of the built-in simulator.
const Simulator = "simulator"

const demoToken = "vps_demo" // of the simulator alone

// Config is the checked environment. It is a value: nothing in it changes after [Read].
type Config struct {
	URL            string // the API's base URL, or [Simulator]
	Policy         permissions.Policy
	AuditReads     bool
	LogLevel       slog.Level
	LogJSON        bool
	SlackURL       string         // base of Slack's Web API, with a slash at its end
	Listen         string         // HOST:PORT that serve listens on
	PublicURL      string         // where users reach serve, without a slash at its end; empty: not set
	Origins        []string       // of web pages that may call /mcp
	TrustedProxies []netip.Prefix // whose X-Forwarded-For and X-Forwarded-Proto count

	MetricsListen string // HOST:PORT of GET /metrics; empty: none

	// Unknown are the variables that vpsbot does not know, sorted: all that begin with VPSBOT_, and those that
	// begin with SLACK_ and come close to one of its own. [Read] refuses the other close ones.
	Unknown []Unknown
	// Empty are the variables that protect the account and are set to nothing: they count as not set, as where
	// a program filled in a variable that it does not have itself.
	Empty []string

	vars    variables
	env     envconfig.Lookuper // without the profile
	options Options
	folder  string // of the configuration; empty: there is none
	goos    string
	keyring bool  // whether it may be used
	mcp     *bool // what VPSBOT_MCP says; nil: nothing
}

// variables is the environment as it is written.
type variables struct {
	Token                Secret `env:"VPS_API_TOKEN"`
	TokenFile            string `env:"VPS_API_TOKEN_FILE"`
	CredentialsDirectory string `env:"CREDENTIALS_DIRECTORY"`
	URL                  string `env:"VPS_API_URL"`
	ReadOnly             string `env:"VPSBOT_READ_ONLY"`
	Operations           string `env:"VPSBOT_OPERATIONS"`
	DatabaseURL          Secret `env:"VPSBOT_DATABASE_URL"`
	DatabaseURLFile      string `env:"VPSBOT_DATABASE_URL_FILE"`
	AuditReads           string `env:"VPSBOT_AUDIT_READS"`
	AuditKeyFile         string `env:"VPSBOT_AUDIT_KEY_FILE"`
	AuditState           string `env:"VPSBOT_AUDIT_STATE"`
	LogLevel             string `env:"VPSBOT_LOG_LEVEL"`
	LogFormat            string `env:"VPSBOT_LOG_FORMAT"`
	PolicyFile           string `env:"VPSBOT_POLICY_FILE"`
	Key                  Secret `env:"VPSBOT_KEY"`
	KeyFile              string `env:"VPSBOT_KEY_FILE"`
	BotToken             Secret `env:"SLACK_BOT_TOKEN"`
	BotTokenFile         string `env:"SLACK_BOT_TOKEN_FILE"`
	SigningSecret        Secret `env:"SLACK_SIGNING_SECRET"`
	SigningSecretFile    string `env:"SLACK_SIGNING_SECRET_FILE"`
	AppToken             Secret `env:"SLACK_APP_TOKEN"`
	AppTokenFile         string `env:"SLACK_APP_TOKEN_FILE"`
	SlackURL             string `env:"SLACK_API_URL"`
	Listen               string `env:"VPSBOT_LISTEN"`
	PublicURL            string `env:"VPSBOT_PUBLIC_URL"`
	MetricsListen        string `env:"VPSBOT_METRICS_LISTEN"`
	MCP                  string `env:"VPSBOT_MCP"`
	Origins              string `env:"VPSBOT_ORIGINS"`
	TrustedProxies       string `env:"VPSBOT_TRUSTED_PROXIES"`

	Profile              string `env:"VPSBOT_PROFILE"`
	Keyring              string `env:"VPSBOT_KEYRING"`
	TracesDisabled       string `env:"OTEL_SDK_DISABLED"`
	TracesExporter       string `env:"OTEL_TRACES_EXPORTER"`
	TracesService        string `env:"OTEL_SERVICE_NAME"`
	CollectorEndpoint    string `env:"OTEL_EXPORTER_OTLP_ENDPOINT"`
	TracesEndpoint       string `env:"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"`
	CollectorHeaders     Secret `env:"OTEL_EXPORTER_OTLP_HEADERS"`
	TracesHeaders        Secret `env:"OTEL_EXPORTER_OTLP_TRACES_HEADERS"`
	CollectorTimeout     string `env:"OTEL_EXPORTER_OTLP_TIMEOUT"`
	TracesTimeout        string `env:"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT"`
	CollectorProtocol    string `env:"OTEL_EXPORTER_OTLP_PROTOCOL"`
	TracesProtocol       string `env:"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"`
	CollectorCompression string `env:"OTEL_EXPORTER_OTLP_COMPRESSION"`
	TracesCompression    string `env:"OTEL_EXPORTER_OTLP_TRACES_COMPRESSION"`

	StateHome    string `env:"XDG_STATE_HOME"`
	ConfigHome   string `env:"XDG_CONFIG_HOME"`
	Home         string `env:"HOME"`
	LocalAppData string `env:"LOCALAPPDATA"`
}

// Read is [ReadWith] for the environment alone.
func Read(ctx context.Context, env envconfig.Lookuper, goos string) (Config, error) {
	return ReadWith(ctx, env, goos, Options{})
}

// ReadWith reads and checks the environment and a profile for the operating system goos. It succeeds without a token,
// which [Config.Token] then reports.
func ReadWith(ctx context.Context, env envconfig.Lookuper, goos string, o Options) (Config, error) {
	c := Config{goos: goos, env: env, options: o, folder: Folder(env, goos), keyring: true}
	if o.Profile.Name != "" {
		env = layers{env, envconfig.MapLookuper(o.Profile.Variables)}
	}
	if err := envconfig.ProcessWith(ctx, &envconfig.Config{Target: &c.vars, Lookuper: env}); err != nil {
		// Its text may hold a value.
		return Config{}, errors.New("the environment cannot be read")
	}
	if err := c.checkNames(env); err != nil {
		return c, err
	}
	for _, name := range protective {
		if text, given := env.Lookup(name); given && strings.TrimSpace(text) == "" {
			c.Empty = append(c.Empty, name)
		}
	}
	err := c.check()
	if text, isGiven := env.Lookup("VPSBOT_OPERATIONS"); isGiven && strings.TrimSpace(text) == "" {
		err = errors.New("VPSBOT_OPERATIONS is empty, which may mean all operations or none: write globs such as servers.*,backups.list, or unset it for all")
	}
	name, _, _ := strings.Cut(fmt.Sprint(err), " ") // each error begins with its variable
	given, _ := c.env.Lookup(name)
	if _, isOwn := o.Profile.Variables[name]; isOwn && strings.TrimSpace(given) == "" {
		err = fmt.Errorf("%s: %w", o.Profile.Path, err)
	}
	return c, err
}

// IsSimulator reports whether the built-in simulator takes VPS.org's place.
func (c Config) IsSimulator() bool { return c.URL == Simulator }

// PolicyFile returns the path of the policy; empty: there is none.
func (c Config) PolicyFile() string { return strings.TrimSpace(c.vars.PolicyFile) }

// check turns texts into settings. It reports the first mistake.
func (c *Config) check() error {
	v := c.vars
	if err := v.checkFilled(); err != nil {
		return err
	}
	for _, s := range c.secretSources() {
		if s.value != "" && s.file != "" { // whoever changes one of them expects it to count
			return fmt.Errorf("%s and %[1]s%s are both set: unset one of them", s.name, fileSuffix)
		}
	}
	for _, setting := range []struct {
		name, text string
		set        func(string) error
	}{
		{"VPS_API_URL", v.URL, c.setURL},
		{"VPSBOT_READ_ONLY", v.ReadOnly, setBool(&c.Policy.ReadOnly)},
		{"VPSBOT_OPERATIONS", v.Operations, c.setOperations},
		{"VPSBOT_AUDIT_READS", v.AuditReads, setBool(&c.AuditReads)},
		{"VPSBOT_KEYRING", v.Keyring, setBool(&c.keyring)},
		{"VPSBOT_LOG_LEVEL", v.LogLevel, c.setLogLevel},
		{"VPSBOT_LOG_FORMAT", v.LogFormat, c.setLogFormat},
		{"VPSBOT_DATABASE_URL", v.DatabaseURL.Reveal(), checkDatabase},
		{"SLACK_API_URL", v.SlackURL, c.setSlackURL},
		{"VPSBOT_LISTEN", v.Listen, setListen(&c.Listen, defaultListen, defaultListen)},
		{"VPSBOT_METRICS_LISTEN", v.MetricsListen, setListen(&c.MetricsListen, "", exampleMetricsListen)},
		{"VPSBOT_PUBLIC_URL", v.PublicURL, c.setPublicURL},
		{"VPSBOT_MCP", v.MCP, c.setMCP},
		{"VPSBOT_ORIGINS", v.Origins, c.setOrigins},
		{"VPSBOT_TRUSTED_PROXIES", v.TrustedProxies, c.setProxies},
	} {
		if err := setting.set(strings.TrimSpace(setting.text)); err != nil {
			return fmt.Errorf("%s %w", setting.name, err)
		}
	}
	return nil
}

func setBool(to *bool) func(string) error {
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

// setOperations refuses a list without an operation: to the policy that means all operations.
func (c *Config) setOperations(text string) error {
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
	if c.Policy.Check() != nil {
		return errors.New("has a part that is no glob: write such as servers.*,backups.list")
	}
	return nil
}

func (c *Config) setLogLevel(text string) error {
	levels := map[string]slog.Level{"": slog.LevelInfo, "debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	level, ok := levels[strings.ToLower(text)]
	if !ok {
		return errors.New("is not a level: write debug, info, warn or error")
	}
	c.LogLevel = level
	return nil
}

func (c *Config) setLogFormat(text string) error {
	if text != "" && text != "text" && text != "json" {
		return errors.New("is not a format: write text or json")
	}
	c.LogJSON = text == "json"
	return nil
}
