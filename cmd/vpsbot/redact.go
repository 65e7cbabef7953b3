package main

import (
	"context"
	"errors"

	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/redact"
	"github.com/vpsbot/vpsbot/internal/runner"
)

// secrets are what must not be shown, wherever the environment has it.
func (a *app) secrets() []string {
	cfg, _ := config.Read(context.Background(), a.env, a.goos) //nolint:errcheck // a bad configuration has secrets too
	return cfg.Secrets()
}

// redact takes the secrets out of a text.
func (a *app) redact(s string) string { return redact.Text(s, a.secrets()...) }

// redactError makes an error that can be printed. Its class stays.
func (a *app) redactError(err error) error {
	if err == nil {
		return nil
	}
	class := runner.Failed
	if exit, ok := errors.AsType[*exitError](err); ok {
		class = exit.class
	}
	return &exitError{class, a.redact(err.Error())}
}
