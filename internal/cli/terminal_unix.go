//go:build unix

package cli

import "golang.org/x/sys/unix"

// isReal reports whether stdin and stderr are the terminal that controls this process: the system tells a
// terminal's foreground process group only to a process that it controls, and a process has at most one.
func (t *terminal) isReal() bool {
	own := unix.Getpgrp()
	for _, fd := range []int{int(t.in.Fd()), int(t.err.Fd())} {
		if group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP); err != nil || group != own {
			return false
		}
	}
	return true
}

// muteInput switches echo and line editing off until restore is called. Ctrl-C still works.
func (t *terminal) muteInput() (restore func() error, err error) {
	fd := int(t.in.Fd())
	before, err := unix.IoctlGetTermios(fd, getModes)
	if err != nil {
		return nil, err
	}
	muted := *before
	muted.Lflag &^= unix.ECHO | unix.ICANON
	if err := unix.IoctlSetTermios(fd, setModes, &muted); err != nil {
		return nil, err
	}
	return func() error { return unix.IoctlSetTermios(fd, setModes, before) }, nil
}

// typed reads the input that there is, which must be muted: read line by line it would wait for the line's end.
func (t *terminal) typed() string {
	fd := int(t.in.Fd())
	var ready unix.FdSet
	ready.Set(fd)
	if n, err := unix.Select(fd+1, &ready, nil, nil, &unix.Timeval{}); err != nil || n == 0 {
		return ""
	}
	input := make([]byte, 4096)
	n, _ := unix.Read(fd, input)
	return string(input[:max(n, 0)])
}
