//go:build unix

package install

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// lock keeps other processes of vpsbot from changing files of a folder until unlock is called, or this process ends.
func lock(folder string) (unlock func()) {
	dir, err := os.Open(folder)
	if err == nil {
		_ = syscall.Flock(int(dir.Fd()), syscall.LOCK_EX) // not every file system can
	}
	return func() { _ = dir.Close() }
}

// keepOwner gives a new file the owner of the one whose place it takes.
func keepOwner(path string, of fs.FileInfo) error {
	is, ok := of.Sys().(*syscall.Stat_t)
	now, err := os.Stat(path)
	if err != nil || !ok {
		return err
	}
	if own, ok := now.Sys().(*syscall.Stat_t); ok && own.Uid == is.Uid && own.Gid == is.Gid {
		return nil
	}
	if err := os.Chown(path, int(is.Uid), int(is.Gid)); err != nil {
		return fmt.Errorf("%s belongs to another user or group, and is left as it is: run this as its owner", of.Name())
	}
	return nil
}
