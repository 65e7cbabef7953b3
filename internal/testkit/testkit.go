// Package testkit has what the tests of several packages share: a clock that goes by hand, a log that
// is read while it is written, and how often a proof is tried.
package testkit

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
)

// Clock is a time that tests move.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that stands at a time.
func NewClock(at time.Time) *Clock { return &Clock{now: at} }

// Now is where the clock stands.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance puts the clock forward.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Log takes what is written, a log or a terminal's output, for tests that read it meanwhile. Its zero
// value is empty.
type Log struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// IsFull reports whether proofs are tried at full size, as "make proof" does.
func IsFull() bool { return os.Getenv("VPSBOT_PROOF") == "full" }

// Size is how often something is tried: in every run, and at full size.
func Size(few, full int) int {
	if IsFull() {
		return full
	}
	return few
}

// Figure says what was counted, in the line that docs/proof.md is made of.
func Figure(t testing.TB, number int, format string, args ...any) {
	t.Helper()
	t.Logf("figure %d: %s", number, fmt.Sprintf(format, args...))
}

// Seed is what a proof draws from: another each time, unless VPSBOT_SEED repeats one.
func Seed(t testing.TB) uint64 {
	t.Helper()
	drawn := uint64(time.Now().UnixNano())
	if given := os.Getenv("VPSBOT_SEED"); given != "" {
		n, err := strconv.ParseUint(given, 10, 64)
		if err != nil {
			t.Fatal("VPSBOT_SEED: ", err)
		}
		drawn = n
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("VPSBOT_SEED=%d repeats it", drawn)
		}
	})
	return drawn
}

// Sent lists the writes that the simulator received, as "DELETE /servers/12345/".
func Sent(sim *simulator.Simulator) (writes []string) {
	for _, r := range sim.Writes() {
		writes = append(writes, r.Method+" "+strings.TrimPrefix(r.Path, "/api/v1"))
	}
	return writes
}
