package main

import "os"

// echoes returns true: a console shows all input.
func echoes(*os.File) bool { return true }
