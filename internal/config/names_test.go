package config_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/config"
)

func TestMisspeltVariables(t *testing.T) {
	for given, want := range map[string]string{
		"VPSBOT_POLICY":          "VPSBOT_POLICY_FILE", // without _FILE
		"VPSBOT_READ_ONLY_FILE":  "VPSBOT_READ_ONLY",   // with it
		"VPSBOT_PUBLIC_URL_FILE": "VPSBOT_PUBLIC_URL",
		"VPSBOT_READONLY":        "VPSBOT_READ_ONLY", // a letter left out
		"VPSBOT_OPERATION":       "VPSBOT_OPERATIONS",
		"VPSBOT_KEYS":            "VPSBOT_KEY",         // added
		"VPSBOT_POLICY-FILE":     "VPSBOT_POLICY_FILE", // changed
		"VPSBOT_POLCIY_FILE":     "VPSBOT_POLICY_FILE", // swapped
		"VPS_BOT_KEY":            "VPSBOT_KEY",
		"VPS_API_TOKEN_FILES":    "VPS_API_TOKEN_FILE",
		"VPS_API_ULR":            "VPS_API_URL",
	} {
		_, err := read(t, vars{given: "hush4711"}, "linux")
		require.EqualError(t, err, given+" is no variable of vpsbot; "+want+" is: correct the name, or unset it")
	}
}

func TestUnknownVariables(t *testing.T) {
	c, err := read(t, vars{
		"VPSBOT_SOMETHING": "1", "SLACK_BOT_TOKENS": "1", "SLACK_SIGNING_SECRET_FILES": "1", "SLACK_HOME": "1", "VPS_HOME": "1", "OTHER": "1",
		"VPSBOT_PORT": "tcp://10.0.0.1:80", "VPSBOT_PORT_80_TCP": "1", "VPSBOT_SERVICE_HOST": "1", "VPSBOT_SERVICE": "1", "VPSBOT_KEY": "vpsbot_x",
	}, "linux")
	require.NoError(t, err)
	require.Equal(t, []config.Unknown{
		{Name: "SLACK_BOT_TOKENS", Meant: "SLACK_BOT_TOKEN"}, {Name: "SLACK_SIGNING_SECRET_FILES", Meant: "SLACK_SIGNING_SECRET_FILE"}, {Name: "VPSBOT_SOMETHING"},
	}, c.Unknown)
}

// What an environment file leaves behind a value is no part of a path or an address; nor are the user's folders looked at.
func TestComments(t *testing.T) {
	for _, name := range []string{
		"VPS_API_URL", "VPS_API_TOKEN_FILE", "VPSBOT_DATABASE_URL", "VPSBOT_POLICY_FILE", "VPSBOT_KEY_FILE", "VPSBOT_AUDIT_KEY_FILE", "VPSBOT_AUDIT_STATE", "SLACK_API_URL",
		"SLACK_BOT_TOKEN_FILE", "VPSBOT_LISTEN", "VPSBOT_PUBLIC_URL", "VPSBOT_METRICS_LISTEN", "VPSBOT_ORIGINS", "VPSBOT_TRUSTED_PROXIES", "VPSBOT_READ_ONLY",
	} {
		for _, value := range []string{"sqlite:/hush.db   # or postgres", "/hush\t#", " # hush"} {
			_, err := read(t, vars{name: value}, "linux")
			require.EqualError(t, err, name+` holds a comment (" #…"): environment files keep it; remove it`)
		}
	}
	_, err := read(t, vars{"VPSBOT_DATABASE_URL": "sqlite:/a b#1/v.db", "HOME": "/home/a #1"}, "linux")
	require.NoError(t, err)
}

func TestPlaceholders(t *testing.T) {
	for _, name := range []string{"VPS_API_URL", "VPSBOT_POLICY_FILE", "VPSBOT_DATABASE_URL", "VPSBOT_LISTEN", "VPS_API_TOKEN_FILE", "SLACK_API_URL"} {
		_, err := read(t, vars{name: "${hush4711}"}, "linux")
		require.EqualError(t, err, name+" begins with ${: it is a placeholder that was not filled in")
		_, err = read(t, vars{name: `"hush4711"`}, "linux")
		require.EqualError(t, err, name+" begins with a quotation mark: leave the quotation marks out")
	}
	for name, get := range readers {
		for value, want := range map[string]string{
			"${VPS_API_TOKEN}": "${", "${env:VPS_API_TOKEN}": "${", "${input:vps-token}": "${", `"vps_example"`: "quotation", `'vps_example'`: "quotation",
			"YOUR_TOKEN": "placeholder", "your-token-here": "placeholder", "<token>": "placeholder", "$VPS_API_TOKEN": "placeholder", "%VPS_API_TOKEN%": "placeholder",
		} {
			file := filepath.Join(t.TempDir(), "secret")
			write(t, file, value+"\n")
			for _, env := range []vars{{name: value}, {name + "_FILE": file}} {
				c, err := read(t, env, "linux")
				require.NoError(t, err, "an assistant is served, and can be told")
				secret, err := get(c)()
				require.Empty(t, secret)
				require.ErrorContains(t, err, name)
				require.ErrorContains(t, err, want)
			}
		}
		c, err := read(t, vars{name: "a$b<c>%d%"}, "linux")
		require.NoError(t, err)
		_, err = get(c)()
		require.NoError(t, err, "what only contains such marks may be a secret")
	}
}
