//go:build unix

package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/store"
)

func TestPathThatOthersCanWriteIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(t *testing.T, folder string) (path string)
		says  string // empty: it is fine
	}{
		"a folder of one's own": {func(_ *testing.T, folder string) string { return filepath.Join(folder, "vpsbot.db") }, ""},
		"a folder for all": {func(t *testing.T, folder string) string {
			require.NoError(t, os.Chmod(folder, 0o777))
			return filepath.Join(folder, "vpsbot.db")
		}, "others can write in the folder"},
		"below a folder for all": {func(t *testing.T, folder string) string {
			require.NoError(t, os.Chmod(folder, 0o777))
			return filepath.Join(folder, "a", "vpsbot.db")
		}, "others can write in the folder"},
		"a folder for all in which each has their own": {func(t *testing.T, folder string) string {
			require.NoError(t, os.Chmod(folder, 0o777|os.ModeSticky))
			return filepath.Join(folder, "vpsbot.db")
		}, ""},
		"a link above": {func(t *testing.T, folder string) string {
			require.NoError(t, os.Mkdir(filepath.Join(folder, "real"), 0o700))
			require.NoError(t, os.Symlink("real", filepath.Join(folder, "link")))
			return filepath.Join(folder, "link", "vpsbot.db")
		}, ""},
		"a link above, to a folder for all": {func(t *testing.T, folder string) string {
			require.NoError(t, os.Mkdir(filepath.Join(folder, "real"), 0o700))
			require.NoError(t, os.Chmod(filepath.Join(folder, "real"), 0o777))
			require.NoError(t, os.Symlink("real", filepath.Join(folder, "link")))
			return filepath.Join(folder, "link", "vpsbot.db")
		}, "others can write in the folder"},
		"the database as a link": linked(""),
		"its -wal as a link":     linked("-wal"),
		"its -shm as a link":     linked("-shm"),
		"its lock as a link":     linked("-lock"),
		"its queue as a link":    linked("-locks/queue"),
		"its turn as a link":     linked("-locks/turn"),
	} {
		t.Run(name, func(t *testing.T) {
			path := test.spoil(t, t.TempDir())
			s, err := store.Open(t.Context(), "sqlite:"+path)
			if test.says == "" {
				require.NoError(t, err)
				require.NoError(t, s.Close())
				return
			}
			require.ErrorContains(t, err, test.says)
		})
	}
}

type spoiled = struct {
	spoil func(t *testing.T, folder string) (path string)
	says  string
}

// linked puts a link in the place of one of the files, to a file that is there or not.
func linked(suffix string) spoiled {
	return spoiled{func(t *testing.T, folder string) string {
		path := filepath.Join(folder, "vpsbot.db")
		require.NoError(t, os.MkdirAll(filepath.Dir(path+suffix), 0o700))
		require.NoError(t, os.Symlink(filepath.Join(folder, "elsewhere"), path+suffix))
		return path
	}, "is a link, and whoever made it decides"}
}
