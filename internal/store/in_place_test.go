package store

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/audit"
)

func TestARemovedDatabaseTakesNoMoreRows(t *testing.T) {
	for name, harm := range map[string]func(path string) error{
		"removed":  os.Remove,
		"replaced": func(path string) error { return os.Rename(path, path+".old") },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "vpsbot.db")
			s, err := Open(t.Context(), "sqlite:"+path)
			require.NoError(t, err)
			defer s.Close()
			row := audit.Row{At: time.Now(), Actor: "local:alice", Operation: "servers.delete", Decision: "refused"}
			require.NoError(t, s.Note(t.Context(), row))
			require.NoError(t, harm(path))
			require.ErrorContains(t, s.Note(t.Context(), row), "was removed or replaced while it was in use")
		})
	}
}
