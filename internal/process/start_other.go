//go:build !linux

package process

import (
	"slices"
	"strconv"
	"time"

	"github.com/shirou/gopsutil/v4/process"
)

// tolerance is how far two readings of one start time may lie apart: the system's own
// time of its start is not read to the millisecond.
const tolerance = 2 * time.Second

// look returns when a process started, in milliseconds since 1970, and whether it runs. A
// zombie has a pid and a start, but runs no more.
func look(pid int) (started string, running bool, err error) {
	p, err := process.NewProcess(int32(pid)) //nolint:gosec // parse and the system keep it in range
	if err != nil {
		return "", false, err
	}
	at, err := p.CreateTime()
	if err != nil {
		return "", false, err
	}
	status, err := p.Status()
	// Not every system tells; what does not is taken to run.
	return strconv.FormatInt(at, 10), err != nil || !slices.Contains(status, process.Zombie), nil
}

func known(started string) bool {
	at, err := strconv.ParseInt(started, 10, 64)
	return err == nil && at > 0
}

func same(a, b string) bool {
	was, _ := strconv.ParseInt(a, 10, 64)
	is, _ := strconv.ParseInt(b, 10, 64)
	return (time.Duration(is-was) * time.Millisecond).Abs() <= tolerance
}
