// Package systemd tells the service manager what a process is doing, by the protocol of sd_notify(3): a datagram to a
// socket that a variable names. The package daemon of coreos/go-systemd is as long, and reads the process's own
// environment, which here enters in one place.
package systemd

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// The states of a process. A Status is sent beside any of them.
const (
	Ready     = "READY=1"
	Reloading = "RELOADING=1"
	Stopping  = "STOPPING=1"
	Watchdog  = "WATCHDOG=1" // feeds the watchdog
)

// Status is a line for a person, which systemctl status shows.
func Status(text string) string { return "STATUS=" + strings.ReplaceAll(text, "\n", "; ") }

// Notifier sends states to the service manager. On a nil Notifier nothing is sent: no manager has asked.
type Notifier struct {
	address  net.UnixAddr
	watchdog time.Duration
}

// New returns the Notifier that the variables of a process ask for, nil where NOTIFY_SOCKET is not set. pid is the
// process's own: WATCHDOG_PID may name another one.
func New(lookup func(name string) (string, bool), pid int) (*Notifier, error) {
	socket, _ := lookup("NOTIFY_SOCKET")
	switch {
	case socket == "":
		return nil, nil
	case socket[0] != '/' && socket[0] != '@': // @ begins the name of an abstract socket
		return nil, fmt.Errorf("NOTIFY_SOCKET %q is not the path of a socket: systemd sets it, unset it elsewhere", socket)
	}
	n := &Notifier{address: net.UnixAddr{Name: socket, Net: "unixgram"}}
	text, isSet := lookup("WATCHDOG_USEC")
	if of, isMeant := lookup("WATCHDOG_PID"); !isSet || isMeant && of != strconv.Itoa(pid) {
		return n, nil
	}
	micros, err := strconv.ParseInt(text, 10, 64)
	if err != nil || micros <= 0 {
		return nil, fmt.Errorf("WATCHDOG_USEC %q is not a number of microseconds: systemd sets it, unset it elsewhere", text)
	}
	n.watchdog = time.Duration(micros) * time.Microsecond
	return n, nil
}

// Watchdog is the time within which the manager wants to hear [Watchdog] again; 0: it does not watch.
func (n *Notifier) Watchdog() time.Duration {
	if n == nil {
		return 0
	}
	return n.watchdog
}

// Send sends states in one datagram. It does not wait for a manager that does not read.
func (n *Notifier) Send(states ...string) error {
	if n == nil {
		return nil
	}
	conn, err := net.DialUnix(n.address.Net, nil, &n.address)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // what was sent is with the manager
	if err := conn.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	_, err = conn.Write([]byte(strings.Join(states, "\n")))
	return err
}
