package main

import (
	"log/slog"

	"github.com/vpsbot/vpsbot/internal/config"
)

// logger writes to stderr, at the level and in the form of the configuration.
func (a *app) logger(cfg config.Config) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogJSON {
		return slog.New(slog.NewJSONHandler(a.io.Err, options))
	}
	return slog.New(slog.NewTextHandler(a.io.Err, options))
}
