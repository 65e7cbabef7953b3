//go:build !linux

package pgtest

import (
	"os"
	"os/exec"
)

// Elsewhere a server could outlive the tests, and there is no way to start it as another user.
const supported = false

var immediate = os.Kill

func base() string { return os.TempDir() }

func handOver(string) error { return nil }

func command(folder, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = folder
	return cmd
}

func launch(cmd *exec.Cmd, ended chan struct{}) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		_ = cmd.Wait() // how it ended does not matter
		close(ended)
	}()
	return nil
}

func runs(int) bool { return true }
