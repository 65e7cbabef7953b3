package liveness

import (
	"time"

	"golang.org/x/sys/unix"
)

// bootClock is the time since the machine was started, its sleep included. Nobody can set it.
func bootClock() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return time.Duration(time.Now().UnixNano()) // a kernel without it: as on other systems
	}
	return time.Duration(t.Nano())
}
