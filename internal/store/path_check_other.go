//go:build !unix

package store

import "os"

// hasModes says that a file's mode tells who may write it.
const hasModes = false

func isForeign(os.FileInfo) bool { return false }
