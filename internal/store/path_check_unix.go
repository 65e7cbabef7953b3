//go:build unix

package store

import (
	"os"
	"syscall"
)

const hasModes = true

// isForeign reports whether a file is another user's than this process's. To root all are its own.
func isForeign(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	me := os.Geteuid()
	return ok && me != 0 && int(stat.Uid) != me
}
