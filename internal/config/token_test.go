package config_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/config"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

func tokenOf(t *testing.T, env vars) func() (string, error) {
	t.Helper()
	c, err := read(t, env, "linux")
	require.NoError(t, err)
	return c.Token()
}

func TestWhereTheTokenComesFrom(t *testing.T) {
	dir := t.TempDir()
	file, credentials, empty := filepath.Join(dir, "token"), filepath.Join(dir, "credentials"), filepath.Join(dir, "none")
	require.NoError(t, os.Mkdir(credentials, 0o700))
	require.NoError(t, os.Mkdir(empty, 0o700))
	write(t, file, "\n vps_file \r\n")
	write(t, filepath.Join(credentials, "VPS_API_TOKEN"), "vps_credential\n")
	for _, test := range []struct {
		name string
		env  vars
		want string
	}{
		{"file first", vars{"VPS_API_TOKEN_FILE": file, "CREDENTIALS_DIRECTORY": credentials}, "vps_file"},
		{"or the variable", vars{"CREDENTIALS_DIRECTORY": credentials, "VPS_API_TOKEN": " vps_env\n"}, "vps_env"},
		{"then systemd's credentials", vars{"CREDENTIALS_DIRECTORY": credentials, "VPS_API_TOKEN": " "}, "vps_credential"},
		{"credentials of something else", vars{"CREDENTIALS_DIRECTORY": empty, "VPS_API_TOKEN": "vps_env"}, "vps_env"},
		{"simulator", vars{"VPS_API_URL": "simulator"}, "vps_demo"},
		{"simulator with a token", vars{"VPS_API_URL": "simulator", "VPS_API_TOKEN": "vps_readonly"}, "vps_readonly"},
	} {
		t.Run(test.name, func(t *testing.T) {
			token, err := tokenOf(t, test.env)()
			require.NoError(t, err)
			require.Equal(t, test.want, token)
		})
	}
}

func TestNoToken(t *testing.T) {
	for _, env := range []vars{{}, {"VPS_API_TOKEN": " "}} {
		_, err := tokenOf(t, env)()
		require.ErrorIs(t, err, config.ErrNoToken)
	}
}

func TestTokenFilesThatAreWrong(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct{ name, text, want string }{
		{"empty", " \n", "is empty: write the token into it"},
		{"two words", "hush 4711", "holds more than a token"},
		{"two lines", "hush\n4711\n", "holds more than a token"},
		{"huge", string(make([]byte, 20_000)), "holds more than a token"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(dir, test.name)
			write(t, path, test.text)
			_, err := tokenOf(t, vars{"VPS_API_TOKEN_FILE": path})()
			require.ErrorContains(t, err, "VPS_API_TOKEN_FILE: the file "+path)
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, err.Error(), "4711")
		})
	}
	t.Run("missing", func(t *testing.T) {
		_, err := tokenOf(t, vars{"VPS_API_TOKEN_FILE": filepath.Join(dir, "not-there")})()
		require.ErrorIs(t, err, os.ErrNotExist)
		require.ErrorContains(t, err, "name a file that holds the token")
	})
	t.Run("a folder", func(t *testing.T) {
		_, err := tokenOf(t, vars{"VPS_API_TOKEN_FILE": dir})()
		require.ErrorContains(t, err, "cannot be read")
	})
}

func TestTokenFileIsReadAgainWhenItChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	then := time.Now().Add(-time.Hour)
	put := func(text string, at time.Time) {
		write(t, path, text)
		require.NoError(t, os.Chtimes(path, at, at))
	}
	token := tokenOf(t, vars{"VPS_API_TOKEN_FILE": path})
	want := func(text string) {
		t.Helper()
		got, err := token()
		require.NoError(t, err)
		require.Equal(t, text, got)
	}
	put("vps_one", then)
	want("vps_one")
	put("vps_two", then.Add(time.Second)) // another time
	want("vps_two")
	put("vps_three", then.Add(time.Second)) // another size
	want("vps_three")

	// Another file of the same time and size in its place.
	other := path + ".new"
	write(t, other, "vps_seven")
	require.NoError(t, os.Chtimes(other, then.Add(time.Second), then.Add(time.Second)))
	require.NoError(t, os.Rename(other, path))
	want("vps_seven")

	require.NoError(t, os.Remove(path))
	_, err := token()
	require.ErrorIs(t, err, os.ErrNotExist)
	put("vps_one", then)
	want("vps_one")
}

// A file that has not changed is not read again.
func TestTokenFileIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	write(t, path, "vps_one")
	info, err := os.Stat(path)
	require.NoError(t, err)
	token := tokenOf(t, vars{"VPS_API_TOKEN_FILE": path})
	_, err = token()
	require.NoError(t, err)
	write(t, path, "vps_two")
	require.NoError(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
	got, err := token()
	require.NoError(t, err)
	require.Equal(t, "vps_one", got)
}
