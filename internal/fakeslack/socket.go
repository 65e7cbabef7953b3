package fakeslack

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// socket is Socket Mode: the connections the app has open, and what waits on them.
type socket struct {
	conns   []*connection
	tickets map[string]bool
	waiting map[string]chan Ack // by envelope id; nil once nobody waits any more
	ghosts  int
	turn    int
	hello   map[string]any // what comes in place of a hello; nil: a hello
}

// connection is one websocket. Writes go one at a time.
type connection struct {
	sync.Mutex
	ws      *websocket.Conn
	leaving bool // was told to go: gets nothing new while another is there
	gone    chan struct{}
}

const (
	socketPath = "/link/"
	mostConns  = 10
	// farewell is how long a connection that was told to go still lives.
	farewell = 10 * time.Second
	// beat is how often Slack pings.
	beat = 5 * time.Second
)

func (k *socket) start() { k.tickets, k.waiting = map[string]bool{}, map[string]chan Ack{} }

func (s *Slack) connectionsOpen(params) answer {
	if len(s.socket.conns) >= mostConns {
		return no("too_many_websockets")
	}
	ticket := s.opaque("ticket")
	s.socket.tickets[ticket] = true
	return ok(answer{"url": "ws" + s.server.URL[len("http"):] + socketPath + "?ticket=" + ticket + "&app_id=" + appID})
}

// upgrade takes a websocket from the app and says hello.
func (s *Slack) upgrade(w http.ResponseWriter, r *http.Request) {
	ticket := r.URL.Query().Get("ticket")
	s.mu.Lock()
	valid := s.socket.tickets[ticket] && !s.down
	delete(s.socket.tickets, ticket)
	s.mu.Unlock()
	if !valid {
		http.Error(w, "invalid_ticket", http.StatusUnauthorized)
		return
	}
	ws, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
	if err != nil {
		return // the answer has gone out
	}
	c := &connection{ws: ws, gone: make(chan struct{})}
	s.mu.Lock()
	s.socket.conns = append(s.socket.conns, c)
	count, instead := len(s.socket.conns)+s.socket.ghosts, s.socket.hello
	s.mu.Unlock()
	if instead != nil {
		c.write(instead)
		_ = c.ws.Close()
		s.listen(c)
		return
	}
	c.write(map[string]any{
		"type": "hello", "num_connections": count, "connection_info": map[string]any{"app_id": appID},
		"debug_info": map[string]any{"host": "applink-fake", "build_number": 1, "approximate_connection_time": 18060},
	})
	go c.ping()
	s.listen(c)
}

func (c *connection) write(v any) bool {
	c.Lock()
	defer c.Unlock()
	_ = c.ws.SetWriteDeadline(time.Now().Add(time.Second))
	return c.ws.WriteJSON(v) == nil
}

func (c *connection) ping() {
	for {
		select {
		case <-c.gone:
			return
		case <-time.After(beat):
			_ = c.ws.WriteControl(websocket.PingMessage, []byte("Ping from applink-fake"), time.Now().Add(time.Second))
		}
	}
}

// listen takes acknowledgements until the connection ends.
func (s *Slack) listen(c *connection) {
	defer s.leave(c)
	for {
		_, frame, err := c.ws.ReadMessage()
		if err != nil {
			return
		}
		var said struct {
			ID      string          `json:"envelope_id"`
			Payload json.RawMessage `json:"payload"`
		}
		if err := json.Unmarshal(frame, &said); err != nil || said.ID == "" {
			s.fail("a frame is no acknowledgement: %.200q", frame)
			continue
		}
		s.acked(said.ID, said.Payload)
	}
}

func (s *Slack) acked(id string, payload []byte) {
	if string(payload) == "null" {
		payload = nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	waits, known := s.socket.waiting[id]
	if !known {
		s.fail("an acknowledgement is for envelope %q, which was never sent", id)
	}
	if waits != nil {
		waits <- Ack{Status: http.StatusOK, Body: orNil(payload)} // has room for one
		s.socket.waiting[id] = nil
	}
}

func (s *Slack) leave(c *connection) {
	_ = c.ws.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.socket.conns, c); i >= 0 {
		s.socket.conns = slices.Delete(s.socket.conns, i, i+1)
		close(c.gone)
	}
}

var (
	errUnconnected = errors.New("the app has no websocket open")
	errGhost       = errors.New("it went to a connection that is not the app's any more")
	errLost        = errors.New("the connection ended before the acknowledgement")
)

// overSocket sends an envelope to any one connection and waits for what comes back.
func (s *Slack) overSocket(d delivery) Ack {
	frame := map[string]any{
		"envelope_id": d.id, "type": d.kind, "payload": json.RawMessage(d.body),
		"accepts_response_payload": d.kind != "events_api",
	}
	if d.kind == "events_api" {
		frame["retry_attempt"], frame["retry_reason"] = d.retries, ""
	}
	waits := make(chan Ack, 1)
	s.mu.Lock()
	c, err := s.socket.pick()
	s.socket.waiting[d.id] = waits
	s.mu.Unlock()
	if err != nil {
		return Ack{Err: err}
	}
	if !c.write(frame) {
		return Ack{Err: errLost}
	}
	return waitFor(waits, c.gone)
}

// waitFor prefers an acknowledgement that came over the end of the connection it came by.
func waitFor(waits chan Ack, gone chan struct{}) Ack {
	select {
	case a := <-waits:
		return a
	case <-time.After(ackTime):
		return Ack{Err: errSlow}
	case <-gone:
	}
	select {
	case a := <-waits:
		return a
	default:
		return Ack{Err: errLost}
	}
}

// pick takes connections in turn, ghosts among them. The caller holds the lock.
func (k *socket) pick() (*connection, error) {
	able := slices.DeleteFunc(slices.Clone(k.conns), func(c *connection) bool { return c.leaving })
	if len(able) == 0 {
		able = k.conns
	}
	if len(able) == 0 {
		return nil, errUnconnected
	}
	k.turn++
	i := k.turn % (len(able) + k.ghosts)
	if i >= len(able) {
		return nil, errGhost
	}
	return able[i], nil
}

// Turn makes a frame come in place of each hello from now on, and the connection end with it: a
// disconnect, when Slack wants no more of them. nil: hello again.
func (s *Slack) Turn(frame map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.socket.hello = frame
}

// Connections is how many websockets the app has open.
func (s *Slack) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.socket.conns)
}

// WaitConnections waits until the app has so many websockets open, or more.
func (s *Slack) WaitConnections(n int) {
	s.t.Helper()
	s.WaitFor(func() bool { return s.Connections() >= n }, fmt.Sprintf("%d connections", n))
}

// Ghost adds connections that are counted in every hello from now on, and that swallow what
// is sent to them: those of a process that died. 0 takes them away.
func (s *Slack) Ghost(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.socket.ghosts = n
}

// Disconnect tells the oldest connection to go: "warning" and "refresh_requested" want a new
// one, "link_disabled", which all are told, says that Socket Mode was switched off. A
// connection that was told lives on for a while, and gets nothing new while there is another.
func (s *Slack) Disconnect(reason string) {
	s.mu.Lock()
	var told []*connection
	for _, c := range s.socket.conns {
		if !c.leaving && (len(told) == 0 || reason == "link_disabled") {
			c.leaving = true
			told = append(told, c)
		}
	}
	s.mu.Unlock()
	for _, c := range told {
		c.write(map[string]any{
			"type": "disconnect", "reason": reason, "debug_info": map[string]any{"host": "applink-fake"},
		})
		time.AfterFunc(farewell, func() { _ = c.ws.Close() })
	}
}

// DropConnections ends every websocket without a word.
func (s *Slack) DropConnections() {
	s.mu.Lock()
	conns := slices.Clone(s.socket.conns)
	s.mu.Unlock()
	for _, c := range conns {
		_ = c.ws.NetConn().Close()
	}
	for _, c := range conns {
		<-c.gone
	}
}
