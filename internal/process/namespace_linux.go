package process

import (
	"errors"
	"io/fs"
	"os"
	"strings"
)

// InUserNamespace reports whether this process is in another user namespace than the machine's
// first. Whoever makes one may be any user in it, so that a user's name says nothing there. What
// cannot be read counts as one.
func InUserNamespace() bool {
	ids, err := os.ReadFile("/proc/self/uid_map")
	if errors.Is(err, fs.ErrNotExist) {
		return false // a kernel without them
	}
	return err != nil || !isFirst(string(ids))
}

// isFirst reports whether a map of user ids is that of the first namespace: each id is itself.
func isFirst(ids string) bool { return strings.Join(strings.Fields(ids), " ") == "0 0 4294967295" }
