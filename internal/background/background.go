// Package background runs work beside the requests: loops that survive their errors and panics, and
// groups of goroutines that get a grace period when the process stops.
package background

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Safely calls do and turns a panic into an error, so that one broken record ends no loop.
func Safely(ctx context.Context, do func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("internal error: %v", p)
		}
	}()
	return do(ctx)
}

// Wake wakes who receives from a channel that has room for one. All calls meanwhile wake it a single further time.
func Wake(up chan<- struct{}) {
	select {
	case up <- struct{}{}:
	default:
	}
}

// Loop repeats work at an interval.
type Loop struct {
	Interval time.Duration
	Wake     <-chan struct{} // calls it at once; nil: nothing does
	Log      *slog.Logger
	Message  string // of the line that an error is logged with
	Pulse    *Pulse // watches the loop; nil: nothing does
}

// Run calls do at once and then at each interval, until ctx ends. An error is logged once, and again
// only after another result.
func (l Loop) Run(ctx context.Context, do func(context.Context) error) {
	tick := time.NewTicker(l.Interval)
	defer tick.Stop()
	logged := ""
	for {
		failure := ""
		end := l.Pulse.begin(l.Message)
		if err := Safely(ctx, do); err != nil && ctx.Err() == nil {
			failure = err.Error()
		}
		end()
		if failure != logged && failure != "" {
			l.Log.Warn(l.Message, "error", failure)
		}
		logged = failure
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-l.Wake:
		}
	}
}

// Group is work that outlives the context which started it, but not the process. Make one with NewGroup.
type Group struct {
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
}

// NewGroup returns an empty group.
func NewGroup() *Group {
	g := &Group{}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	return g
}

// Go calls do on a goroutine of its own. Its context ends when the grace period of Stop is over.
func (g *Group) Go(do func(context.Context)) { g.work.Go(func() { do(g.ctx) }) }

// How long Stop waits: for the work to finish, and then for it to notice that its context has ended.
const (
	grace    = 5 * time.Second
	cutShort = time.Second
)

// Stop waits for the work to finish, then ends its context and waits for a second more. Nothing may
// be added any more.
func (g *Group) Stop() {
	finished := make(chan struct{})
	go func() {
		g.work.Wait()
		close(finished)
	}()
	select {
	case <-finished:
	case <-time.After(grace):
		g.cancel()
		select {
		case <-finished:
		case <-time.After(cutShort): // the store has what was interrupted, as after a crash
		}
	}
	g.cancel()
}

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
