package cli

import "golang.org/x/sys/windows"

// isReal reports whether stdin and stderr are a console: a process has at most one.
func (t *terminal) isReal() bool {
	var mode uint32
	return windows.GetConsoleMode(windows.Handle(t.in.Fd()), &mode) == nil &&
		windows.GetConsoleMode(windows.Handle(t.err.Fd()), &mode) == nil
}

// muteInput does nothing: a console shows input only when it is read.
func (t *terminal) muteInput() (restore func() error, err error) {
	return func() error { return nil }, nil
}

// flush drops input that was not read.
func (t *terminal) flush() error {
	return windows.FlushConsoleInputBuffer(windows.Handle(t.in.Fd()))
}

// typed returns nothing: a key and a movement of the mouse look the same. The caller drops the input.
func (t *terminal) typed() string { return "" }
