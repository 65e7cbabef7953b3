//go:build unix

package main

import "golang.org/x/sys/unix"

// isReal asks the system: it tells the foreground process group of a terminal only to a process
// that the terminal controls, and a process has one such terminal at most.
func (t *terminal) isReal() bool {
	own := unix.Getpgrp()
	for _, fd := range []int{int(t.in.Fd()), int(t.err.Fd())} {
		if group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP); err != nil || group != own {
			return false
		}
	}
	return true
}

// deafen keeps what is typed from being shown and from being put together into lines. Ctrl-C works
// on. listen takes it back.
func (t *terminal) deafen() (listen func() error, err error) {
	fd := int(t.in.Fd())
	before, err := unix.IoctlGetTermios(fd, getModes)
	if err != nil {
		return nil, err
	}
	deaf := *before
	deaf.Lflag &^= unix.ECHO | unix.ICANON
	if err := unix.IoctlSetTermios(fd, setModes, &deaf); err != nil {
		return nil, err
	}
	return func() error { return unix.IoctlSetTermios(fd, setModes, before) }, nil
}

// hasInput reports whether anything has been typed that was not read.
func (t *terminal) hasInput() bool {
	fd := int(t.in.Fd())
	var typed unix.FdSet
	typed.Set(fd)
	n, err := unix.Select(fd+1, &typed, nil, nil, &unix.Timeval{})
	return err == nil && n > 0
}
