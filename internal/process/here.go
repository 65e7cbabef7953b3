package process

import "strings"

// Here reports whether a process that [Self] named runs, or ran, on this machine since it last
// started, so that [Alive] can tell. A name in no known form is of somewhere else.
func Here(id string) bool {
	self, err := Self()
	if err != nil {
		return false
	}
	host, _, started, ok := parse(id)
	ourHost, _, ourStart, _ := parse(self)
	return ok && host == ourHost && boot(started) == boot(ourStart)
}

// boot is what a start says of the boot it was in; empty on systems that do not tell.
func boot(started string) string {
	name, _, ok := strings.Cut(started, ".")
	if !ok {
		return ""
	}
	return name
}
