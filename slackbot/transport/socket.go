package transport

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vpsbot/vpsbot/internal/backoff"
)

// Socket takes what Slack sends over Socket Mode: over connections that we open, so that no
// address of ours needs to be reachable. It keeps several, because Slack ends each after some
// hours, and sends nothing again that it could not deliver.
//
// slack-go's own client is one connection, tells nobody why it ends, and opens the next one only
// after it has.
type Socket struct {
	AppToken    func() (string, error) // the app-level token, asked for with each connection
	APIURL      string                 // base of Slack's Web API; empty: Slack's own
	Client      *http.Client           // nil: the default one. Its proxy and TLS serve the connections too
	Handler     Handler
	Log         *slog.Logger // nil: nothing is logged
	Connections int          // 0: two. Slack takes ten of an app, replacements included

	pace    *pace // nil: the real one
	ghosts  ghosts
	open    atomic.Int32  // connections that Slack may count as ours
	greeted atomic.Int32  // those of them that had their hello
	busy    chan struct{} // one for each envelope under way
}

// pace says how long things take.
type pace struct {
	first, most time.Duration // pauses between attempts: the first, doubled until the longest
	slow        time.Duration // the pause where a person has to put something right
	steady      time.Duration // a connection that lasted as long was a good one
	open        time.Duration // to open a connection, hello included
	ping        time.Duration // between our pings
	silence     time.Duration // with nothing at all from Slack the connection is dead
	linger      time.Duration // Slack ends what it said it would end
	drain       time.Duration // for answers under way when we end
	doubt       time.Duration // a count that does not fit is looked at again
}

var realPace = pace{
	first: time.Second, most: 30 * time.Second, slow: time.Minute, steady: 30 * time.Second,
	open: 15 * time.Second, ping: 15 * time.Second, silence: 45 * time.Second,
	linger: 12 * time.Second, drain: 3 * time.Second, doubt: time.Minute,
}

const (
	mostBusy           = 256 // envelopes under way at once; further ones wait unread
	defaultConnections = 2
)

// Ready reports whether Slack can reach us: whether a connection has had its hello.
func (s *Socket) Ready() bool { return s.greeted.Load() > 0 }

// Run keeps the connections until ctx ends, and returns nil then, when what was under way has been
// answered. Whatever fails is logged and tried again. It is called once.
func (s *Socket) Run(ctx context.Context) error {
	if s.pace == nil {
		s.pace = &realPace
	}
	if s.Connections == 0 {
		s.Connections = defaultConnections
	}
	s.busy = make(chan struct{}, mostBusy)
	s.ghosts.start()
	var lines sync.WaitGroup
	for range s.Connections {
		lines.Go(func() { s.keep(ctx) })
	}
	lines.Wait()
	return nil
}

// keep holds one connection. The next one stands, hello and all, before the last one goes.
func (s *Socket) keep(ctx context.Context) {
	var retiring sync.WaitGroup
	defer retiring.Wait()
	wait := pause{pace: s.pace}
	for held := (*link)(nil); ; {
		next := s.connect(ctx, &wait)
		if last := held; last != nil {
			retiring.Go(func() { last.retire(ctx) })
		}
		if next == nil {
			return
		}
		held = next
		s.stay(ctx, held)
		wait.lasted(time.Since(held.born), held.why())
	}
}

// stay returns when a connection has to be replaced.
func (s *Socket) stay(ctx context.Context, l *link) {
	select {
	case <-ctx.Done():
		return
	case <-l.leaving:
	case <-s.ghosts.recount(): // a new connection is told how many there are
		return
	}
	if ctx.Err() != nil {
		return
	}
	switch why := l.why(); why {
	case reasonOff:
		s.log().Error("Slack: " + switchedOff)
	case reasonTooMany:
		s.log().Warn("Slack: " + tooMany)
	default:
		s.log().Info("Slack: a connection is replaced", "reason", why)
	}
}

// connect tries until there is a connection, or ctx ends: then it returns nil.
func (s *Socket) connect(ctx context.Context, wait *pause) *link {
	for {
		if backoff.Sleep(ctx, wait.next()) != nil {
			return nil
		}
		l, err := s.dial(ctx)
		switch {
		case err == nil:
			return l
		case ctx.Err() != nil:
			return nil
		}
		wait.failed(err)
		s.logFailure(err)
	}
}

func (s *Socket) logFailure(err error) {
	if needsPerson(err) {
		s.log().Error("Slack: Socket Mode cannot be used; it is tried again every minute", "error", err)
		return
	}
	s.log().Warn("Slack: no connection; it is tried again", "error", err)
}

// greet takes note of a connection's hello, which says how many connections Slack counts.
func (s *Socket) greet(counted int) {
	s.greeted.Add(1)
	ours := int(s.open.Load())
	s.log().Info("Slack: connected", "connections", ours)
	switch s.ghosts.seen(time.Now(), counted, ours, s.pace.doubt) {
	case ghostsThere:
		s.log().Warn("Slack: other connections of this app get a part of all commands and clicks: "+
			"unless they are replicas of vpsbot on the same database, stop the program that uses its SLACK_APP_TOKEN, or make a new token",
			"connections", counted, "ours", ours)
	case ghostsGone:
		s.log().Info("Slack: all connections of this app are ours again")
	}
}

func (s *Socket) log() *slog.Logger { return logger(s.Log) }
