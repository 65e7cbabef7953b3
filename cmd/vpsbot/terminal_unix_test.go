//go:build unix

package main

import (
	"errors"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// startInTerminal starts a program in a terminal of its own, and returns the terminal's other end. Its size is
// unknown, as where nobody has set it, unless a number of columns is given.
func startInTerminal(cmd *exec.Cmd, columns int) (*os.File, error) {
	master, tty, err := openTerminal()
	if err != nil {
		return nil, err
	}
	if columns > 0 {
		size := &unix.Winsize{Col: uint16(columns), Row: 24}
		if err := unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, size); err != nil {
			return nil, errors.Join(err, tty.Close(), master.Close())
		}
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = tty, tty, tty, controlledBy(0)
	if err := errors.Join(cmd.Start(), tty.Close()); err != nil {
		return nil, errors.Join(err, master.Close())
	}
	return master, nil
}

// controlledBy starts a program in a session of its own, whose controlling terminal is a file descriptor.
func controlledBy(fd int) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: fd}
}

// echoes reports whether a terminal shows input. While it does not, the program drops it.
func echoes(terminal *os.File) bool {
	modes, err := unix.IoctlGetTermios(int(terminal.Fd()), getModes)
	return err == nil && modes.Lflag&unix.ECHO != 0
}
