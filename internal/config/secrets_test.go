package config_test

import (
	"net/url"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/redact"
)

// A token that was pasted where the name of a file belongs is not repeated in the error.
func TestTokenInPlaceOfItsFile(t *testing.T) {
	for name, env := range map[string]vars{
		"by its prefix":        {"VPS_API_TOKEN_FILE": "vps_hush"},
		"by its length":        {"VPS_API_TOKEN_FILE": "hush47111111111111111"},
		"with the word Bearer": {"VPS_API_TOKEN_FILE": "Bearer hush"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tokenOf(t, env)()
			require.ErrorContains(t, err, "VPS_API_TOKEN_FILE holds what looks like a token, and must name a file")
			require.NotContains(t, err.Error(), "hush")
		})
	}
}

func TestBearerIsNoPartOfTheToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	write(t, file, "bearer vps_hush\n")
	for _, env := range []vars{{"VPS_API_TOKEN": "Bearer vps_hush"}, {"VPS_API_TOKEN_FILE": file}} {
		_, err := tokenOf(t, env)()
		require.ErrorContains(t, err, "leave out the word Bearer")
		require.NotContains(t, err.Error(), "hush")
	}
	_, err := tokenOf(t, vars{"VPS_API_TOKEN": "vps_hush vps_hush"})()
	require.EqualError(t, err, "VPS_API_TOKEN holds more than a token: set it to the token alone")
}

func TestSecretsAreTakenOut(t *testing.T) {
	const token = `vps_"hush"+4711/x`
	file := filepath.Join(t.TempDir(), "token")
	write(t, file, token)
	for name, env := range map[string]vars{
		"token":              {"VPS_API_TOKEN": " " + token + "\n"},
		"token with Bearer":  {"VPS_API_TOKEN": "Bearer " + token},
		"file":               {"VPS_API_TOKEN_FILE": file},
		"token as file name": {"VPS_API_TOKEN_FILE": token},
		"key":                {"VPSBOT_KEY": token},
		"bad configuration":  {"VPS_API_TOKEN": token, "VPSBOT_READ_ONLY": "perhaps"},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := read(t, env, "linux") //nolint:errcheck // a Config with an error hides too
			for _, text := range []string{token, strconv.Quote(token), url.QueryEscape(token), url.PathEscape(token), "a" + token + token} {
				require.NotContains(t, redact.Text(text, c.Secrets()...), "hush")
				require.Contains(t, redact.Text(text, c.Secrets()...), "[redacted]")
			}
			require.Equal(t, "nothing of it", redact.Text("nothing of it", c.Secrets()...))
		})
	}
	c, err := read(t, vars{"VPS_API_TOKEN": "short"}, "linux")
	require.NoError(t, err)
	require.Equal(t, "a short text", redact.Text("a short text", c.Secrets()...))
}

// Two spellings of an address are one API.
func TestAddressesAreNormal(t *testing.T) {
	for given, want := range map[string]string{
		"https://Admin.VPS.org:443/api/v1/": "https://admin.vps.org/api/v1",
		"https://admin.vps.org/api/v1":      "https://admin.vps.org/api/v1",
		"http://LOCALHOST:80/api/v1//":      "http://localhost/api/v1",
		"http://127.0.0.1:8080/API/":        "http://127.0.0.1:8080/API",
		"https://[2001:DB8::443]/api":       "https://[2001:db8::443]/api",
		"HTTPS://admin.vps.org:8443":        "https://admin.vps.org:8443",
	} {
		c, err := read(t, vars{"VPS_API_URL": given}, "linux")
		require.NoError(t, err)
		require.Equal(t, want, c.URL)
	}
	_, err := read(t, vars{"VPS_API_URL": "https://example.com/hush4711", "VPS_API_TOKEN": "hush4711"}, "linux")
	require.EqualError(t, err, "VPS_API_URL has a token in it: write the bare address, such as https://admin.vps.org/api/v1")
}
