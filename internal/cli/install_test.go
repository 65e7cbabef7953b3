package cli

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sethvargo/go-envconfig"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/config"
)

// A client gets each variable that says how vpsbot works, but for secrets and what is for another command.
func TestClientsGetEachVariable(t *testing.T) {
	t.Parallel()
	secrets := []string{"VPS_API_TOKEN", "VPSBOT_KEY"}
	ofServe := []string{"VPSBOT_LISTEN", "VPSBOT_METRICS_LISTEN", "VPSBOT_PUBLIC_URL", "VPSBOT_MCP", "VPSBOT_ORIGINS", "VPSBOT_TRUSTED_PROXIES"}
	for _, row := range config.Variables() {
		for _, name := range strings.Split(row.Names, ", ") {
			isElsewhere := slices.Contains(secrets, name) || slices.Contains(ofServe, name) || strings.HasPrefix(name, "SLACK_") || strings.HasPrefix(name, "OTEL_")
			require.NotEqual(t, isElsewhere, slices.Contains(slices.Concat(carried, carriedFiles), name), name)
		}
	}
}

// A client starts vpsbot in another folder: what is named from here is written as a whole path.
func TestClientsGetWholePaths(t *testing.T) {
	t.Parallel()
	here, err := filepath.Abs(".")
	require.NoError(t, err)
	for given, want := range map[string]string{
		"VPSBOT_DATABASE_URL=sqlite:x/y.db":         "sqlite:" + filepath.Join(here, "x", "y.db"),
		"VPSBOT_DATABASE_URL=sqlite:/var/y.db":      "sqlite:/var/y.db",
		"VPSBOT_DATABASE_URL=sqlite::memory:":       "sqlite::memory:",
		"VPSBOT_DATABASE_URL=postgres://bot@db/bot": "postgres://bot@db/bot",
		"VPSBOT_AUDIT_STATE=state":                  filepath.Join(here, "state"),
		"VPSBOT_AUDIT_KEY_FILE=cli.go":              filepath.Join(here, "cli.go"),
		"VPSBOT_DATABASE_URL_FILE=./cli.go":         filepath.Join(here, "cli.go"),
	} {
		name, value, _ := strings.Cut(given, "=")
		in := installation{cli: &cli{Environment: &app.Environment{Variables: envconfig.MapLookuper(map[string]string{name: value})}}}
		env, err := in.carriedVariables()
		require.NoError(t, err)
		require.Equal(t, map[string]string{name: want}, env)
	}
}
