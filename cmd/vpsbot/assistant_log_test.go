package main

import (
	"os/exec"
	"testing"
)

// assistantWithLog is an assistant whose server's log, on stderr, can be read.
func (b *bench) assistantWithLog(t *testing.T) (*assistant, *screen) {
	t.Helper()
	log := &screen{}
	return b.assistant(t, func(cmd *exec.Cmd) { cmd.Stderr = log }), log
}
