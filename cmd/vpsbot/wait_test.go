package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Ctrl-C while waiting stops the waiting alone: the reboot was sent and goes on.
func TestCtrlCStopsTheWaitingAlone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.env["VPSBOT_LOG_LEVEL"] = "info"
	b.serve(t, 0.001)
	screen, err := converse(b.command(t, "run", "servers.reboot", "web-server-01", "--yes", "--wait"), parseTalk("> servers.reboot: rebooting (\n< ^C\n"))
	require.ErrorContains(t, err, "exit status 1")
	require.Contains(t, screen, "You stopped waiting; the work goes on at VPS.org.")
	require.Contains(t, screen, "\r\x1b[K", "the progress line is written anew and cleared")
	require.Len(t, b.sim.Writes(), 1)
}

// What takes longer than --timeout is no success, but was sent.
func TestTimeout(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.serve(t, 0.001)
	errs, code := b.inTerminal(t, "", "run", "servers.reboot", "web-server-01", "--yes", "--wait", "--timeout", "1200ms")
	require.Equal(t, 1, code)
	require.Regexp(t, `it has not settled; its status is .rebooting.`, errs)
	require.Len(t, b.sim.Writes(), 1)
	_, errs, code = b.run(t.Context(), "run", "servers.reboot", "web-server-01", "--timeout", "0s")
	require.Equal(t, 2, code)
	require.Contains(t, errs, "--timeout must be above 0")
}
