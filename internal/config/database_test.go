package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDatabase(t *testing.T) {
	for _, test := range []struct {
		name string
		goos string
		env  vars
		want string
	}{
		{"given", "linux", vars{"VPSBOT_DATABASE_URL": " sqlite:/var/lib/v.db ", "HOME": "/home/a"}, "sqlite:/var/lib/v.db"},
		{"postgres is the store's to refuse", "linux", vars{"VPSBOT_DATABASE_URL": "postgres://a:b@c/d"}, "postgres://a:b@c/d"},
		{"linux", "linux", vars{"HOME": "/home/a"}, "sqlite:/home/a/.local/state/vpsbot/vpsbot.db"},
		{"state home", "linux", vars{"HOME": "/home/a", "XDG_STATE_HOME": "/s"}, "sqlite:/s/vpsbot/vpsbot.db"},
		{"a relative state home does not count", "linux", vars{"HOME": "/home/a", "XDG_STATE_HOME": "s"}, "sqlite:/home/a/.local/state/vpsbot/vpsbot.db"},
		{"a home that nobody expanded", "linux", vars{"HOME": "~"}, ""},
		{"a relative home", "darwin", vars{"HOME": "a"}, ""},
		{"a relative home beside a state home", "linux", vars{"HOME": "~", "XDG_STATE_HOME": "/s"}, "sqlite:/s/vpsbot/vpsbot.db"},
		{"the simulator", "linux", vars{"HOME": "/home/a", "VPS_API_URL": "simulator"}, "sqlite:/home/a/.local/state/vpsbot/simulator.db"},
		{"a simulator that listens is an API like others", "linux", vars{"HOME": "/home/a", "VPS_API_URL": "http://127.0.0.1:8585/api/v1"}, "sqlite:/home/a/.local/state/vpsbot/vpsbot.db"},
		{"the simulator with a database of its own", "linux", vars{"HOME": "/home/a", "VPS_API_URL": "simulator", "VPSBOT_DATABASE_URL": "sqlite:/x.db"}, "sqlite:/x.db"},
		{"a relative folder on windows", "windows", vars{"LOCALAPPDATA": `AppData\Local`}, ""},
		{"darwin", "darwin", vars{"HOME": "/Users/a"}, "sqlite:/Users/a/Library/Application Support/vpsbot/vpsbot.db"},
		{"windows", "windows", vars{"LOCALAPPDATA": `C:\Users\a\AppData\Local`, "HOME": "/x"}, "sqlite:C:/Users/a/AppData/Local/vpsbot/vpsbot.db"},
		{"no home", "linux", vars{}, ""},
		{"no home on windows", "windows", vars{"HOME": "/x"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := read(t, test.env, test.goos)
			require.NoError(t, err)
			url, err := c.Database()
			require.Equal(t, test.want, url)
			if test.want == "" {
				require.ErrorContains(t, err, "VPSBOT_DATABASE_URL is not set")
			} else {
				require.NoError(t, err)
			}
		})
	}
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

func TestAuditKeyFile(t *testing.T) {
	for name, test := range map[string]struct {
		env   vars
		want  string
		named bool
	}{
		"named":                {vars{"VPSBOT_AUDIT_KEY_FILE": " /run/secrets/audit ", "VPSBOT_DATABASE_URL": "postgres://h/d"}, "/run/secrets/audit", true},
		"beside the file":      {vars{"VPSBOT_DATABASE_URL": "sqlite:/var/lib/vpsbot/state.db"}, "/var/lib/vpsbot/audit.key", false},
		"in the state folder":  {vars{"HOME": "/home/alice"}, "/home/alice/.local/state/vpsbot/audit.key", false},
		"PostgreSQL":           {vars{"VPSBOT_DATABASE_URL": "postgres://h/d", "HOME": "/home/alice"}, "", false},
		"no home":              {vars{}, "", false},
		"no path":              {vars{"VPSBOT_DATABASE_URL": "sqlite:"}, "", false},
		"set to nothing":       {vars{"VPSBOT_AUDIT_KEY_FILE": " ", "HOME": "/home/alice"}, "/home/alice/.local/state/vpsbot/audit.key", false},
		"in the folder itself": {vars{"VPSBOT_DATABASE_URL": "sqlite:state.db"}, "audit.key", false},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := read(t, test.env, "linux")
			require.NoError(t, err)
			path, named := c.AuditKeyFile()
			require.Equal(t, test.want, path)
			require.Equal(t, test.named, named)
		})
	}
}

// Each database has a file of its own, however its URL is written.
// It is shown, so that it has neither user nor password.
func TestDatabasePlace(t *testing.T) {
	c, err := read(t, vars{"VPSBOT_DATABASE_URL": "postgres://lead:hidden@DB:5432/vpsbot?sslmode=require&password=hidden"}, "linux")
	require.NoError(t, err)
	place, err := c.DatabasePlace()
	require.NoError(t, err)
	require.Equal(t, "postgres://db:5432/vpsbot?", place)
}

func TestAuditStateFile(t *testing.T) {
	at := func(env vars) string {
		c, err := read(t, env, "linux")
		require.NoError(t, err)
		return c.AuditStateFile()
	}
	folder := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(folder, link))
	sqlite := at(vars{"VPSBOT_AUDIT_STATE": "/var/lib/audit", "VPSBOT_DATABASE_URL": "sqlite:" + folder + "/a.db"})
	require.Regexp(t, `^/var/lib/audit/audit-[0-9a-f]{16}\.checkpoint$`, sqlite)
	for _, same := range []string{folder + "/./a.db", folder + "//a.db", link + "/a.db"} {
		require.Equal(t, sqlite, at(vars{"VPSBOT_AUDIT_STATE": "/var/lib/audit", "VPSBOT_DATABASE_URL": "sqlite:" + same}), same)
	}
	require.NotEqual(t, sqlite, at(vars{"VPSBOT_AUDIT_STATE": "/var/lib/audit", "VPSBOT_DATABASE_URL": "sqlite:" + folder + "/b.db"}))

	postgres := at(vars{"VPSBOT_DATABASE_URL": "postgres://a:b@Example.com:5432/d?sslmode=require", "HOME": "/home/alice"})
	require.Regexp(t, `^/home/alice/\.local/state/vpsbot/audit-[0-9a-f]{16}\.checkpoint$`, postgres)
	require.Equal(t, postgres, at(vars{"VPSBOT_DATABASE_URL": "postgres://c@example.com:5432/d", "HOME": "/home/alice"}))
	require.NotEqual(t, postgres, at(vars{"VPSBOT_DATABASE_URL": "postgres://c@example.com:5432/e", "HOME": "/home/alice"}))
	require.Empty(t, at(vars{"VPSBOT_DATABASE_URL": "postgres://c@example.com:5432/d"}), "no home")
	require.Empty(t, at(vars{}))
}

// The URL may lie in a file or a credential, since it has a password in it. While it cannot be read the database counts
// as shared: a user's name proves nothing then.
func TestDatabaseOfAFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "url")
	write(t, file, "postgres://vpsbot:correct-horse@db/vpsbot\n")
	write(t, filepath.Join(dir, "VPSBOT_DATABASE_URL"), "sqlite:/credential.db\n")
	write(t, filepath.Join(dir, "other"), "mysql://vpsbot:correct-horse@db/vpsbot\n")
	for name, c := range map[string]struct {
		env       vars
		want, err string
		isShared  bool
	}{
		"a file":           {vars{"VPSBOT_DATABASE_URL_FILE": file}, "postgres://vpsbot:correct-horse@db/vpsbot", "", true},
		"a credential":     {vars{"CREDENTIALS_DIRECTORY": dir}, "sqlite:/credential.db", "", false},
		"a file is first":  {vars{"VPSBOT_DATABASE_URL_FILE": file, "CREDENTIALS_DIRECTORY": dir}, "postgres://vpsbot:correct-horse@db/vpsbot", "", true},
		"no file":          {vars{"VPSBOT_DATABASE_URL_FILE": "/not/there"}, "", "VPSBOT_DATABASE_URL_FILE: the file /not/there cannot be read", true},
		"something else":   {vars{"VPSBOT_DATABASE_URL_FILE": filepath.Join(dir, "other")}, "", "VPSBOT_DATABASE_URL_FILE: what the file holds names no database that is known", true},
		"the URL for file": {vars{"VPSBOT_DATABASE_URL_FILE": "postgres://vpsbot:correct-horse@db/vpsbot"}, "", "VPSBOT_DATABASE_URL_FILE holds what looks like a URL, and must name a file", true},
	} {
		cfg, err := read(t, c.env, "linux")
		require.NoError(t, err, name)
		url, err := cfg.Database()
		require.Equal(t, c.isShared, cfg.IsShared(), name)
		if c.err == "" {
			require.NoError(t, err, name)
			require.Equal(t, c.want, url, name)
			continue
		}
		require.ErrorContains(t, err, c.err, name)
		require.NotContains(t, err.Error(), "correct-horse", name)
	}
	cfg, err := read(t, vars{"VPSBOT_DATABASE_URL_FILE": file}, "linux")
	require.NoError(t, err)
	require.Contains(t, cfg.Secrets(), "correct-horse")
	_, err = read(t, vars{"VPSBOT_DATABASE_URL_FILE": file, "VPSBOT_DATABASE_URL": "sqlite:/v.db"}, "linux")
	require.ErrorContains(t, err, "are both set")
}

// The key of the audit log may be a credential too, which counts after its variable.
func TestAuditKeyOfACredential(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "VPSBOT_AUDIT_KEY"), "key")
	for want, env := range map[string]vars{
		filepath.Join(dir, "VPSBOT_AUDIT_KEY"): {"CREDENTIALS_DIRECTORY": dir, "HOME": "/home/a"},
		"/given":                               {"CREDENTIALS_DIRECTORY": dir, "VPSBOT_AUDIT_KEY_FILE": "/given"},
	} {
		cfg, err := read(t, env, "linux")
		require.NoError(t, err)
		path, isNamed := cfg.AuditKeyFile()
		require.Equal(t, want, path)
		require.True(t, isNamed)
	}
}
