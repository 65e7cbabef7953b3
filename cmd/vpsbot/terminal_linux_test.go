package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

const getModes = unix.TCGETS

// openTerminal opens a pseudo-terminal. On Linux pty.Open is not safe: the kernel may write the number of the
// terminal to where the stack was before it grew, and then it opens /dev/pts/0, another program's terminal.
func openTerminal() (master, tty *os.File, err error) {
	master, err = os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		return nil, nil, err
	}
	fd := int(master.Fd())
	number, err := unix.IoctlGetUint32(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		return nil, nil, errors.Join(err, master.Close())
	}
	return master, tty, nil
}
