//go:build !unix

package store

import "os"

// hasModes: the mode of a file has the permission to write it.
const hasModes = false

func isForeign(os.FileInfo) bool { return false }
