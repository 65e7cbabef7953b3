package background

import (
	"slices"
	"sync"
	"time"
)

// Pulse watches loops: it knows since when each is in its present round. Its zero value is ready to use; on a nil
// Pulse nothing is recorded.
type Pulse struct {
	mu     sync.Mutex
	rounds map[string]time.Time // by the loop's message; those that pause are absent
}

// begin records that a loop begins a round, and returns what ends it.
func (p *Pulse) begin(loop string) (end func()) {
	if p == nil {
		return func() {}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rounds == nil {
		p.rounds = map[string]time.Time{}
	}
	p.rounds[loop] = time.Now()
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.rounds, loop)
	}
}

// Stuck returns the messages of the loops whose round has lasted for longer than limit, sorted.
func (p *Pulse) Stuck(limit time.Duration) (loops []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for loop, begun := range p.rounds {
		if time.Since(begun) > limit {
			loops = append(loops, loop)
		}
	}
	slices.Sort(loops)
	return loops
}
