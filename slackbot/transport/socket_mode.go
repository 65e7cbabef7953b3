package transport

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"
	"golang.org/x/sync/errgroup"

	"github.com/vpsbot/vpsbot/internal/backoff"
	"github.com/vpsbot/vpsbot/internal/redact"
)

// Socket receives deliveries over Socket Mode: over WebSocket connections that vpsbot opens, so that no
// address of vpsbot has to be reachable. It keeps two, because Slack ends each after some hours and does not
// repeat a delivery that it could not send, and it reconnects before the old connection ends.
// docs/decisions/0009 says why slack-go's own Socket Mode client does not do.
type Socket struct {
	AppToken func() (string, error) // the app-level token, read anew for each connection
	APIURL   string                 // the base of Slack's Web API, with a slash at its end
	Client   *http.Client           // follows no redirect: the token is for Slack alone
	Handler  Handler
	Log      *slog.Logger

	timing *timing      // nil: defaultTiming
	tls    *tls.Config  // nil: the roots of the system
	open   atomic.Int32 // connections that Slack may count as ours
	ready  atomic.Int32 // connections that have had their hello
	strays strayConnections
}

type timing struct {
	connections              int           // Slack allows an app ten, replacements included
	firstRetry, longestRetry time.Duration // the pause between attempts, doubled with each failure
	slowRetry                time.Duration // the pause where a person has to change something
	steady                   time.Duration // a connection that ends earlier counts as a failure
	open                     time.Duration // to open a connection, hello included
	silence                  time.Duration // Slack pings every few seconds: without any frame the connection is dead
	linger                   time.Duration // for Slack to end a connection after its disconnect message
	drain                    time.Duration // for answers under way when a connection is closed
	recount                  time.Duration // until a number of connections that does not fit is checked
}

var defaultTiming = timing{
	connections: 2, firstRetry: time.Second, longestRetry: 30 * time.Second, slowRetry: time.Minute, steady: 30 * time.Second,
	open: 15 * time.Second, silence: 45 * time.Second, linger: 12 * time.Second, drain: 3 * time.Second, recount: time.Minute,
}

const (
	maxHandling = 256      // envelopes under way over one connection; further ones wait unread
	maxFrame    = 1 << 20  // from Slack
	writeBuffer = 32 << 10 // above maxAnswer: Slack does not reassemble a fragmented message
	writeTime   = 5 * time.Second
	maxWait     = 10 * time.Minute // whatever Retry-After says
)

// Ready reports whether a connection has had its hello: from then on Slack reaches vpsbot.
func (s *Socket) Ready() bool { return s.ready.Load() > 0 }

// Run keeps the connections until ctx ends and what is under way is answered. Failures are logged and
// retried. It is called once.
func (s *Socket) Run(ctx context.Context) {
	if s.timing == nil {
		s.timing = &defaultTiming
	}
	s.strays.recount = time.NewTimer(s.timing.recount)
	s.strays.recount.Stop()
	var all sync.WaitGroup
	for range s.timing.connections {
		all.Go(func() { s.keep(ctx) })
	}
	all.Wait()
}

// keep holds one connection. Its replacement has had its hello before it is closed.
func (s *Socket) keep(ctx context.Context) {
	var closing sync.WaitGroup
	defer closing.Wait()
	closeLast := func() {}
	defer func() { closeLast() }()
	for failures := 0; ; {
		s.open.Add(1) // Slack may count it before it is open here
		c, err := s.dial(ctx)
		if err != nil {
			s.open.Add(-1)
		} else {
			closing.Go(closeLast)
			closeLast = func() { c.close(ctx) }
			select {
			case <-ctx.Done():
			case <-s.strays.recount.C: // Slack tells a new connection how many there are
			case <-c.leaving.Done():
				err = context.Cause(c.leaving)
			}
		}
		refused := errors.As(err, new(refusal))
		switch {
		case ctx.Err() != nil:
			return
		case refused:
			s.Log.Error("Slack: Socket Mode cannot be used; it is tried again every minute", "error", err)
		case c == nil:
			s.Log.Warn("Slack: no connection; it is tried again", "error", err)
		case err != nil:
			s.Log.Info("Slack: a connection is replaced", "reason", err)
		}
		if c != nil && !refused && time.Since(c.opened) >= s.timing.steady {
			failures = 0
			continue
		}
		failures++
		_ = backoff.Sleep(ctx, s.retryDelay(failures, err)) // where ctx ends, so does the loop
	}
}

// retryDelay grows with each failure, and has a random part, so that replicas do not retry together.
func (s *Socket) retryDelay(failures int, err error) time.Duration {
	delay := backoff.Jittered(backoff.Doubled(s.timing.firstRetry, s.timing.longestRetry, failures-1))
	if limited, ok := errors.AsType[*slack.RateLimitedError](err); ok {
		delay = max(delay, min(limited.RetryAfter, maxWait))
	}
	if errors.As(err, new(refusal)) {
		delay = max(delay, s.timing.slowRetry)
	}
	return delay
}

// refusal is why Slack gives no connection until a person has changed something.
type refusal string

func (r refusal) Error() string { return string(r) }

// dial opens a connection and returns it when it has had its hello, which is the first frame.
func (s *Socket) dial(ctx context.Context) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timing.open)
	defer cancel()
	address, err := s.requestURL(ctx)
	if err != nil {
		return nil, err
	}
	dialer := websocket.Dialer{Proxy: http.ProxyFromEnvironment, TLSClientConfig: s.tls, WriteBufferSize: writeBuffer}
	ws, resp, err := dialer.DialContext(ctx, address.String(), nil)
	if resp != nil {
		defer resp.Body.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %s", address.Hostname(), redact.Text(err.Error(), address.RequestURI(), address.RawQuery))
	}
	defer context.AfterFunc(ctx, func() { _ = ws.Close() })()
	ws.SetReadLimit(maxFrame)
	var hello envelope
	if ws.ReadJSON(&hello) != nil || hello.Type != "hello" {
		_ = ws.Close()
		if hello.Type == "disconnect" {
			return nil, fmt.Errorf("the connection ended before its hello: %w", hello.disconnected())
		}
		return nil, errors.New("Slack did not say hello")
	}
	c := &conn{Socket: s, ws: ws, opened: time.Now(), gone: make(chan struct{})}
	c.leaving, c.leave = context.WithCancelCause(context.Background())
	c.pending.SetLimit(maxHandling)
	pong := ws.PingHandler()
	ws.SetPingHandler(func(data string) error {
		c.awaitFrame()
		return pong(data)
	})
	s.ready.Add(1)
	s.logConnected(hello.NumConnections)
	go c.read()
	return c, nil
}

// requestURL asks Slack for the address of a connection, which holds a ticket: a secret.
func (s *Socket) requestURL(ctx context.Context) (*url.URL, error) {
	token, err := s.AppToken()
	if err != nil {
		return nil, refusal(err.Error())
	}
	api := slack.New("", slack.OptionAppLevelToken(token), slack.OptionAPIURL(s.APIURL), slack.OptionHTTPClient(s.Client))
	_, address, err := api.StartSocketModeContext(ctx)
	if said, ok := errors.AsType[slack.SlackErrorResponse](err); ok && !slices.Contains(transientErrors, said.Err) {
		return nil, refusal(fmt.Sprintf("Slack refuses Socket Mode (%.60q): make sure that SLACK_APP_TOKEN is an app-level token of the app, with the scope connections:write, and that Socket Mode is on in its settings", said.Err))
	}
	if err != nil {
		return nil, fmt.Errorf("apps.connections.open: %w", err)
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "wss" && (u.Scheme != "ws" || strings.HasPrefix(s.APIURL, "https://")) {
		return nil, errors.New("the address that Slack gave for the connection is not one of wss")
	}
	return u, nil
}

// transientErrors are the errors of Slack that end by themselves. For all others a person must do something.
var transientErrors = []string{"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org", "ratelimited"}

type conn struct {
	*Socket
	ws      *websocket.Conn
	opened  time.Time
	writing sync.Mutex     // one writer at a time
	pending errgroup.Group // envelopes under way

	leaving context.Context         // ends when the connection has to be replaced; its cause says why
	leave   context.CancelCauseFunc // the first cause counts
	closing atomic.Bool             // nothing more shall be read
	gone    chan struct{}           // closed when nothing more is read
}

// read handles frames until the connection is lost or closed.
func (c *conn) read() {
	defer close(c.gone)
	for {
		c.awaitFrame()
		_, frame, err := c.ws.ReadMessage()
		if err != nil {
			break
		}
		var e envelope
		switch err := json.Unmarshal(frame, &e); {
		case err != nil:
			c.Log.Warn("Slack: a message that cannot be read is dropped", "bytes", len(frame))
		case e.Type == "disconnect":
			c.leave(e.disconnected())
		case e.EnvelopeID != "":
			c.pending.Go(func() error {
				c.acknowledge(e, e.dispatch(c.Handler, c.Log))
				return nil
			})
		}
	}
	c.leave(errors.New("lost"))
	c.ready.Add(-1)
	c.open.Add(-1)
	if !c.closing.Load() {
		_ = c.ws.Close() // no answer can be sent either
	}
}

// awaitFrame gives Slack time for its next frame, unless nothing more shall be read.
func (c *conn) awaitFrame() {
	_ = c.ws.SetReadDeadline(time.Now().Add(c.timing.silence)) // an error comes again with the read
	if c.closing.Load() {
		_ = c.ws.SetReadDeadline(time.Now())
	}
}

func (c *conn) acknowledge(e envelope, answer []byte) {
	c.writing.Lock()
	defer c.writing.Unlock()
	_ = c.ws.SetWriteDeadline(time.Now().Add(writeTime))
	if c.ws.WriteMessage(websocket.TextMessage, e.acknowledgement(answer, c.Log)) != nil {
		c.Log.Warn("Slack: an answer could not be sent: Slack shows that vpsbot did not answer, whatever was done")
		_ = c.ws.Close() // so that the reader notices
	}
}

// close ends a connection that has been replaced: it stops to read, waits for the answers under way, and says goodbye.
// A connection that Slack said it would end is left to Slack for a while, which may still send something over it.
func (c *conn) close(ctx context.Context) {
	if c.leaving.Err() != nil {
		select {
		case <-c.gone:
		case <-ctx.Done():
		case <-time.After(c.timing.linger):
		}
	}
	c.closing.Store(true)
	_ = c.ws.SetReadDeadline(time.Now())
	answered := make(chan struct{})
	go func() { defer close(answered); <-c.gone; _ = c.pending.Wait() }()
	select {
	case <-answered:
	case <-time.After(c.timing.drain):
		c.Log.Warn("Slack: a connection is closed before all was answered")
	}
	if c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second)) == nil {
		raw := c.ws.NetConn() // closed with something unread it would be reset, and lose the last answers
		_ = raw.SetReadDeadline(time.Now().Add(time.Second))
		_, _ = io.Copy(io.Discard, raw)
	}
	_ = c.ws.Close()
}

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
