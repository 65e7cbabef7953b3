package transport

import (
	"sync"
	"time"
)

// strayConnections are connections of the app that are not ours. Slack sends each delivery over any one
// connection, so what a forgotten program receives is lost. Each hello has Slack's count, but Slack notices
// late that a connection has ended: a count that does not fit is checked by a new connection after a while.
type strayConnections struct {
	sync.Mutex
	since    time.Time // when the count stopped to fit; zero: it fits
	reported int
	recount  *time.Timer
}

// update takes the count of a hello, and returns whether the number of strays has changed for certain.
func (y *strayConnections) update(strays int, now time.Time, recount time.Duration) (changed bool) {
	y.Lock()
	defer y.Unlock()
	switch {
	case y.since.IsZero() && strays != y.reported:
		y.since = now
		y.recount.Reset(recount)
	case !y.since.IsZero() && now.Sub(y.since) >= recount:
		y.recount.Stop()
		changed = strays != y.reported
		y.since, y.reported = time.Time{}, strays
	}
	return changed
}

func (s *Socket) logConnected(counted int) {
	ours := int(s.open.Load())
	s.Log.Info("Slack: connected", "connections", ours)
	strays := max(0, counted-ours)
	switch changed := s.strays.update(strays, time.Now(), s.timing.recount); {
	case changed && strays > 0:
		s.Log.Warn("Slack: other connections of this app get a part of all commands and clicks: "+
			"unless they are replicas of vpsbot on the same database, stop the program that uses its SLACK_APP_TOKEN, or make a new token",
			"connections", counted, "ours", ours)
	case changed:
		s.Log.Info("Slack: all connections of this app are ours again")
	}
}
