package process

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// look returns when a process started, in the kernel's ticks of this boot, and whether it
// runs. Unlike a time of day they stay the same when the clock is set. A zombie has a pid
// and a start, but runs no more.
func look(pid int) (started string, running bool, err error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", false, err
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", false, err
	}
	// The second field is the program's name, in parentheses, and may hold anything.
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	const state, startTime = 0, 19 // counted from the third field of proc_pid_stat(5)
	if len(fields) <= startTime {
		return "", false, errors.New("the system's answer about the process cannot be read")
	}
	dead := fields[state] == "Z" || fields[state] == "X"
	return strings.TrimSpace(string(boot)) + "-" + namespace() + "." + fields[startTime], !dead, nil
}

// namespace names the world of pids that this process lives in: containers of one host may
// each have their own, in which the same pid is another process.
func namespace() string {
	link, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return "0"
	}
	return strings.Trim(link, "pid:[]")
}

func known(started string) bool {
	boot, ticks, ok := strings.Cut(started, ".")
	return ok && boot != "" && ticks != "" && strings.Trim(ticks, "0123456789") == ""
}

func same(a, b string) bool { return a == b }
