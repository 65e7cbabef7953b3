package pgtest

import (
	"os"
	"os/exec"
	"os/user"
	"runtime"
	"strconv"
	"syscall"
)

const (
	supported = true
	immediate = syscall.SIGQUIT // PostgreSQL's "immediate shutdown"
)

// base is a folder that other users may pass through.
func base() string {
	if os.Geteuid() == 0 {
		return "/tmp"
	}
	return os.TempDir()
}

// handOver gives a folder to the user that the server runs as.
func handOver(folder string) error {
	c := credential()
	if c == nil {
		return nil
	}
	return os.Chown(folder, int(c.Uid), int(c.Gid))
}

// credential is the user to become: PostgreSQL refuses to run as root. nil: stay.
func credential() *syscall.Credential {
	if os.Geteuid() != 0 {
		return nil
	}
	const fallback = 65534
	c := &syscall.Credential{Uid: fallback, Gid: fallback}
	if nobody, err := user.Lookup("nobody"); err == nil {
		if id, err := strconv.ParseUint(nobody.Uid, 10, 32); err == nil {
			c.Uid = uint32(id)
		}
		if id, err := strconv.ParseUint(nobody.Gid, 10, 32); err == nil {
			c.Gid = uint32(id)
		}
	}
	return c
}

// command is a program that ends when this process does, however that ends.
func command(folder, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...) //nolint:gosec,noctx // a program of PostgreSQL, which Crash ends
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "LC_ALL=C", "HOME="+folder)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential(), Pdeathsig: immediate}
	return cmd
}

// launch starts a command and closes ended when it has ended. The system sends the signal of
// the parent's death when the thread ends that started the child, so that thread stays.
func launch(cmd *exec.Cmd, ended chan struct{}) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended does not matter
		}
		close(ended)
	}()
	return <-started
}

func runs(pid int) bool { return syscall.Kill(pid, 0) != syscall.ESRCH }
