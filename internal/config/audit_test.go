package config_test

import (
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
