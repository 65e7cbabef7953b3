package install

import "io/fs"

// keepOwner leaves a new file to who makes it: its access comes from its folder.
func keepOwner(string, fs.FileInfo) error { return nil }

func lock(string) (unlock func()) { return func() {} }
