package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/sethvargo/go-envconfig"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/config"
)

type talkative struct{ Token string }

func (t talkative) LogValue() slog.Value { return slog.GroupValue(slog.String("inner", t.Token)) }

func TestRedactor(t *testing.T) {
	t.Parallel()
	const token = `vps_"hush"+4711/x`
	for name, log := range map[string]func(*slog.Logger){
		"message":       func(l *slog.Logger) { l.Info("sent " + token) },
		"text":          func(l *slog.Logger) { l.Info("x", "a", "Bearer "+token) },
		"quoted":        func(l *slog.Logger) { l.Info(fmt.Sprintf("%q", token)) },
		"in a query":    func(l *slog.Logger) { l.Info("x", "url", "https://a/?t="+url.QueryEscape(token)) },
		"in a path":     func(l *slog.Logger) { l.Info("x", "url", "https://a/"+url.PathEscape(token)) },
		"error":         func(l *slog.Logger) { l.Info("x", "error", errors.New("no "+token)) },
		"struct":        func(l *slog.Logger) { l.Info("x", "a", struct{ T string }{token}) },
		"slice":         func(l *slog.Logger) { l.Info("x", "a", []string{token}) },
		"group":         func(l *slog.Logger) { l.Info("x", slog.Group("g", "a", token, slog.Group("h", "b", token))) },
		"log valuer":    func(l *slog.Logger) { l.Info("x", "a", talkative{token}) },
		"with":          func(l *slog.Logger) { l.With("a", token, slog.Group("g", "b", token)).Info("x") },
		"with group":    func(l *slog.Logger) { l.WithGroup("g").With("a", token).Info("x", "b", token) },
		"several times": func(l *slog.Logger) { l.Info(token+token, "a", token) },
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
				log(slog.New(redactor{h, func() (string, error) { return token, nil }}))
			}
			require.NotContains(t, out.String(), "hush")
			require.Contains(t, out.String(), "[redacted]")
		})
	}
}

func TestRedactorWithoutToken(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	none := func() (string, error) { return "", errors.New("none") }
	slog.New(redactor{slog.NewTextHandler(&out, nil), none}).With("a", 1).Info("hello", "b", 2)
	require.Contains(t, out.String(), "msg=hello a=1 b=2")
}

func TestWithAttrsLeavesTheCallersAlone(t *testing.T) {
	t.Parallel()
	attrs := []slog.Attr{slog.String("a", "vps_x")}
	redactor{slog.DiscardHandler, func() (string, error) { return "vps_x", nil }}.WithAttrs(attrs)
	require.Equal(t, "vps_x", attrs[0].Value.String())
}

// The log of the standard library, into which net/http writes, hides too.
func TestTheStandardLogHides(t *testing.T) {
	b := newBench(t)
	b.env["VPS_API_TOKEN"], b.env["VPSBOT_KEY"] = "vps_hush4711", "vpsbot_hush4711"
	var out bytes.Buffer
	defer log.SetOutput(log.Writer())
	_ = run(t.Context(), []string{"version"}, envconfig.MapLookuper(b.env), stdio{Out: io.Discard, Err: &out})
	log.Print("a header of vps_hush4711, vpsbot_hush4711")
	slog.Warn("and vps_hush4711")
	require.NotContains(t, out.String(), "hush4711")
	require.Equal(t, 3, strings.Count(out.String(), "[redacted]"))
}

// The logger that everything gets is the one that hides.
func TestLoggerHides(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		a := &app{io: stdio{Err: &out}}
		cfg, err := config.Read(t.Context(), envconfig.MapLookuper(map[string]string{
			"VPS_API_TOKEN": "vps_hush", "VPSBOT_LOG_FORMAT": format, "VPSBOT_LOG_LEVEL": "warn",
		}), "linux")
		require.NoError(t, err)
		log := a.logger(cfg, cfg.Token())
		log.Info("vps_hush")
		require.Empty(t, out.String())
		log.Warn("vps_hush", "a", "vps_hush")
		require.NotContains(t, out.String(), "vps_hush")
		require.Equal(t, 2, strings.Count(out.String(), "[redacted]"))
		require.Equal(t, format == "json", strings.HasPrefix(out.String(), "{"))
	}
}
