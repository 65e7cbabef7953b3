package fakeslack

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// socketMode is Socket Mode: the connections that the app has open, and the envelopes that wait for an acknowledgement.
type socketMode struct {
	slack   *Slack
	conns   []*connection
	tickets map[string]bool
	waiting map[string]chan Ack // by envelope id; nil once nobody waits any more
	turn    int
	hello   map[string]any // sent in place of a hello; nil: a hello
}

// connection is one websocket. Writes go one at a time.
type connection struct {
	sync.Mutex
	ws   *websocket.Conn
	gone chan struct{}
}

const (
	socketPath = "/link/"
	maxConns   = 10
	pingPeriod = 5 * time.Second
)

func connectionsOpen(s *Slack, _ params) answer {
	if len(s.conns) >= maxConns {
		return no("too_many_websockets")
	}
	ticket := s.opaque("ticket")
	s.tickets[ticket] = true
	return ok(answer{"url": "ws" + s.server.URL[len("http"):] + socketPath + "?ticket=" + ticket + "&app_id=" + appID})
}

// upgrade takes a websocket from the app, says hello and reads acknowledgements until the connection ends.
func (k *socketMode) upgrade(w http.ResponseWriter, r *http.Request) {
	ticket := r.URL.Query().Get("ticket")
	k.slack.mu.Lock()
	valid := k.tickets[ticket] && !k.slack.down
	delete(k.tickets, ticket)
	k.slack.mu.Unlock()
	if !valid {
		http.Error(w, "invalid_ticket", http.StatusUnauthorized)
		return
	}
	ws, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
	if err != nil {
		return // the answer has gone out
	}
	c := &connection{ws: ws, gone: make(chan struct{})}
	c.Lock() // until the hello, which is the first frame
	k.slack.mu.Lock()
	k.conns = append(k.conns, c)
	count, hello := len(k.conns), k.hello
	k.slack.mu.Unlock()
	defer k.remove(c)
	if hello != nil {
		_ = ws.WriteJSON(hello)
		c.Unlock()
		return
	}
	_ = ws.WriteJSON(map[string]any{
		"type": "hello", "num_connections": count, "connection_info": map[string]any{"app_id": appID},
		"debug_info": map[string]any{"host": "applink-fake", "build_number": 1, "approximate_connection_time": 18060},
	})
	c.Unlock()
	go c.ping()
	k.readAcks(c)
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
		case <-time.After(pingPeriod):
			_ = c.ws.WriteControl(websocket.PingMessage, []byte("Ping from applink-fake"), time.Now().Add(time.Second))
		}
	}
}

func (k *socketMode) readAcks(c *connection) {
	for {
		_, frame, err := c.ws.ReadMessage()
		if err != nil {
			return
		}
		var ack struct {
			ID      string          `json:"envelope_id"`
			Payload json.RawMessage `json:"payload"`
		}
		if err := json.Unmarshal(frame, &ack); err != nil || ack.ID == "" {
			k.slack.fail("a frame is no acknowledgement: %.200q", frame)
			continue
		}
		if string(ack.Payload) == "null" {
			ack.Payload = nil
		}
		k.acked(ack.ID, ack.Payload)
	}
}

func (k *socketMode) acked(id string, payload []byte) {
	k.slack.mu.Lock()
	defer k.slack.mu.Unlock()
	waits, known := k.waiting[id]
	if !known {
		k.slack.fail("an acknowledgement is for envelope %q, which was never sent", id)
	}
	if waits != nil {
		waits <- Ack{Status: http.StatusOK, Body: payload} // has room for one
		k.waiting[id] = nil
	}
}

func (k *socketMode) remove(c *connection) {
	_ = c.ws.Close()
	k.slack.mu.Lock()
	defer k.slack.mu.Unlock()
	k.conns = slices.DeleteFunc(k.conns, func(other *connection) bool { return other == c })
	close(c.gone)
}

var (
	errUnconnected = errors.New("the app has no websocket open")
	errLost        = errors.New("the connection ended before the acknowledgement")
)

// sendEnvelope sends an envelope over the connections in turn, and waits for the acknowledgement.
func (k *socketMode) sendEnvelope(d delivery) Ack {
	frame := map[string]any{
		"envelope_id": d.id, "type": d.kind, "payload": json.RawMessage(d.body),
		"accepts_response_payload": d.kind != "events_api",
	}
	if d.kind == "events_api" {
		frame["retry_attempt"], frame["retry_reason"] = 0, ""
	}
	waits := make(chan Ack, 1)
	k.slack.mu.Lock()
	k.waiting[d.id] = waits
	conns := k.conns
	if len(conns) == 0 {
		k.slack.mu.Unlock()
		return Ack{Err: errUnconnected}
	}
	k.turn++
	c := conns[k.turn%len(conns)]
	k.slack.mu.Unlock()
	if !c.write(frame) {
		return Ack{Err: errLost}
	}
	select {
	case a := <-waits:
		return a
	case <-time.After(ackTime):
		return Ack{Err: errSlow}
	case <-c.gone:
	}
	select {
	case a := <-waits: // it came before the connection ended
		return a
	default:
		return Ack{Err: errLost}
	}
}

// ReplaceHello makes a frame come in place of each hello from now on, and the connection end with it: a
// disconnect, when Slack wants no more of them. nil: hello again.
func (k *socketMode) ReplaceHello(frame map[string]any) {
	k.slack.mu.Lock()
	defer k.slack.mu.Unlock()
	k.hello = frame
}

// Connections is how many websockets the app has open.
func (k *socketMode) Connections() int {
	return locked(k.slack, func() int { return len(k.conns) })
}

// DropConnections ends every websocket without a goodbye.
func (k *socketMode) DropConnections() {
	k.slack.mu.Lock()
	conns := slices.Clone(k.conns)
	k.slack.mu.Unlock()
	for _, c := range conns {
		_ = c.ws.NetConn().Close()
	}
	for _, c := range conns {
		<-c.gone
	}
}
