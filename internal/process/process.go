// Package process names processes so that another process of the same machine can tell
// whether one still runs.
package process

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Self names this process by host, pid and start. No other process of this machine has the
// same name, before or after.
func Self() (id string, err error) {
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("name of this host: %w", err)
	}
	pid := os.Getpid()
	started, _, err := look(pid)
	if err != nil {
		return "", fmt.Errorf("start of this process: %w", err)
	}
	return fmt.Sprintf("%s/%d/%s", host, pid, started), nil
}

// Alive reports whether the process that [Self] named so still runs. Of another host's
// process, or a name in no known form, nothing can be said here: it counts as alive, and
// the caller's time limit decides.
func Alive(id string) bool {
	host, pid, started, ok := parse(id)
	if !ok {
		return true
	}
	if here, err := os.Hostname(); err != nil || here != host || !Here(id) {
		return true
	}
	now, running, err := look(pid)
	return err == nil && running && same(started, now)
}

func parse(id string) (host string, pid int, started string, ok bool) {
	parts := strings.Split(id, "/")
	if len(parts) != 3 || parts[0] == "" || !known(parts[2]) {
		return "", 0, "", false
	}
	pid, err := strconv.Atoi(parts[1])
	if err != nil || pid <= 0 || pid > 1<<31-1 {
		return "", 0, "", false
	}
	return parts[0], pid, parts[2], true
}
