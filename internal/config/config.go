// Package config reads the environment into one struct and checks it in one place.
//
// Every error names the variable, what is wrong with it and what to write instead, and
// never repeats a value that may be a secret.
package config

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"github.com/sethvargo/go-envconfig"

	"github.com/vpsbot/vpsbot/permissions"
)

// Simulator is the VPS_API_URL of the built-in simulator.
const Simulator = "simulator"

const (
	defaultURL = "https://admin.vps.org/api/v1"
	demoToken  = "vps_demo" // of the simulator alone
)

// Config is what the environment says, checked. It is a value: nothing in it changes after
// [Read], but a token file is read again when it changes.
type Config struct {
	URL        string // the API's base URL, or [Simulator]
	Policy     permissions.Policy
	AuditReads bool
	LogLevel   slog.Level
	LogJSON    bool
	SlackURL   string // base of Slack's Web API, with a slash at its end
	Listen     string // HOST:PORT that serve listens on
	PublicURL  string // where users reach serve, without a slash at its end; empty: not said

	vars    variables
	goos    string
	unknown []Unknown
	empty   []string
}

// Read reads and checks the environment for the operating system goos. A token is not
// needed to succeed: what needs one asks [Config.Token].
func Read(ctx context.Context, env envconfig.Lookuper, goos string) (Config, error) {
	c := Config{goos: goos}
	if err := envconfig.ProcessWith(ctx, &envconfig.Config{Target: &c.vars, Lookuper: env}); err != nil {
		// Its text may hold a value.
		return Config{}, errors.New("the environment cannot be read")
	}
	if err := c.takeNames(env); err != nil {
		return c, err
	}
	c.takeEmpty(env)
	if text, given := env.Lookup("VPSBOT_OPERATIONS"); given && strings.TrimSpace(text) == "" {
		return c, errors.New("VPSBOT_OPERATIONS is empty, which may mean all operations or none: write globs such as servers.*,backups.list, or unset it for all")
	}
	return c, c.check()
}

// IsSimulator reports whether the built-in simulator takes VPS.org's place.
func (c Config) IsSimulator() bool { return c.URL == Simulator }
