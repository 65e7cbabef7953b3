package slackbot_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The figures of docs/proof.md that are about Slack: one file each. They run in seconds, or at
// full size with VPSBOT_PROOF=full, and log one line with what they counted.

// size is how often something is tried: in every run, and with VPSBOT_PROOF=full.
func size(t testing.TB, ci, full int) int {
	t.Helper()
	if os.Getenv("VPSBOT_PROOF") == "full" {
		return full
	}
	return ci
}

// figure says what was counted, in the line that docs/proof.md is made of.
func figure(t testing.TB, number int, format string, args ...any) {
	t.Helper()
	t.Logf("figure %d: %s", number, fmt.Sprintf(format, args...))
}

// seed is what a proof draws from: another each time, unless VPSBOT_SEED repeats one.
func seed(t testing.TB) uint64 {
	t.Helper()
	drawn := uint64(time.Now().UnixNano())
	if given := os.Getenv("VPSBOT_SEED"); given != "" {
		n, err := strconv.ParseUint(given, 10, 64)
		require.NoError(t, err)
		drawn = n
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("VPSBOT_SEED=%d repeats it", drawn)
		}
	})
	return drawn
}

// senders is how many send at once.
const senders = 8

// share calls do with 0 to n-1, from several goroutines. Each has chance of its own.
func share(n int, s uint64, do func(random *rand.Rand, i int)) {
	var all sync.WaitGroup
	for from := range senders {
		random := rand.New(rand.NewPCG(s, uint64(from)))
		all.Go(func() {
			for i := from; i < n; i += senders {
				do(random, i)
			}
		})
	}
	all.Wait()
}
