//go:build unix

package store_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/store"
)

// Whatever the umask, nobody else reads what is kept.
func TestFileModes(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "a", "b")
	defer syscall.Umask(syscall.Umask(0))
	db := open(t, "sqlite:"+filepath.Join(folder, "vpsbot.db"))
	inserted(t, db, asked("1"))
	requireMode(t, folder, 0o700)
	requireMode(t, filepath.Dir(folder), 0o700)
	for _, name := range []string{"vpsbot.db", "vpsbot.db-wal", "vpsbot.db-shm", "vpsbot.db-lock"} {
		requireMode(t, filepath.Join(folder, name), 0o600)
	}
}

func TestFileModesAreNarrowed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vpsbot.db")
	inserted(t, open(t, "sqlite:"+path), asked("1"))
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		require.NoError(t, os.Chmod(name, 0o644))
	}
	open(t, "sqlite:"+path)
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		requireMode(t, name, 0o600)
	}
}

func requireMode(t *testing.T, path string, want os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, want, info.Mode().Perm(), path)
}

func TestOpenWithoutRights(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	folder := t.TempDir()
	require.NoError(t, os.Chmod(folder, 0o500))
	for _, path := range []string{"vpsbot.db", "deeper/vpsbot.db"} {
		_, err := store.Open(t.Context(), "sqlite:"+filepath.Join(folder, path))
		require.ErrorContains(t, err, "permission denied")
		require.ErrorContains(t, err, "take a folder that you may write to")
	}
}
