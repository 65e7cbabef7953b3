package process_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/process"
)

// TestMain lets the test program play the other process: it says who it is, and stays.
func TestMain(m *testing.M) {
	if os.Getenv("PLAY_OTHER_PROCESS") == "" {
		os.Exit(m.Run())
	}
	id, err := process.Self()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(id)
	time.Sleep(time.Minute)
}

func other(t *testing.T) (id string, cmd *exec.Cmd) {
	t.Helper()
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PLAY_OTHER_PROCESS=1")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	id, err = bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(id), cmd
}

func TestSelf(t *testing.T) {
	id, err := process.Self()
	require.NoError(t, err)
	require.True(t, process.Alive(id))
	again, err := process.Self()
	require.NoError(t, err)
	require.True(t, process.Alive(again))
	host, err := os.Hostname()
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(id, fmt.Sprintf("%s/%d/", host, os.Getpid())), id)
}

func TestKilled(t *testing.T) {
	id, cmd := other(t)
	mine, err := process.Self()
	require.NoError(t, err)
	require.NotEqual(t, mine, id)
	require.True(t, process.Alive(id))
	require.NoError(t, cmd.Process.Kill())
	// Nobody has waited for it yet: it is a zombie, which runs no more.
	require.Eventually(t, func() bool { return !process.Alive(id) }, 5*time.Second, 5*time.Millisecond)
	_ = cmd.Wait()
	require.False(t, process.Alive(id))
}

// Another process that was given the same pid is not the one that was named.
func TestPidUsedAgain(t *testing.T) {
	id, err := process.Self()
	require.NoError(t, err)
	require.True(t, process.Alive(id))
	require.False(t, process.Alive(id+"9"))
}

func TestNotForUsToSay(t *testing.T) {
	for _, id := range []string{"elsewhere.example.com/1/1700000000000", "", "x", "a/b/c", "//", "host/0/1", "host/1/0", "a/1/2/3"} {
		t.Run(id, func(t *testing.T) { require.True(t, process.Alive(id)) })
	}
}

func FuzzAlive(f *testing.F) {
	id, err := process.Self()
	require.NoError(f, err)
	f.Add(id)
	f.Add("a/99999999999/1")
	f.Fuzz(func(_ *testing.T, id string) { process.Alive(id) })
}
