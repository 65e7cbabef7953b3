package blocks

import (
	"slices"
	"strings"
)

// VPS.org's status words are an open set: what is not known is shown with a mark of its own.
var (
	good   = []string{"active", "running", "completed", "available", "ready"}
	off    = []string{"stopped", "off", "suspended", "deleted", "expired"}
	moving = []string{"in_progress", "pending", "queued", "resizing"}
)

// mark is a status at a glance.
func mark(status string) md {
	s := strings.ToLower(status)
	switch {
	case slices.Contains(good, s):
		return "🟢"
	case slices.Contains(off, s) || strings.Contains(s, "fail") || strings.Contains(s, "error"):
		return "🔴"
	case slices.Contains(moving, s) || strings.HasSuffix(s, "ing"):
		return "🟡"
	}
	return "⚪"
}

// statusOf is a status with its mark.
func statusOf(status string) md {
	if blank(status) {
		return mark("") + " unknown"
	}
	return mark(status) + " " + esc(short(status, longestName))
}
