package config_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhereTheKeyComesFrom(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "key")
	write(t, file, "\n vpsbot_file \n")
	write(t, filepath.Join(dir, "VPSBOT_KEY"), "vpsbot_credential\n")
	for name, test := range map[string]struct {
		env  vars
		want string
	}{
		"nowhere":                     {vars{}, ""},
		"set to nothing":              {vars{"VPSBOT_KEY": " ", "VPSBOT_KEY_FILE": " "}, ""},
		"file first":                  {vars{"VPSBOT_KEY_FILE": file, "CREDENTIALS_DIRECTORY": dir}, "vpsbot_file"},
		"or the variable":             {vars{"CREDENTIALS_DIRECTORY": dir, "VPSBOT_KEY": " vpsbot_env\n"}, "vpsbot_env"},
		"then systemd's credentials":  {vars{"CREDENTIALS_DIRECTORY": dir}, "vpsbot_credential"},
		"credentials of another name": {vars{"CREDENTIALS_DIRECTORY": t.TempDir(), "VPSBOT_KEY": "vpsbot_env"}, "vpsbot_env"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := read(t, test.env, "linux")
			require.NoError(t, err)
			key, err := c.Key()()
			require.NoError(t, err)
			require.Equal(t, test.want, key)
		})
	}
}

// A key that was meant and cannot be had is an error, not the absence of one.
func TestKeyFilesThatAreWrong(t *testing.T) {
	dir := t.TempDir()
	for name, test := range map[string]struct{ text, want string }{
		"empty":     {" \n", "is empty: write the key into it"},
		"two words": {"hush 4711", "holds more than a key"},
		"huge":      {string(make([]byte, 20_000)), "holds more than a key"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, name)
			write(t, path, test.text)
			c, err := read(t, vars{"VPSBOT_KEY_FILE": path}, "linux")
			require.NoError(t, err)
			key, err := c.Key()()
			require.Empty(t, key)
			require.ErrorContains(t, err, "VPSBOT_KEY_FILE: the file "+path)
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, err.Error(), "4711")
		})
	}
	c, err := read(t, vars{"VPSBOT_KEY_FILE": filepath.Join(dir, "not-there")}, "linux")
	require.NoError(t, err)
	_, err = c.Key()()
	require.ErrorContains(t, err, "name a file that holds the key")
	c, err = read(t, vars{"VPSBOT_KEY_FILE": "vpsbot_hush"}, "linux")
	require.NoError(t, err)
	_, err = c.Key()()
	require.EqualError(t, err, "VPSBOT_KEY_FILE: the file it names cannot be read (no such file or directory): name a file that holds the key")
}

func TestPolicyFile(t *testing.T) {
	c, err := read(t, vars{"VPSBOT_POLICY_FILE": " /etc/vpsbot/policy.yaml "}, "linux")
	require.NoError(t, err)
	require.Equal(t, "/etc/vpsbot/policy.yaml", c.PolicyFile())
}

func TestIsShared(t *testing.T) {
	for url, want := range map[string]bool{
		"": false, "sqlite:/v.db": false, "postgres://h/d": true, "postgresql://h/d": true,
	} {
		c, err := read(t, vars{"VPSBOT_DATABASE_URL": url, "HOME": "/home/a"}, "linux")
		require.NoError(t, err)
		require.Equal(t, want, c.IsShared(), url)
	}
	c, err := read(t, vars{}, "linux")
	require.NoError(t, err)
	require.False(t, c.IsShared(), "without any place for a database")
}
