package transport

import (
	"sync"
	"time"
)

// ghosts watches for connections of the app that are not ours: each payload goes to any one, and
// what a forgotten program gets is lost.
//
// Slack tells a new connection how many there are, and is late to notice that one has gone. So a
// count that does not fit is only a doubt: recount asks for a new connection, and what that one
// is told counts.
type ghosts struct {
	mu    sync.Mutex
	since time.Time // of the doubt; zero: there is none
	told  int       // the excess that was warned of
	timer *time.Timer
}

// verdict is what to say about a count.
type verdict int

const (
	nothingNew verdict = iota
	ghostsThere
	ghostsGone
)

func (g *ghosts) start() {
	g.timer = time.NewTimer(time.Hour)
	g.timer.Stop()
}

// recount is ready once, when a doubt is old enough to be looked at.
func (g *ghosts) recount() <-chan time.Time { return g.timer.C }

// seen takes what a hello counted. A change is told once, and only when it lasts. What is said before
// a doubt is old enough neither adds to it nor takes it away: hellos may overtake each other.
func (g *ghosts) seen(now time.Time, counted, ours int, doubt time.Duration) verdict {
	g.mu.Lock()
	defer g.mu.Unlock()
	excess := max(0, counted-ours)
	switch {
	case g.since.IsZero() && excess == g.told:
		return nothingNew
	case g.since.IsZero():
		g.since = now
		g.timer.Reset(doubt)
		return nothingNew
	case now.Sub(g.since) < doubt:
		return nothingNew
	}
	g.timer.Stop()
	g.since = time.Time{}
	return g.settle(excess)
}

func (g *ghosts) settle(excess int) verdict {
	before := g.told
	g.told = excess
	switch excess {
	case before:
		return nothingNew
	case 0:
		return ghostsGone
	}
	return ghostsThere
}
