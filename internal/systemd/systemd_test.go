package systemd_test

import (
	"net"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/systemd"
)

func lookup(variables map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, isSet := variables[name]
		return value, isSet
	}
}

// The states arrive in one datagram, over a path and over an abstract name.
func TestSend(t *testing.T) {
	for _, name := range []string{filepath.Join(t.TempDir(), "notify"), "@vpsbot-test-" + strconv.FormatInt(time.Now().UnixNano(), 36)} {
		manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
		require.NoError(t, err)
		defer manager.Close()
		n, err := systemd.New(lookup(map[string]string{"NOTIFY_SOCKET": name}), 7)
		require.NoError(t, err)
		require.Zero(t, n.Watchdog())
		require.NoError(t, n.Send(systemd.Ready, systemd.Status("ready,\nbut slow")))
		got := make([]byte, 100)
		size, err := manager.Read(got)
		require.NoError(t, err)
		require.Equal(t, "READY=1\nSTATUS=ready,; but slow", string(got[:size]))
	}
}

func TestNobodyAsks(t *testing.T) {
	n, err := systemd.New(lookup(map[string]string{"WATCHDOG_USEC": "1000"}), 7)
	require.NoError(t, err)
	require.Nil(t, n)
	require.NoError(t, n.Send(systemd.Ready))
	require.Zero(t, n.Watchdog())
}

func TestWatchdog(t *testing.T) {
	for _, c := range []struct {
		usec, pid string
		want      time.Duration
	}{
		{"30000000", "", 30 * time.Second},
		{"30000000", "7", 30 * time.Second},
		{"30000000", "8", 0}, // it is meant for another process
	} {
		variables := map[string]string{"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": c.usec}
		if c.pid != "" {
			variables["WATCHDOG_PID"] = c.pid
		}
		n, err := systemd.New(lookup(variables), 7)
		require.NoError(t, err)
		require.Equal(t, c.want, n.Watchdog())
	}
}

func TestWrongVariables(t *testing.T) {
	for says, variables := range map[string]map[string]string{
		`NOTIFY_SOCKET "vsock:2:1"`: {"NOTIFY_SOCKET": "vsock:2:1"},
		`WATCHDOG_USEC "soon"`:      {"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "soon"},
		`WATCHDOG_USEC "0"`:         {"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "0"},
	} {
		_, err := systemd.New(lookup(variables), 7)
		require.ErrorContains(t, err, says)
	}
}

// A manager that is gone is an error, and takes no time.
func TestNoManager(t *testing.T) {
	n, err := systemd.New(lookup(map[string]string{"NOTIFY_SOCKET": filepath.Join(t.TempDir(), "gone")}), 7)
	require.NoError(t, err)
	require.Error(t, n.Send(systemd.Ready))
}
