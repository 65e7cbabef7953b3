package main

import "golang.org/x/sys/windows"

// isReal reports whether both are a console: a process has one console at most.
func (t *terminal) isReal() bool {
	var mode uint32
	return windows.GetConsoleMode(windows.Handle(t.in.Fd()), &mode) == nil &&
		windows.GetConsoleMode(windows.Handle(t.err.Fd()), &mode) == nil
}

// deafen does nothing: a console shows what is typed when it is read.
func (t *terminal) deafen() (listen func() error, err error) {
	return func() error { return nil }, nil
}

// flush drops what was typed and not read.
func (t *terminal) flush() error {
	return windows.FlushConsoleInputBuffer(windows.Handle(t.in.Fd()))
}

// hasInput cannot tell a key from a movement of the mouse, so it says no: what came is dropped.
func (t *terminal) hasInput() bool { return false }
