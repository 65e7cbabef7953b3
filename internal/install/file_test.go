//go:build unix

package install

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// installIn installs into the file at a path, as the command does.
func installIn(path string) error {
	client, _ := Named("cursor")
	file, err := Open(path)
	if err != nil {
		return err
	}
	change, err := client.Install(file, "vpsbot", server)
	if err != nil {
		return err
	}
	return change.Apply()
}

func names(t *testing.T, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// A folder that is missing is made for its owner alone, like the file.
func TestMissingFolder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a", "b", "mcp.json")
	require.NoError(t, installIn(path))
	for at, mode := range map[string]fs.FileMode{path: 0o600, filepath.Dir(path): 0o700, filepath.Dir(filepath.Dir(path)): 0o700} {
		info, err := os.Stat(at)
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode().Perm(), at)
	}
	require.Equal(t, []string{"mcp.json"}, names(t, filepath.Dir(path)))
}

// Mode and owner stay; the copy has them too.
func TestModeAndOwnerStay(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mcp.json")
	require.NoError(t, os.WriteFile(path, []byte("{}"), 0o600))
	require.NoError(t, os.Chmod(path, 0o664)) //nolint:gosec // what is tried
	owner := uint32(os.Getuid())              //nolint:gosec // of this system
	if owner == 0 {
		owner = 12345
		require.NoError(t, os.Chown(path, int(owner), 54321))
	}
	require.NoError(t, installIn(path))
	for _, at := range []string{path, path + copySuffix} {
		info, err := os.Stat(at)
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o664), info.Mode().Perm())
		require.Equal(t, owner, info.Sys().(*syscall.Stat_t).Uid)
	}
	require.Equal(t, "{}", string(read1(t, path+copySuffix)))
}

// Read-only files and folders, links to nothing, folders and what cannot be parsed are refused and untouched.
func TestRefusedFiles(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(t *testing.T, path string)
		want    string
	}{
		"read-only file": {func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path, []byte("{}"), 0o444)) }, "mcp.json is read-only"},
		"read-only folder": {func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, []byte("{}"), 0o600))
			require.NoError(t, os.Chmod(filepath.Dir(path), 0o500)) //nolint:gosec // what is tried
		}, "is read-only"},
		"read-only folder without the file": {func(t *testing.T, path string) {
			require.NoError(t, os.Chmod(filepath.Dir(path), 0o500)) //nolint:gosec // what is tried
		}, "is read-only"},
		"link to nothing": {func(t *testing.T, path string) { require.NoError(t, os.Symlink("nowhere", path)) }, "is a link to a file that is not there"},
		"folder":          {func(t *testing.T, path string) { require.NoError(t, os.Mkdir(path, 0o700)) }, "is no file"},
		"broken":          {func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path, []byte("{\n\"a\" 1}"), 0o600)) }, "line 2, column 5"},
		"too large": {func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, nil, 0o600))
			require.NoError(t, os.Truncate(path, maxBytes+1))
		}, "64 MB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "mcp.json")
			test.prepare(t, path)
			before := names(t, filepath.Dir(path))
			raw, _ := os.ReadFile(path)
			require.ErrorContains(t, installIn(path), test.want)
			require.Equal(t, before, names(t, filepath.Dir(path)))
			now, _ := os.ReadFile(path)
			require.Equal(t, raw, now)
		})
	}
}

// A link stays, and the file that it leads to is written.
func TestLinkStays(t *testing.T) {
	t.Parallel()
	home, dotfiles := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dotfiles, "cursor.json"), []byte("{\n}\n"), 0o600))
	require.NoError(t, os.Symlink(filepath.Join(dotfiles, "cursor.json"), filepath.Join(home, "mcp.json")))
	require.NoError(t, installIn(filepath.Join(home, "mcp.json")))
	link, err := os.Readlink(filepath.Join(home, "mcp.json"))
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dotfiles, "cursor.json"), link)
	require.Contains(t, string(read1(t, link)), "/usr/bin/vpsbot")
	require.Equal(t, []string{"mcp.json"}, names(t, home))
	require.Equal(t, []string{"cursor.json", "cursor.json" + copySuffix}, names(t, dotfiles))
}

// What another program writes between reading and writing is not written over.
func TestChangedMeanwhile(t *testing.T) {
	t.Parallel()
	client, _ := Named("cursor")
	for name, test := range map[string]struct {
		before  []byte // nil: no file
		between func(path string) error
		left    string // "": no file
	}{
		"changed":  {[]byte("{}"), func(path string) error { return os.WriteFile(path, []byte("{ }"), 0o600) }, "{ }"},
		"made":     {nil, func(path string) error { return os.WriteFile(path, nil, 0o600) }, ""},
		"taken":    {[]byte("{}"), os.Remove, ""},
		"replaced": {[]byte("{}"), func(path string) error { return os.WriteFile(path, []byte("{\"mcpServers\": {}}"), 0o600) }, "{\"mcpServers\": {}}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "mcp.json")
			if test.before != nil {
				require.NoError(t, os.WriteFile(path, test.before, 0o600))
			}
			file, err := Open(path)
			require.NoError(t, err)
			change, err := client.Install(file, "vpsbot", server)
			require.NoError(t, err)
			require.NoError(t, test.between(path))
			require.ErrorContains(t, change.Apply(), "another program has changed "+path)
			now, _ := os.ReadFile(path)
			require.Equal(t, test.left, string(now))
			for _, name := range names(t, filepath.Dir(path)) {
				require.NotContains(t, name, "partial")
			}
		})
	}

	path := filepath.Join(t.TempDir(), "mcp.json") // made for the entry, and changed before it is removed
	require.NoError(t, installIn(path))
	file, err := Open(path)
	require.NoError(t, err)
	change, err := client.Uninstall(file, "vpsbot")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte("{}"), 0o600))
	require.ErrorContains(t, change.Apply(), "another program")
	require.Equal(t, "{}", string(read1(t, path)))
}

// What a person changes after the entry was written stays when it is taken out: the copy is of before.
func TestLaterChangesStay(t *testing.T) {
	t.Parallel()
	client, _ := Named("cursor")
	path := filepath.Join(t.TempDir(), "mcp.json")
	require.NoError(t, os.WriteFile(path, []byte("{\n  \"a\": 1\n}\n"), 0o600))
	require.NoError(t, installIn(path))
	later := append([]byte("// mine\n"), read1(t, path)...)
	require.NoError(t, os.WriteFile(path, later, 0o600))
	file, err := Open(path)
	require.NoError(t, err)
	change, err := client.Uninstall(file, "vpsbot")
	require.NoError(t, err)
	require.NoError(t, change.Apply())
	require.Equal(t, "// mine\n{\n  \"a\": 1,\n  \"mcpServers\": {}\n}\n", string(read1(t, path)))
	require.Equal(t, later, read1(t, path+copySuffix))
}

func TestOpencodeReadsEitherName(t *testing.T) {
	t.Parallel()
	opencode, _ := Named("opencode")
	path := filepath.Join(t.TempDir(), "opencode.json")
	require.Equal(t, path, opencode.Existing(path))
	require.NoError(t, os.WriteFile(path+"c", nil, 0o600))
	require.Equal(t, path+"c", opencode.Existing(path))
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.Equal(t, path, opencode.Existing(path))
	vscode, _ := Named("vscode")
	require.Equal(t, "/no/mcp.json", vscode.Existing("/no/mcp.json"))
}

// Of installations at the same time none is lost: each is in the file, or says that it is not.
func TestAtTheSameTime(t *testing.T) {
	t.Parallel()
	client, _ := Named("cursor")
	for range 40 {
		path := filepath.Join(t.TempDir(), "mcp.json")
		require.NoError(t, os.WriteFile(path, []byte("{}"), 0o600))
		var done sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			done.Go(func() {
				file, err := Open(path)
				if err == nil {
					var change Change
					if change, err = client.Install(file, fmt.Sprint("n", i), server); err == nil {
						err = change.Apply()
					}
				}
				errs[i] = err
			})
		}
		done.Wait()
		file, err := Open(path)
		require.NoError(t, err)
		written := 0
		for i, err := range errs {
			isThere := client.Holds(file, fmt.Sprint("n", i), server)
			require.Equal(t, err == nil, isThere, "%v", err)
			if isThere {
				written++
			}
		}
		require.Positive(t, written)
	}
}
