package main

import "os"

// takesKeys reports whether what is typed is taken: a console here keeps nothing from being shown.
func takesKeys(*os.File) bool { return true }
