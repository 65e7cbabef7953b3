package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/vpsbot/vpsbot/internal/config"
)

// logger writes to stderr, at the level and in the form of the configuration, without the
// token, the access key and Slack's secrets.
func (a *app) logger(cfg config.Config, token func() (string, error)) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.LogLevel}
	var h slog.Handler = slog.NewTextHandler(a.io.Err, options)
	if cfg.LogJSON {
		h = slog.NewJSONHandler(a.io.Err, options)
	}
	for _, secret := range []func() (string, error){
		cfg.Key(), cfg.SlackBotToken(), cfg.SlackSigningSecret(), cfg.SlackAppToken(), token,
	} {
		h = redactor{h, secret}
	}
	return slog.New(h)
}

// redactor takes the token out of messages and attributes on their way to a handler.
type redactor struct {
	slog.Handler
	token func() (string, error)
}

// Handle passes a copy of the record on that is without the token.
func (h redactor) Handle(ctx context.Context, r slog.Record) error {
	token, err := h.token()
	if err != nil || token == "" {
		return h.Handler.Handle(ctx, r)
	}
	clean := slog.NewRecord(r.Time, r.Level, hide(r.Message, token), r.PC)
	r.Attrs(func(attr slog.Attr) bool {
		clean.AddAttrs(hideAttr(attr, token))
		return true
	})
	return h.Handler.Handle(ctx, clean)
}

// WithAttrs returns a redactor whose records all have these attributes.
func (h redactor) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := slices.Clone(attrs)
	if token, err := h.token(); err == nil {
		for i, attr := range clean {
			clean[i] = hideAttr(attr, token)
		}
	}
	return redactor{h.Handler.WithAttrs(clean), h.token}
}

// WithGroup returns a redactor whose attributes go into a group.
func (h redactor) WithGroup(name string) slog.Handler {
	return redactor{h.Handler.WithGroup(name), h.token}
}

func hideAttr(attr slog.Attr, token string) slog.Attr {
	attr.Value = attr.Value.Resolve()
	switch attr.Value.Kind() {
	case slog.KindGroup:
		members := make([]slog.Attr, 0, len(attr.Value.Group()))
		for _, member := range attr.Value.Group() {
			members = append(members, hideAttr(member, token))
		}
		attr.Value = slog.GroupValue(members...)
	case slog.KindString:
		attr.Value = slog.StringValue(hide(attr.Value.String(), token))
	case slog.KindAny:
		// Errors and structs: as text, which is how they end anyway.
		attr.Value = slog.StringValue(hide(fmt.Sprintf("%+v", attr.Value.Any()), token))
	}
	return attr
}

// hide replaces the token in each form that a text may have it in.
func hide(text, token string) string {
	if token == "" {
		return text
	}
	spelled := strconv.Quote(token)
	for _, form := range []string{token, spelled[1 : len(spelled)-1], url.QueryEscape(token), url.PathEscape(token)} {
		text = strings.ReplaceAll(text, form, "[redacted]")
	}
	return text
}
