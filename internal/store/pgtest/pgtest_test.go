package pgtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const roleVariable = "PGTEST_ROLE"

// The test binary, started with a role, is a test process that is killed.
func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) == "" {
		os.Exit(Run(m))
	}
	server, err := start()
	if err != nil {
		os.Exit(1)
	}
	_, _ = os.Stdout.WriteString(server.folder + "\n")
	time.Sleep(time.Minute)
}

func TestSchemasAreApart(t *testing.T) {
	first, second := URL(t), URL(t)
	require.NotEqual(t, first, second)
	require.NoError(t, execute(first, "CREATE TABLE x (y bigint)"))
	require.NoError(t, execute(second, "CREATE TABLE x (y bigint)"))
	require.Error(t, execute(second, "CREATE TABLE x (y bigint)"))
}

func TestCrashAndRestart(t *testing.T) {
	server := Start(t)
	require.NoError(t, server.execute("CREATE TABLE x (y bigint)"))
	server.Crash()
	require.Error(t, server.execute("SELECT 1"))
	require.NoError(t, server.Restart())
	require.NoError(t, server.execute("SELECT * FROM x"))
	folder := server.folder
	server.Remove()
	require.NoDirExists(t, folder)
}

// A server that was killed leaves its lock, and processes that end a moment later.
func TestKilledAndRestarted(t *testing.T) {
	for range 5 {
		server := Start(t)
		require.NoError(t, server.cmd.Process.Kill())
		server.Crash()
		require.NoFileExists(t, server.lock())
		require.NoError(t, server.Restart())
		require.NoError(t, server.execute("SELECT 1"))
	}
}

// As long as a lock names a process that runs, no server starts; Restart waits for its end.
func TestLockedByAnother(t *testing.T) {
	server := Start(t)
	server.Crash()
	other, ended := command(server.folder, "sleep", "1"), make(chan struct{})
	require.NoError(t, launch(other, ended))
	require.NoError(t, os.WriteFile(server.lock(), fmt.Appendln(nil, other.Process.Pid), 0o666))
	server.unlock(other.Process.Pid + 1)
	require.FileExists(t, server.lock(), "it is not the server's own")
	require.NoError(t, server.Restart())
	select {
	case <-ended:
	default:
		t.Fatal("a server started although another had the lock")
	}
}

// A test process that is killed leaves no server, and its folder is swept by the next start.
func TestNothingIsLeftBehind(t *testing.T) {
	Start(t) // skips where there is none
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), roleVariable+"=victim")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line := make([]byte, 200)
	n, err := out.Read(line)
	require.NoError(t, err)
	folder := strings.TrimSpace(string(line[:n]))
	require.FileExists(t, filepath.Join(folder, "data", "postmaster.pid"))
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	require.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(folder, "data", "postmaster.pid"))
		return os.IsNotExist(err)
	}, 10*time.Second, 20*time.Millisecond, "the server ended with its parent")
	sweep()
	require.NoDirExists(t, folder)
}

func TestProgramsAreMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := programs(filepath.Join(t.TempDir(), "*", "bin"))
	require.Equal(t, errMissing, err)
	require.Contains(t, Missing, "PostgreSQL half of the tests did not run")
}
