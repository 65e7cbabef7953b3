// Package app makes a running whole from the environment: configuration, client, store, Runner and
// identity, and the two services that stay, for assistants (MCP) and for Slack.
package app

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"runtime"
	"time"

	"github.com/sethvargo/go-envconfig"

	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/process"
	"github.com/vpsbot/vpsbot/internal/redact"
)

// Environment is all that comes from outside the process.
type Environment struct {
	Variables envconfig.Lookuper
	GOOS      string
	Clock     func() time.Time // of this machine
	Random    io.Reader
	Stderr    io.Writer // for messages and the log; secrets are redacted
	OneUser   bool      // the users of this machine cannot be told apart
}

// NewEnvironment returns the environment of this process. What is written to its Stderr is redacted on the
// way to stderr.
func NewEnvironment(variables envconfig.Lookuper, stderr io.Writer) *Environment {
	e := &Environment{
		Variables: variables, GOOS: runtime.GOOS, Clock: time.Now, Random: rand.Reader, OneUser: process.InUserNamespace(),
	}
	e.Stderr = redact.Writer(stderr, e.secrets)
	return e
}

// Config reads the configuration.
func (e *Environment) Config(ctx context.Context) (config.Config, error) {
	cfg, err := config.Read(ctx, e.Variables, e.GOOS)
	return cfg, Invalid(err)
}

func (e *Environment) secrets() []string {
	cfg, _ := e.Config(context.Background()) // an invalid configuration has secrets too
	return cfg.Secrets()
}

// Redact replaces the secrets in a text.
func (e *Environment) Redact(s string) string { return redact.Text(s, e.secrets()...) }

func (e *Environment) logger(cfg config.Config) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogJSON {
		return slog.New(slog.NewJSONHandler(e.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(e.Stderr, options))
}
