package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/config"
)

func TestSecretPrintsInNoForm(t *testing.T) {
	const text = "hush4711"
	var secret config.Secret
	require.NoError(t, secret.EnvDecode(t.Context(), text))
	require.Equal(t, text, secret.Reveal())
	hidden := struct{ inside config.Secret }{secret} // fmt may not call methods of it
	outside := struct{ Secret *config.Secret }{&secret}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T %[1]p"} {
		shown := fmt.Sprintf(verb, secret)
		require.NotContains(t, fmt.Sprintf(verb+verb+verb, secret, hidden, outside), text)
		require.NotContains(t, fmt.Sprintf(verb+verb, hidden, outside), fmt.Sprintf("%x", text))
		if verb != "%T %[1]p" {
			require.Equal(t, "[redacted]", shown)
		}
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "secret", secret, "in", outside)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secret", secret, "in", outside)
	require.NotContains(t, log.String(), text)
	require.Contains(t, log.String(), `"secret":"[redacted]"`)
	raw, err := json.Marshal(map[string]any{"a": secret, "b": outside, "c": hidden})
	require.NoError(t, err)
	require.NotContains(t, string(raw), text)
	require.Contains(t, string(raw), `"a":"[redacted]"`)
	raw, err = jsonv2.Marshal(outside)
	require.NoError(t, err)
	require.NotContains(t, string(raw), text)
}

func TestZeroSecretIsEmpty(t *testing.T) {
	var secret config.Secret
	require.Empty(t, secret.Reveal())
	require.Equal(t, "[redacted]", fmt.Sprint(secret))
}
