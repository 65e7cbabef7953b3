package transport

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/testkit"
)

const (
	appToken = "xapp-1-A1-2-secret"
	ticket   = "ticket-of-the-connection"
)

// quick is a timing for tests.
var quick = timing{
	connections: 2, firstRetry: time.Millisecond, longestRetry: 20 * time.Millisecond, slowRetry: 50 * time.Millisecond,
	open: 5 * time.Second, silence: time.Minute, linger: 5 * time.Second, drain: 3 * time.Second, recount: time.Minute,
}

// fakeSlack is Slack's side of Socket Mode, frame by frame.
type fakeSlack struct {
	t      *testing.T
	server *httptest.Server

	mu      sync.Mutex
	live    []*wire
	opened  int
	strays  int
	short   int                              // so many connections end right after their hello
	refuse  func(w http.ResponseWriter) bool // instead of an address
	silent  bool                             // no hello
	instead string                           // of a hello, and the connection ends with it
	address string                           // instead of the right one
	history []string
}

// wire is one connection, as Slack sees it.
type wire struct {
	*websocket.Conn
	n    int
	mu   sync.Mutex
	acks chan string
	over chan struct{}
}

func newFakeSlack(t *testing.T) *fakeSlack {
	s := &fakeSlack{t: t}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/apps.connections.open", s.giveAddress)
	mux.HandleFunc("GET /link", s.serve)
	s.server = httptest.NewUnstartedServer(mux)
	t.Cleanup(s.server.Close)
	return s
}

func (s *fakeSlack) giveAddress(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer "+appToken {
		fmt.Fprint(w, `{"ok":false,"error":"invalid_auth"}`)
		return
	}
	if s.refuse != nil && s.refuse(w) {
		return
	}
	address := s.address
	if address == "" {
		address = "ws" + strings.TrimPrefix(s.server.URL, "http") + "/link?ticket=" + ticket
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"ok": true, "url": address})
}

func (s *fakeSlack) serve(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	c := s.add(conn)
	defer s.remove(c)
	for {
		_, raw, err := conn.ReadMessage()
		if err != nil {
			return
		}
		c.acks <- string(raw)
	}
}

func (s *fakeSlack) add(conn *websocket.Conn) *wire {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened++
	c := &wire{Conn: conn, n: s.opened, acks: make(chan string, 1000), over: make(chan struct{})}
	s.live = append(s.live, c)
	s.history = append(s.history, fmt.Sprintf("+%d", c.n))
	switch {
	case s.instead != "":
		c.send(s.instead)
		_ = conn.Close()
	case !s.silent:
		c.send(fmt.Sprintf(`{"type":"hello","num_connections":%d,"connection_info":{"app_id":"A1"}}`, len(s.live)+s.strays))
	}
	if s.opened <= s.short {
		_ = conn.Close()
	}
	return c
}

func (s *fakeSlack) remove(c *wire) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.live {
		if s.live[i] == c {
			s.live = append(s.live[:i], s.live[i+1:]...)
			break
		}
	}
	s.history = append(s.history, fmt.Sprintf("-%d", c.n))
	close(c.over)
}

func (s *fakeSlack) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (c *wire) send(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.WriteMessage(websocket.TextMessage, []byte(text))
}

func (s *fakeSlack) wires() []*wire {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*wire(nil), s.live...)
}

// wait returns the connections once there are as many.
func (s *fakeSlack) wait(n int) []*wire {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return len(s.wires()) == n }, time.Minute, time.Millisecond)
	return s.wires()
}

func (s *fakeSlack) order() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.history, " ")
}

func (c *wire) ack(t *testing.T) string {
	t.Helper()
	select {
	case ack := <-c.acks:
		return ack
	case <-time.After(10 * time.Second):
		require.Fail(t, "no acknowledgement")
		return ""
	}
}

func (c *wire) ended(t *testing.T) {
	t.Helper()
	select {
	case <-c.over:
	case <-time.After(10 * time.Second):
		require.Fail(t, "the connection stays")
	}
}

// client is a Socket under test.
type client struct {
	*Socket
	*recorder
	log  *testkit.Log
	stop func()
}

// run starts a Socket against s. Changes are made before it runs.
func (s *fakeSlack) run(change func(c *client)) *client {
	if s.server.URL == "" {
		s.server.Start()
	}
	c := &client{recorder: &recorder{}, log: &testkit.Log{}}
	at := quick
	c.Socket = &Socket{
		AppToken: func() (string, error) { return appToken, nil }, APIURL: s.server.URL + "/api/", Client: s.server.Client(),
		Handler: c.recorder, Log: slog.New(slog.NewTextHandler(c.log, nil)), timing: &at,
	}
	if transport, ok := c.Client.Transport.(*http.Transport); ok && transport.TLSClientConfig != nil {
		c.tls = &tls.Config{RootCAs: transport.TLSClientConfig.RootCAs}
	}
	if change != nil {
		change(c)
	}
	return c.start(s.t)
}

func (c *client) start(t *testing.T) *client {
	ended := make(chan struct{})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	go func() { defer close(ended); c.Run(ctx) }()
	c.stop = sync.OnceFunc(func() {
		cancel()
		<-ended
		require.False(t, c.Ready())
		require.Zero(t, c.open.Load(), "a connection was forgotten")
		require.NotContains(t, c.log.String(), ticket)
		require.NotContains(t, c.log.String(), appToken)
	})
	t.Cleanup(c.stop)
	return c
}

func (c *client) logged(t *testing.T, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(c.log.String(), text) }, time.Minute, time.Millisecond, "%s", text)
}
