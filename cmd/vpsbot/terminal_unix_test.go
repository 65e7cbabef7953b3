//go:build unix

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// takesKeys reports whether what is typed at the other end of a terminal is shown there. While it
// is not, the program waits until its question can have been read, and drops what comes.
func takesKeys(terminal *os.File) bool {
	modes, err := unix.IoctlGetTermios(int(terminal.Fd()), getModes)
	return err == nil && modes.Lflag&unix.ECHO != 0
}
