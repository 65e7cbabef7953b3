package slackbot_test

import (
	"math/rand/v2"
	"sync"
)

// The figures of docs/proof.md that are about Slack: one file each. They run in seconds, or at
// full size with VPSBOT_PROOF=full, and log one line with what they counted.

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
