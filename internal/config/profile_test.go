package config_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/redact"
)

// keyring is a fake, which counts how often it is asked.
type keyring struct {
	tokens map[string]string
	err    error
	asked  int
}

func (k *keyring) Token(entry string) (string, error) {
	k.asked++
	if token, ok := k.tokens[entry]; ok || k.err != nil {
		return token, k.err
	}
	return "", fs.ErrNotExist
}

func (k *keyring) Seen() []string { return nil }

// The first source in the order of docs/accounts.md counts, each beside all that come after it. The keyring is asked only
// where the sources before it give nothing.
func TestOrderOfTokenSources(t *testing.T) {
	home, credentials := t.TempDir(), t.TempDir()
	folder := filepath.Join(home, "vpsbot")
	require.NoError(t, os.MkdirAll(filepath.Join(folder, "profiles"), 0o700))
	for path, token := range map[string]string{
		filepath.Join(home, "named"): "vps_file", filepath.Join(home, "own"): "\ufeffvps_own_file\r", filepath.Join(credentials, "VPS_API_TOKEN"): "vps_credential",
		filepath.Join(folder, "token"): "vps_default", filepath.Join(folder, "profiles", "prod.token"): "vps_prod_default",
		filepath.Join(folder, "token-api.example.com-v1"): "vps_example", filepath.Join(folder, "token-simulator"): "vps_readonly",
	} {
		write(t, path, token+"\n")
	}
	ofProfile := vars{"VPS_API_TOKEN": "vps_profile"}
	kept := map[string]string{"token": "vps_keyring", "profile prod": "vps_prod_keyring", "token-api.example.com-v1": "vps_example_keyring", "profile prod@127.0.0.1-8585-api-v1": "vps_prod_local"}
	for name, test := range map[string]struct {
		env     vars
		profile vars // nil: none is chosen
		keyring map[string]string
		want    string // token, or what the error says
		from    string
	}{
		"the variable":             {vars{"VPS_API_TOKEN": "vps_env", "CREDENTIALS_DIRECTORY": credentials}, ofProfile, kept, "vps_env", "VPS_API_TOKEN"},
		"its file":                 {vars{"VPS_API_TOKEN_FILE": home + "/named", "CREDENTIALS_DIRECTORY": credentials}, ofProfile, kept, "vps_file", "VPS_API_TOKEN_FILE (" + home + "/named)"},
		"the credential":           {vars{"CREDENTIALS_DIRECTORY": credentials}, ofProfile, kept, "vps_credential", "the credential VPS_API_TOKEN (" + credentials + "/VPS_API_TOKEN)"},
		"the profile":              {vars{"VPS_API_TOKEN": " "}, ofProfile, kept, "vps_profile", "VPS_API_TOKEN of the profile prod"},
		"the profile's file":       {vars{}, vars{"VPS_API_TOKEN_FILE": home + "/own"}, kept, "vps_own_file", "VPS_API_TOKEN_FILE of the profile prod (" + home + "/own)"},
		"the profile's keyring":    {vars{}, vars{}, kept, "vps_prod_keyring", "the system's keyring"},
		"the profile's token file": {vars{}, vars{}, nil, "vps_prod_default", "the file " + folder + "/profiles/prod.token"},
		"the keyring":              {vars{}, nil, kept, "vps_keyring", "the system's keyring"},
		"the keyring, off":         {vars{"VPSBOT_KEYRING": "false"}, nil, kept, "vps_default", "the file " + folder + "/token"},
		"the default file":         {vars{}, nil, nil, "vps_default", "the file " + folder + "/token"},
		"another API":              {vars{"VPS_API_URL": "https://api.example.com/v1"}, nil, kept, "vps_example_keyring", "the system's keyring"},
		"another API's file":       {vars{"VPS_API_URL": "https://api.example.com/v1"}, nil, nil, "vps_example", "the file " + folder + "/token-api.example.com-v1"},
		"a third API":              {vars{"VPS_API_URL": "http://127.0.0.1:8585/api/v1"}, nil, kept, "no VPS.org token is set", ""},
		"the simulator":            {vars{"VPS_API_URL": "simulator"}, nil, kept, "vps_readonly", "the file " + folder + "/token-simulator"},
		"a profile's simulator":    {vars{}, vars{"VPS_API_URL": "simulator"}, kept, "vps_prod_keyring", "the system's keyring"},
		"no home":                  {vars{"XDG_CONFIG_HOME": "relative"}, nil, nil, "no VPS.org token is set", ""},
		"nothing at all":           {vars{"XDG_CONFIG_HOME": credentials}, nil, nil, "vpsbot login", ""},
		"a profile without":        {vars{"XDG_CONFIG_HOME": credentials}, vars{}, nil, "the profile prod has no token for https://admin.vps.org/api/v1: vpsbot login --profile prod", ""},
		// What is kept for a profile goes to no other API than the profile's.
		"its API, as it is written too": {vars{"VPS_API_URL": " https://api.example.com/v1"}, vars{"VPS_API_URL": "https://api.example.com/v1/"}, kept, "vps_prod_keyring", "the system's keyring"},
		"VPS.org, not the profile's":    {vars{"VPS_API_URL": "https://admin.vps.org/api/v1"}, vars{"VPS_API_URL": "https://api.example.com/v1"}, kept, "no token for https://admin.vps.org/api/v1", ""},
		"an API, not the profile's":     {vars{"VPS_API_URL": "https://api.example.com/v1"}, vars{}, kept, "no token for https://api.example.com/v1", ""},
		"the same without a keyring":    {vars{"VPS_API_URL": "https://api.example.com/v1"}, vars{}, nil, "no token for https://api.example.com/v1", ""},
		"an API that it logged in to":   {vars{"VPS_API_URL": "http://127.0.0.1:8585/api/v1"}, vars{}, kept, "vps_prod_local", "the system's keyring"},
		"the simulator, not its own":    {vars{"VPS_API_URL": "simulator"}, vars{}, kept, "vps_demo", "the built-in simulator"},
	} {
		t.Run(name, func(t *testing.T) {
			k := &keyring{tokens: test.keyring}
			options := config.Options{Keyring: k}
			if test.profile != nil {
				options.Profile = config.Profile{Name: "prod", Variables: test.profile}
			}
			if _, given := test.env["XDG_CONFIG_HOME"]; !given {
				test.env["XDG_CONFIG_HOME"] = home
			}
			c, err := config.ReadWith(t.Context(), environment(test.env), "linux", options)
			require.NoError(t, err)
			require.NotEmpty(t, c.Secrets())
			require.Zero(t, k.asked, "reading the configuration and redacting ask no keyring")
			token, err := c.Token()()
			if test.from == "" {
				require.ErrorIs(t, err, config.ErrNoToken)
				require.ErrorContains(t, err, test.want)
			} else {
				require.NoError(t, err)
				require.Equal(t, test.want, token)
			}
			require.Equal(t, test.from == "the system's keyring", k.asked > 0 && test.keyring[c.KeyringEntry()] != "", "asked %d times", k.asked)
			require.False(t, strings.HasPrefix(test.from, "VPS_") && k.asked > 0, "a variable spares the keyring")
			require.Equal(t, test.from, c.TokenSource())
		})
	}
}

// A keyring that is locked is passed over for a file, and named where there is none.
func TestLockedKeyring(t *testing.T) {
	home := t.TempDir()
	read := func() (string, error) {
		c, err := config.ReadWith(t.Context(), environment(vars{"XDG_CONFIG_HOME": home}), "linux", config.Options{Keyring: &keyring{err: errors.New("it is locked")}})
		require.NoError(t, err)
		return c.Token()()
	}
	_, err := read()
	require.ErrorIs(t, err, config.ErrNoToken)
	require.ErrorContains(t, err, "the system's keyring does not give the token (it is locked): unlock it, or set VPS_API_TOKEN_FILE")
	require.NoError(t, os.Mkdir(home+"/vpsbot", 0o700))
	write(t, home+"/vpsbot/token", "vps_file")
	token, err := read()
	require.NoError(t, err)
	require.Equal(t, "vps_file", token)
}

// A kept token that others can read, or that is another user's, is refused with what to type.
func TestKeptTokenMustBePrivate(t *testing.T) {
	home := t.TempDir()
	path := filepath.Join(home, "vpsbot", "token")
	require.NoError(t, os.Mkdir(filepath.Dir(path), 0o700))
	write(t, path, "vps_hush4711")
	c, err := read(t, vars{"XDG_CONFIG_HOME": home}, "linux")
	require.NoError(t, err)
	token := c.Token()
	_, err = token()
	require.NoError(t, err)
	require.Contains(t, redact.Text("vps_hush4711", c.Secrets()...), redact.Mark)
	require.NoError(t, os.Chmod(path, 0o640))
	_, err = token()
	require.EqualError(t, err, "others can read the file "+path+" (mode 0640): run: chmod 600 "+path)
	require.NoError(t, os.Chmod(path, 0o600))
	if os.Getuid() != 0 {
		t.Skip("only root can give a file away")
	}
	require.NoError(t, os.Chown(path, 12345, -1))
	_, err = token()
	require.ErrorContains(t, err, "belongs to another user, who can change it: remove it, or run: chown")
}

// The environment counts before the profile, a secret of it in every form.
func TestProfileLiesBelowTheEnvironment(t *testing.T) {
	credentials := t.TempDir()
	write(t, filepath.Join(credentials, "SLACK_APP_TOKEN"), "xapp-credential")
	p := config.Profile{Name: "prod", Variables: vars{
		"VPS_API_URL": "https://api.example.com", "VPSBOT_READ_ONLY": "true", "VPSBOT_OPERATIONS": "servers.*", "VPSBOT_KEY_FILE": "/profile/key",
		"SLACK_APP_TOKEN": "xapp-profile", "VPSBOT_LOG_LEVEL": "debug",
	}}
	c, err := config.ReadWith(t.Context(), environment(vars{
		"VPS_API_URL": "https://env.example.com", "VPSBOT_READ_ONLY": " ", "VPSBOT_KEY": "vpsbot_env", "CREDENTIALS_DIRECTORY": credentials, "HOME": "/home/a",
	}), "linux", config.Options{Profile: p})
	require.NoError(t, err)
	require.Equal(t, "https://env.example.com", c.URL)
	require.True(t, c.Policy.ReadOnly, "what is set to nothing is not set")
	require.Equal(t, []string{"servers.*"}, c.Policy.Operations)
	for want, read := range map[string]func() (string, error){"vpsbot_env": c.Key(), "xapp-credential": c.SlackAppToken()} {
		got, err := read()
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	url, err := c.Database()
	require.NoError(t, err)
	require.Equal(t, "sqlite:/home/a/.local/state/vpsbot/profiles/prod.db", url)
	key, named := c.AuditKeyFile()
	require.Equal(t, "/home/a/.local/state/vpsbot/audit.key", key, "one for all")
	require.False(t, named)
	c, err = config.ReadWith(t.Context(), environment(vars{"VPSBOT_DATABASE_URL": "sqlite:/x/v.db"}), "linux", config.Options{Profile: p})
	require.NoError(t, err)
	key, _ = c.AuditKeyFile()
	require.Equal(t, "/x/audit.key", key)
}

// A mistake in the value of a variable names the profile, if the variable is the profile's.
func TestMistakesNameTheProfile(t *testing.T) {
	const file = "/home/a/.config/vpsbot/profiles/prod.env"
	for variable, value := range map[string]string{
		"VPSBOT_READ_ONLY": "maybe", "VPS_API_URL": "ftp://x", "VPSBOT_OPERATIONS": " ", "VPSBOT_LOG_LEVEL": "loud", "VPSBOT_DATABASE_URL": "mysql://x",
		"VPSBOT_POLICY_FILE": "/p # mine", "VPSBOT_LISTEN": "x", "VPSBOT_AUDIT_READS": "2", "VPSBOT_KEYRING": "no way", "VPSBOT_PUBLIC_URL": "x", "SLACK_API_URL": "x",
	} {
		options := config.Options{Profile: config.Profile{Name: "prod", Path: file, Variables: vars{variable: value}}}
		_, err := config.ReadWith(t.Context(), environment(vars{"HOME": "/home/a"}), "linux", options)
		require.ErrorContains(t, err, file+": "+variable+" ")
		_, err = config.ReadWith(t.Context(), environment(vars{variable: value}), "linux", config.Options{Profile: config.Profile{Name: "prod", Path: file}})
		require.ErrorContains(t, err, variable+" ")
		require.NotContains(t, err.Error(), file)
	}
	both := config.Options{Profile: config.Profile{Name: "prod", Path: file, Variables: vars{"VPS_API_TOKEN": "hush", "VPS_API_TOKEN_FILE": "/x"}}}
	_, err := config.ReadWith(t.Context(), environment(vars{}), "linux", both)
	require.ErrorContains(t, err, file+": VPS_API_TOKEN and VPS_API_TOKEN_FILE are both set")
}

// What sudo has made is not open to the user afterwards.
func TestDenied(t *testing.T) {
	denied := &fs.PathError{Op: "open", Path: "/a b/vpsbot/token", Err: syscall.EACCES}
	require.EqualError(t, config.Denied(denied, "/a b/vpsbot"), `open /a b/vpsbot/token: permission denied: if it was made by sudo, run: sudo chown -R "$(id -un)" '/a b/vpsbot'`)
	require.ErrorIs(t, config.Denied(denied, ""), fs.ErrPermission)
	require.Equal(t, fs.ErrNotExist, config.Denied(fs.ErrNotExist, "/x"))
	require.NoError(t, config.Denied(nil, "/x"))
}

func TestFolder(t *testing.T) {
	for name, test := range map[string]struct {
		goos string
		env  vars
		want string
	}{
		"home": {"linux", vars{"HOME": "/home/a"}, "/home/a/.config/vpsbot"}, "darwin": {"darwin", vars{"HOME": "/Users/a"}, "/Users/a/.config/vpsbot"},
		"XDG": {"linux", vars{"HOME": "/home/a", "XDG_CONFIG_HOME": "/c"}, "/c/vpsbot"}, "a relative XDG": {"linux", vars{"HOME": "/home/a", "XDG_CONFIG_HOME": "c"}, "/home/a/.config/vpsbot"},
		"windows": {"windows", vars{"LOCALAPPDATA": `C:\a`, "HOME": "/x"}, "C:/a/vpsbot"}, "none": {"linux", vars{"HOME": "~"}, ""}, "none on windows": {"windows", vars{"HOME": "/x"}, ""},
	} {
		require.Equal(t, test.want, config.Folder(environment(test.env), test.goos), name)
	}
}

func TestCheckToken(t *testing.T) {
	require.NoError(t, config.CheckToken(" vps_abc\n"))
	require.NoError(t, config.CheckToken("\ufeffvps_abc\r\n"))
	for given, says := range map[string]string{
		" ": "no token was given", "Bearer hush": "leave out the word Bearer", "hush hush": "holds more than a token", "<hush>": "placeholder", `"hush"`: "quotation mark", "hush\x1b[0m": "cannot be seen", "\u200bhush": "cannot be seen",
		"vpsbot_hush": "the token begins with vpsbot_: it is a secret for VPSBOT_KEY", "xapp-1-hush": "for SLACK_APP_TOKEN",
	} {
		err := config.CheckToken(given)
		require.ErrorContains(t, err, says)
		require.NotContains(t, err.Error(), "hush")
	}
}
