package config

import "os"

const hasModes = false // they say nothing

// isOwn is true: the folders of a user are that user's alone.
func isOwn(os.FileInfo) bool { return true }
