// Package testkit has helpers that the tests of several packages share: a clock that tests advance, a log
// that is read while it is written, concurrent calls, and the size and the seed of a proof.
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

// Clock is a clock that tests advance.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock set to a time.
func NewClock(at time.Time) *Clock { return &Clock{now: at} }

// Now is the time of the clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance adds to the time.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Log is a writer that tests read while it is written. Its zero value is empty.
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

// IsFull reports whether proofs run at full size, as "make proof" runs them.
func IsFull() bool { return os.Getenv("VPSBOT_PROOF") == "full" }

// Size returns few in an ordinary run and full at full size.
func Size(few, full int) int {
	if IsFull() {
		return full
	}
	return few
}

// Figure logs a figure, in the format that docs/proof.md is made from.
func Figure(t testing.TB, number int, format string, args ...any) {
	t.Helper()
	t.Logf("figure %d: %s", number, fmt.Sprintf(format, args...))
}

// Seed returns a new random seed, or VPSBOT_SEED. A failed test logs it.
func Seed(t testing.TB) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if given := os.Getenv("VPSBOT_SEED"); given != "" {
		n, err := strconv.ParseUint(given, 10, 64)
		if err != nil {
			t.Fatal("VPSBOT_SEED: ", err)
		}
		seed = n
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("VPSBOT_SEED=%d repeats it", seed)
		}
	})
	return seed
}

// Sent lists the writes that the simulator received, as "DELETE /servers/12345/".
func Sent(sim *simulator.Simulator) (writes []string) {
	for _, r := range sim.Writes() {
		writes = append(writes, r.Method+" "+strings.TrimPrefix(r.Path, "/api/v1"))
	}
	return writes
}

// Concurrently calls f with 0 to n-1 from n goroutines that start together, and waits for them.
func Concurrently(n int, f func(i int)) {
	var done sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		done.Go(func() {
			<-begin
			f(i)
		})
	}
	close(begin)
	done.Wait()
}

// BigPolicy is the text of a policy file with that many rules and people, in teams of ten. Each rule is about servers
// of its own, which are named app-N-… and db-N: two of three for a team and a person, the others for everybody. Every
// twentieth denies; every seventh names approvers, where it allows.
func BigPolicy(rules, people int) []byte {
	var b strings.Builder
	b.WriteString("version: 1\npeople:\n")
	teams := make([][]string, (people+9)/10)
	for i := range people {
		fmt.Fprintf(&b, "  - {id: person-%d, slack: [U%07d], keys: [laptop-%d], local: [user%d]}\n", i, i, i, i)
		teams[i/10] = append(teams[i/10], fmt.Sprint("person-", i))
	}
	b.WriteString("groups:\n")
	for i, members := range teams {
		fmt.Fprintf(&b, "  team-%d: {people: [%s]}\n", i, strings.Join(members, ", "))
	}
	b.WriteString("rules:\n")
	for i := range rules {
		effect, who, approvers := "allow", fmt.Sprintf("team-%d, person-%d", i%len(teams), i%people), ""
		if i%3 == 0 {
			who = `"*"`
		}
		switch {
		case i%20 == 19:
			effect = "deny"
		case i%7 == 0:
			approvers = fmt.Sprintf(", approvers: {count: 1, who: [team-%d, person-%d]}", i%len(teams), i%people)
		}
		fmt.Fprintf(&b, "  - {name: rule %d, effect: %s, who: [%s], where: [mcp, slack, terminal], operations: [servers.*, backups.*], servers: [app-%d-*, db-%d]%s}\n",
			i, effect, who, i, i, approvers)
	}
	return []byte(b.String())
}
