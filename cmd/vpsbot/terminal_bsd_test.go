//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package main

import (
	"os"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

const getModes = unix.TIOCGETA

func openTerminal() (master, tty *os.File, err error) { return pty.Open() }
