package main

import (
	"os/exec"
	"testing"

	"github.com/vpsbot/vpsbot/internal/testkit"
)

// assistantWithLog is an assistant whose server's log, on stderr, can be read.
func (b *bench) assistantWithLog(t *testing.T) (*assistant, *testkit.Log) {
	t.Helper()
	log := &testkit.Log{}
	return b.assistant(t, func(cmd *exec.Cmd) { cmd.Stderr = log }), log
}
