package pgtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMain(m *testing.M) { os.Exit(Run(m)) }

func TestSchemasAreApart(t *testing.T) {
	first, second := URL(t), URL(t)
	assert.NotEqual(t, first, second)
	assert.NoError(t, execute(first, "CREATE TABLE x (y bigint)"))
	assert.NoError(t, execute(second, "CREATE TABLE x (y bigint)"))
	assert.Error(t, execute(second, "CREATE TABLE x (y bigint)"))
}

func TestCrashAndRestart(t *testing.T) {
	server := Start(t)
	assert.NoError(t, execute(server.URL(), "CREATE TABLE x (y bigint)"))
	server.Crash()
	assert.Error(t, execute(server.URL(), "SELECT 1"))
	assert.NoError(t, server.Restart())
	assert.NoError(t, execute(server.URL(), "SELECT * FROM x"))
	server.Remove()
	assert.NoDirExists(t, server.folder)
}

// The server of a test process that was killed is stopped by the next start.
func TestServersAreSwept(t *testing.T) {
	server := Start(t)
	left := filepath.Join(base(), folderPrefix+"999999999-left")
	assert.NoError(t, os.Rename(server.folder, left))
	sweep(server.bin)
	assert.NoDirExists(t, left)
	assert.Error(t, execute("postgres://postgres@/postgres?host="+left, "SELECT 1"))
}

func TestProgramsAreMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := programs(filepath.Join(t.TempDir(), "*", "bin"))
	assert.Equal(t, errMissing, err)
}
