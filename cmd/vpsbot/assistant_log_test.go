package main

import (
	"bufio"
	"testing"

	"github.com/stretchr/testify/require"
)

// assistantWithLog is an assistant whose server's log, on stderr, can be read.
func (b *bench) assistantWithLog(t *testing.T) (*assistant, *screen) {
	t.Helper()
	log := &screen{}
	cmd := b.command(t, "mcp")
	cmd.Stderr = log
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	a := &assistant{t: t, in: in, out: bufio.NewReader(out), cmd: cmd}
	a.ask("initialize", `{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"x","version":"1"}}`)
	return a, log
}
