package main

import (
	"fmt"
	"path"
	"strings"

	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/tools"
)

// idleGlob returns the first of the globs that fits no operation, or "".
func idleGlob(globs []string) string {
	for _, glob := range globs {
		if fitting([]string{glob}) == 0 {
			return glob
		}
	}
	return ""
}

// fitting counts the operations that one of the globs fits.
func fitting(globs []string) (n int) {
	for _, op := range tools.Operations() {
		for _, glob := range globs {
			if ok, _ := path.Match(glob, op.Name); ok {
				n++
				break
			}
		}
	}
	return n
}

// idleHint says what is wrong with the globs of VPSBOT_OPERATIONS, in one sentence, or "".
func idleHint(globs []string) string {
	glob := idleGlob(globs)
	if glob == "" {
		return ""
	}
	says := fmt.Sprintf("VPSBOT_OPERATIONS: %q fits no operation", text.Clean(glob))
	if near := nearGlob(glob); near != "" {
		says += "; did you mean " + near + "?"
	}
	return says
}

// nearGlob is the operation, or all of a resource, that a glob may have been meant for.
func nearGlob(glob string) string {
	var known []string
	for _, op := range tools.Operations() {
		resource, _, _ := strings.Cut(op.Name, ".")
		known = append(known, op.Name, resource+".*")
	}
	return text.Suggest(strings.ToLower(glob), known)
}
