package config_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/redact"
)

// readers are the readers of the secrets, by the names of their variables.
var readers = map[string]func(config.Config) func() (string, error){
	"VPS_API_TOKEN": config.Config.Token, "VPSBOT_KEY": config.Config.Key, "SLACK_BOT_TOKEN": config.Config.SlackBotToken,
	"SLACK_SIGNING_SECRET": config.Config.SlackSigningSecret, "SLACK_APP_TOKEN": config.Config.SlackAppToken,
}

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

// secretOf returns the reader of the secret of a variable.
func secretOf(t *testing.T, name string, env vars) func() (string, error) {
	t.Helper()
	c, err := read(t, env, "linux")
	require.NoError(t, err)
	return readers[name](c)
}

func TestSecretSources(t *testing.T) {
	for name := range readers {
		dir := t.TempDir()
		file := filepath.Join(dir, "file")
		write(t, file, "\n hush_file \r\n")
		write(t, filepath.Join(dir, name), "hush_credential\n")
		for label, c := range map[string]struct {
			env  vars
			want string
		}{
			"the file before the credential":     {vars{name + "_FILE": " " + file, "CREDENTIALS_DIRECTORY": dir}, "hush_file"},
			"the variable before the credential": {vars{name: " hush_env\n", "CREDENTIALS_DIRECTORY": dir}, "hush_env"},
			"the credential":                     {vars{name: " ", name + "_FILE": " ", "CREDENTIALS_DIRECTORY": dir}, "hush_credential"},
			"credentials of something else":      {vars{name: "hush_env", "CREDENTIALS_DIRECTORY": t.TempDir()}, "hush_env"},
		} {
			got, err := secretOf(t, name, c.env)()
			require.NoError(t, err, "%s: %s", name, label)
			require.Equal(t, c.want, got, "%s: %s", name, label)
		}
	}
}

func TestSecretsThatAreNotSet(t *testing.T) {
	for _, env := range []vars{{}, {"VPS_API_TOKEN": " ", "VPSBOT_KEY": " ", "VPSBOT_KEY_FILE": " "}} {
		_, err := secretOf(t, "VPS_API_TOKEN", env)()
		require.ErrorIs(t, err, config.ErrNoToken)
		key, err := secretOf(t, "VPSBOT_KEY", env)()
		require.NoError(t, err)
		require.Empty(t, key)
		for _, name := range []string{"SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN"} {
			_, err := secretOf(t, name, env)()
			require.EqualError(t, err, name+" is not set")
		}
	}
	for want, env := range map[string]vars{"vps_demo": {"VPS_API_URL": "simulator"}, "vps_own": {"VPS_API_URL": "simulator", "VPS_API_TOKEN": "vps_own"}} {
		token, err := secretOf(t, "VPS_API_TOKEN", env)()
		require.NoError(t, err)
		require.Equal(t, want, token)
	}
}

// A secret in the place of another is not sent to whom it is not for.
func TestSecretsOfOthers(t *testing.T) {
	all := map[string]string{"VPS_API_TOKEN": "vps_hush", "VPSBOT_KEY": "vpsbot_hush", "SLACK_BOT_TOKEN": "xoxb-hush", "SLACK_APP_TOKEN": "xapp-1-hush"}
	for _, name := range []string{"VPS_API_TOKEN", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"} {
		for of, secret := range all {
			folder := t.TempDir()
			path := filepath.Join(folder, name)
			write(t, path, secret+"\n")
			for _, env := range []vars{{name: secret}, {name + "_FILE": path}, {"CREDENTIALS_DIRECTORY": folder}} {
				got, err := secretOf(t, name, env)()
				if of == name {
					require.NoError(t, err)
					require.Equal(t, secret, got)
					continue
				}
				require.Empty(t, got)
				require.ErrorContains(t, err, name+" begins with ")
				require.ErrorContains(t, err, ": it is a secret for "+of+", and is not sent")
				require.NotContains(t, err.Error(), "hush")
			}
		}
	}
	c, err := config.ReadWith(t.Context(), environment(vars{}), "linux", config.Options{Keyring: &keyring{tokens: map[string]string{"token": "xoxb-hush"}}})
	require.NoError(t, err)
	_, err = c.Token()()
	require.ErrorContains(t, err, "it is a secret for SLACK_BOT_TOKEN")
}

// No error repeats a secret, also one that stands in the place of its file's name.
func TestSecretsThatAreWrong(t *testing.T) {
	file := func(text string) string {
		path := filepath.Join(t.TempDir(), "file")
		write(t, path, text)
		return path
	}
	for name := range readers {
		for says, env := range map[string]vars{
			"is empty: write the ":    {name + "_FILE": file(" \n")},
			"holds more than a ":      {name + "_FILE": file("hush 4711")},
			"write the":               {name + "_FILE": file("hush\n4711\n")},
			"alone into it":           {name + "_FILE": file(strings.Repeat("x", 20_000))},
			"that cannot be seen":     {name + "_FILE": file("hush\x004711")},
			"copy it anew":            {name + "_FILE": file("\xff\xfeh\x00u\x00s\x00h\x00")},
			"has a character ":        {name: "hush\u200b"},
			"leave out the word Bear": {name + "_FILE": file("bearer hush\n")},
			"the word Bearer":         {name: "Bearer hush"},
			"set it to the ":          {name: "hush 4711"},
			name + "_FILE: the file /not/there cannot be read (no such file or directory): name a file that holds the ": {name + "_FILE": "/not/there"},
			"cannot be read":                  {name + "_FILE": t.TempDir()},
			name + "_FILE holds what looks":   {name + "_FILE": "vps_hush"},
			"what looks like a ":              {name + "_FILE": "vpsbot_hush"},
			"must name a file":                {name + "_FILE": "hush47111111111111111"},
			"(no such file or directory): to": {name + "_FILE": "Bearer hush"},
			"itself set " + name:              {name + "_FILE": "xoxb-hush"},
			"to give the ":                    {name + "_FILE": "xapp-hush"},
		} {
			secret, err := secretOf(t, name, env)()
			require.Empty(t, secret)
			require.ErrorContains(t, err, says)
			require.ErrorContains(t, err, name)
			require.NotContains(t, err.Error(), "hush")
			require.NotContains(t, err.Error(), "4711")
		}
	}
	_, err := secretOf(t, "VPS_API_TOKEN", vars{"VPS_API_TOKEN_FILE": "/not/there"})()
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestSecretFileIsReadAgainWhenItChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	then := time.Now().Add(-time.Hour)
	put := func(path, text string, at time.Time) {
		write(t, path, text)
		require.NoError(t, os.Chtimes(path, at, at))
	}
	token := secretOf(t, "VPS_API_TOKEN", vars{"VPS_API_TOKEN_FILE": path})
	want := func(text string) {
		t.Helper()
		got, err := token()
		require.NoError(t, err)
		require.Equal(t, text, got)
	}
	put(path, "vps_one", then)
	want("vps_one")
	put(path, "vps_own", then) // same time, size and file: it is not read
	want("vps_one")
	put(path, "vps_two", then.Add(time.Second)) // another time
	want("vps_two")
	put(path, "vps_three", then.Add(time.Second)) // another size
	want("vps_three")
	put(path+".new", "vps_seven", then.Add(time.Second)) // another file of the same time and size
	require.NoError(t, os.Rename(path+".new", path))
	want("vps_seven")

	require.NoError(t, os.Remove(path))
	_, err := token()
	require.ErrorIs(t, err, os.ErrNotExist)
	put(path, "vps_one", then)
	want("vps_one")
}

func TestSecretsAreRedacted(t *testing.T) {
	const secret = `vps_"hush"+4711/x`
	file := filepath.Join(t.TempDir(), "secret")
	write(t, file, secret)
	for name := range readers {
		for _, env := range []vars{
			{name: " " + secret + "\n"}, {name: "Bearer " + secret}, {name: "x " + secret}, {name + "_FILE": file}, {name + "_FILE": secret},
			{name: secret, "VPSBOT_READ_ONLY": "perhaps"},
		} {
			c, _ := read(t, env, "linux") //nolint:errcheck // a Config with an error redacts too
			for _, text := range []string{secret, strconv.Quote(secret), url.QueryEscape(secret), url.PathEscape(secret), "a" + secret + secret} {
				require.NotContains(t, redact.Text(text, c.Secrets()...), "hush", "%v", env)
				require.Contains(t, redact.Text(text, c.Secrets()...), "[redacted]")
			}
			require.Equal(t, "nothing of it", redact.Text("nothing of it", c.Secrets()...))
		}
	}
	c, err := read(t, vars{"VPS_API_TOKEN": "short"}, "linux")
	require.NoError(t, err)
	require.Equal(t, "a short text", redact.Text("a short text", c.Secrets()...))
}

// Whoever exchanges one of two expects that it counts.
func TestASecretIsGivenOnce(t *testing.T) {
	for name := range readers {
		_, err := read(t, vars{name: "hush4711", name + "_FILE": "/somewhere"}, "linux")
		require.EqualError(t, err, name+" and "+name+"_FILE are both set: unset one of them")
		_, err = read(t, vars{name: " ", name + "_FILE": "/somewhere"}, "linux")
		require.NoError(t, err, "what is set to nothing is not set")
	}
}

func TestSecretFiles(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "VPSBOT_KEY"), "vpsbot_x")
	c, err := read(t, vars{"VPS_API_TOKEN_FILE": "/run/token", "CREDENTIALS_DIRECTORY": dir, "SLACK_BOT_TOKEN_FILE": "xoxb-1", "SLACK_APP_TOKEN": "a"}, "linux")
	require.NoError(t, err)
	require.Equal(t, []config.File{{Of: "VPS_API_TOKEN_FILE", Path: "/run/token"}, {Of: "the credential VPSBOT_KEY", Path: filepath.Join(dir, "VPSBOT_KEY")}}, c.SecretFiles())
}
