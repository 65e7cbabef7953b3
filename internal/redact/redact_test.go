package redact_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/vpsbot/vpsbot/internal/redact"
)

var handlers = []func(io.Writer) slog.Handler{
	func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
	func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
}

type talkative struct{ Token string }

func (t talkative) LogValue() slog.Value { return slog.GroupValue(slog.String("inner", t.Token)) }

// Whatever shape a secret has in a record of the log, it is taken out of the line.
func TestLogLinesAreRedacted(t *testing.T) {
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
			for _, h := range handlers {
				log(slog.New(h(redact.Writer(&out, func() []string { return []string{token} }))))
			}
			require.NotContains(t, out.String(), "hush")
			require.Contains(t, out.String(), "[redacted]")
		})
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	require.Equal(t, "[redacted] and [redacted]", redact.Text("vps_hush and xoxb-hush", "vps_hush", "xoxb-hush"))
	require.Equal(t, "a short text", redact.Text("a short text", "short", ""), "a short secret would be found in any sentence")
}

// What is typed as an id or as a field is shown in small letters, and a field with _ for -.
func TestSecretsAreFoundInAnySpelling(t *testing.T) {
	t.Parallel()
	const secret = "Vps-Live_Hush.0123"
	for _, shown := range []string{secret, strings.ToLower(secret), strings.ToUpper(secret), "vps_live_hush.0123", "VPS-LIVE-HUSH.0123"} {
		require.Equal(t, "“[redacted]” and É[redacted]-_A", redact.Text("“"+shown+"” and É"+shown+"-_A", secret), shown)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// A writer reports all of what it was given as written, though what it wrote is shorter, and passes errors on.
func TestWriterCounts(t *testing.T) {
	t.Parallel()
	secrets := func() []string { return []string{"vps_a_long_secret"} }
	for _, line := range []string{"vps_a_long_secret\n", "nothing of it\n"} {
		n, err := redact.Writer(io.Discard, secrets).Write([]byte(line))
		require.NoError(t, err)
		require.Equal(t, len(line), n)
		_, err = redact.Writer(brokenPipe{}, secrets).Write([]byte(line))
		require.ErrorIs(t, err, io.ErrClosedPipe)
	}
}

// A secret is taken out as if each of its forms were looked for, whether or not they differ.
func TestEveryFormIsFound(t *testing.T) {
	t.Parallel()
	unquoted := func(s string) string { quoted := strconv.Quote(s); return quoted[1 : len(quoted)-1] }
	rapid.Check(t, func(t *rapid.T) {
		letters := []rune("abZ09_-.~")
		if rapid.Bool().Draw(t, "signs") {
			letters = []rune(`ab0+ "\/é=&%`)
		}
		secret := rapid.StringOfN(rapid.SampledFrom(letters), 8, 12, -1).Draw(t, "secret")
		forms := []string{secret, unquoted(secret), unquoted(unquoted(secret)), url.QueryEscape(secret), url.PathEscape(secret)}
		for _, form := range forms {
			expected := "<" + form + ">"
			for _, one := range forms {
				expected = strings.ReplaceAll(expected, one, redact.Mark)
			}
			if shown := redact.Text("<"+form+">", secret); shown != expected {
				t.Fatalf("%q in %q", shown, form)
			}
		}
	})
}
