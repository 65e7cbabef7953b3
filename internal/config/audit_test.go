package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

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
