// Package liveness shows other processes that this one exists, and finds out whether another still
// does.
//
// A holder has a random id and a lock, which it holds for as long as its process exists, stopped or
// not. The system releases the lock when the process dies. A holder is gone if and only if its lock
// can be taken: no clock, pid, heartbeat or host name is compared. Beside a SQLite file each lock is a
// file (see [Files]); on PostgreSQL it is a session's advisory lock (package store has it).
package liveness

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Kind is the purpose of a lock.
type Kind string

const (
	Work  Kind = "work"  // of a process that claims records, deliveries or posts: these name its id
	Slack Kind = "slack" // of a process that can put questions to people in Slack
	Prune Kind = "prune" // of the process that deletes what ended long ago
)

// State is what is known of a holder.
type State int

const (
	Exists  State = iota // its lock is held, or it cannot be found out whether it is
	Gone                 // its lock can be taken
	Missing              // it has left no lock: somebody removed it, or an older version worked without
)

// Lock is the lock of one holder. It is safe for concurrent use.
type Lock interface {
	// ID names the holder, at random: it is never used again.
	ID() string
	// Check fails unless the lock is held. It may ask the database, for a few seconds at most.
	Check(ctx context.Context) error
	// Release gives the lock up.
	Release() error
}

// ErrLost: a lock is no longer held.
var ErrLost = errors.New("the lock of this process is lost")

// NewID returns a random id of a holder.
func NewID() string { return strings.ToLower(rand.Text()) }

// isID reports whether a text can be an id that [NewID] made.
func isID(text string) bool {
	return len(text) == len(rand.Text()) && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

// checkedFor is how long a check of a lock counts.
const checkedFor = 5 * time.Second

// LastLook is the last check before the bytes of a change are sent. It starts with the checks of all that
// the change rests on, and detects the time that has passed since, as in a stopped process or on a
// machine that slept.
type LastLook struct {
	lock    Lock
	elapsed func() time.Duration

	mu      sync.Mutex
	refused error
}

// StartLastLook begins the time within which the change must be sent. It is called before the checks.
func StartLastLook(lock Lock) *LastLook { return &LastLook{lock: lock, elapsed: stopwatch()} }

// Allow fails where the lock was lost, or more than 5 s have passed on the monotonic clock or the
// boot clock. Once it has failed it always does.
func (l *LastLook) Allow(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refused != nil {
		return l.refused
	}
	l.refused = l.lock.Check(ctx)
	if passed := l.elapsed(); l.refused == nil && passed >= checkedFor {
		l.refused = fmt.Errorf("%s passed between the last check and the call, and at most %s may", passed.Round(time.Second), checkedFor)
	}
	return l.refused
}

// Refused returns what Allow failed with, or nil.
func (l *LastLook) Refused() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refused
}

// stopwatch returns a function for the time that has passed, by the one of two clocks that shows more.
// The monotonic clock stands still while a machine sleeps; the other (see bootClock) does not.
func stopwatch() (elapsed func() time.Duration) {
	start, boot := time.Now(), bootClock()
	return func() time.Duration { return max(time.Since(start), (bootClock() - boot).Abs()) }
}
