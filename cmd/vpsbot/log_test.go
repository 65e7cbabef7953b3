package main

import (
	"bytes"
	"io"
	"log"
	"log/slog"
	"strings"
	"testing"

	"github.com/sethvargo/go-envconfig"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/config"
)

// The log of the standard library, into which net/http writes, is redacted too.
func TestTheStandardLogIsRedacted(t *testing.T) {
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

// The logger that everything gets writes where secrets are taken out.
func TestTheLogIsRedacted(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		env := envconfig.MapLookuper(map[string]string{"VPS_API_TOKEN": "vps_hush", "VPSBOT_LOG_FORMAT": format, "VPSBOT_LOG_LEVEL": "warn"})
		cfg, err := config.Read(t.Context(), env, "linux")
		require.NoError(t, err)
		log := newApp(env, stdio{Err: &out}).logger(cfg)
		log.Info("vps_hush")
		require.Empty(t, out.String())
		log.Warn("vps_hush", "a", "vps_hush")
		require.NotContains(t, out.String(), "vps_hush")
		require.Equal(t, 2, strings.Count(out.String(), "[redacted]"))
		require.Equal(t, format == "json", strings.HasPrefix(out.String(), "{"))
	}
}
