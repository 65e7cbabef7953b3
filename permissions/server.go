package permissions

import (
	"strings"

	"github.com/vpsbot/vpsbot/internal/text"
)

// ServerPattern names servers in a rule. A whole number or a UUID is an id and never
// matches a name; anything else is a glob over names and never matches an id.
type ServerPattern string

// IsID reports whether the pattern is an id.
func (p ServerPattern) IsID() bool {
	return p != "" && (strings.Trim(string(p), "0123456789") == "" || text.IsUUID(string(p)))
}

// matches answers unread where the server's name would decide and is not known.
func (p ServerPattern) matches(t TargetServer, unread bool) bool {
	switch {
	case p.IsID():
		return strings.EqualFold(string(p), t.ID) // a UUID is the same in either case
	case t.Name == "" && t.ID != "" && p != "*":
		return unread
	}
	return Glob(p).Matches(t.Name)
}

// Covers reports whether p matches every server that other matches, as far as the words
// alone can tell.
func (p ServerPattern) Covers(other ServerPattern) bool {
	switch {
	case p == "*":
		return true
	case p.IsID() || other.IsID():
		return strings.EqualFold(string(p), string(other))
	}
	return Glob(p).Covers(Glob(other))
}

// anyServer is what a rule that names no servers means.
var anyServer = []ServerPattern{"*"}

// onServers reports whether one of the patterns matches; nil matches all.
func onServers(patterns []ServerPattern, t TargetServer, unread bool) bool {
	for _, p := range patterns {
		if p.matches(t, unread) {
			return true
		}
	}
	return patterns == nil
}

// coverAll reports whether the patterns match every server that other matches.
func coverAll(patterns []ServerPattern, other ServerPattern) bool {
	for _, p := range patterns {
		if p.Covers(other) {
			return true
		}
	}
	return patterns == nil
}
