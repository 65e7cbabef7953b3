//go:build unix

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// echoes reports whether a terminal shows input. While it does not, the program drops it.
func echoes(terminal *os.File) bool {
	modes, err := unix.IoctlGetTermios(int(terminal.Fd()), getModes)
	return err == nil && modes.Lflag&unix.ECHO != 0
}
