package transport

import (
	"context"
	"encoding/json"
	"io"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	maxFrame  = 1 << 20
	maxAnswer = 20 << 10 // Slack drops larger ones without a word
	writeTime = 5 * time.Second
)

// Why a connection has to go. The first two are Slack's words, as are those of what is routine.
const (
	reasonOff     = "link_disabled"
	reasonTooMany = "too_many_websockets"
	reasonLost    = "lost"
)

// link is one connection.
type link struct {
	s    *Socket
	conn *websocket.Conn
	born time.Time

	write sync.Mutex     // one writer at a time
	work  sync.WaitGroup // envelopes under way

	hello   chan struct{} // closed by the first hello
	leaving chan struct{} // closed when it has to be replaced
	stop    chan struct{} // closed when nothing more shall be read
	gone    chan struct{} // closed when nothing more is read

	mu      sync.Mutex
	reason  string // why it is leaving
	greeted bool

	hangUp func() // once
}

// newLink serves conn, which s.open counts already.
func (s *Socket) newLink(ctx context.Context, conn *websocket.Conn) *link {
	l := &link{
		s: s, conn: conn, born: time.Now(),
		hello: make(chan struct{}), leaving: make(chan struct{}), stop: make(chan struct{}), gone: make(chan struct{}),
	}
	l.hangUp = sync.OnceFunc(func() {
		_ = conn.Close()
		s.open.Add(-1)
	})
	conn.SetReadLimit(maxFrame)
	conn.SetPingHandler(func(data string) error {
		l.extend()
		return l.control(websocket.PongMessage, []byte(data))
	})
	conn.SetPongHandler(func(string) error { l.extend(); return nil })
	go l.read(ctx)
	go l.ping()
	return l
}

// read takes what comes until the connection ends or is stopped.
func (l *link) read(ctx context.Context) {
	defer close(l.gone)
	defer l.lose()
	for {
		l.extend()
		_, frame, err := l.conn.ReadMessage()
		if err != nil {
			return
		}
		l.take(ctx, frame)
	}
}

// extend gives Slack time to say the next thing, unless nothing more shall be read.
func (l *link) extend() {
	_ = l.conn.SetReadDeadline(time.Now().Add(l.s.pace.silence)) // a dead connection says so when it is read
	select {
	case <-l.stop:
		_ = l.conn.SetReadDeadline(time.Now())
	default:
	}
}

func (l *link) ping() {
	tick := time.NewTicker(l.s.pace.ping)
	defer tick.Stop()
	for {
		select {
		case <-l.gone:
			return
		case <-tick.C:
			if l.control(websocket.PingMessage, nil) != nil {
				_ = l.conn.Close()
			}
		}
	}
}

func (l *link) control(kind int, data []byte) error {
	return l.conn.WriteControl(kind, data, time.Now().Add(writeTime))
}

// greet is called with each hello. The first one makes the connection one that serves.
func (l *link) greet(counted int) {
	l.mu.Lock()
	first := !l.greeted
	l.greeted = true
	l.mu.Unlock()
	if first {
		l.s.greet(counted)
		close(l.hello)
	}
}

func (l *link) hasGreeted() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.greeted
}

// lose takes note that nothing comes any more. Where we did not stop, nothing can be sent either.
func (l *link) lose() {
	l.leave(reasonLost)
	l.mu.Lock()
	if l.greeted {
		l.s.greeted.Add(-1)
	}
	l.mu.Unlock()
	select {
	case <-l.stop:
	default:
		l.hangUp()
	}
}

// leave asks for a replacement. The first reason counts.
func (l *link) leave(reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reason == "" {
		l.reason = reason
		close(l.leaving)
	}
}

func (l *link) why() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reason
}

// retire ends a connection that has been replaced. One that Slack said it would end is left to
// Slack for a while: until then Slack may still send something over it.
func (l *link) retire(ctx context.Context) {
	if l.why() != "" {
		select {
		case <-l.gone:
		case <-ctx.Done():
		case <-time.After(l.s.pace.linger):
		}
	}
	l.close()
}

// close is called once. It reads nothing more, lets what is under way be answered, and says goodbye.
func (l *link) close() {
	close(l.stop)
	_ = l.conn.SetReadDeadline(time.Now())
	<-l.gone
	l.finishWork()
	l.goodbye()
	l.hangUp()
}

func (l *link) finishWork() {
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.work.Wait()
	}()
	select {
	case <-done:
	case <-time.After(l.s.pace.drain):
		l.s.log().Warn("Slack: a connection is closed before all was answered")
	}
}

// goodbye waits a moment for Slack's own. A connection closed with something unread is torn down,
// and takes the last answers with it.
func (l *link) goodbye() {
	message := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	if l.conn.WriteControl(websocket.CloseMessage, message, time.Now().Add(time.Second)) != nil {
		return
	}
	raw := l.conn.NetConn()
	_ = raw.SetReadDeadline(time.Now().Add(time.Second))
	_, _ = io.Copy(io.Discard, raw)
}

// answer acknowledges an envelope. An answer that Slack would not take is left out: the
// acknowledgement matters more.
func (l *link) answer(id string, payload []byte) {
	ack := acknowledgement{EnvelopeID: id, Payload: payload}
	raw, err := json.Marshal(ack)
	if err != nil || len(raw) >= maxAnswer {
		l.s.log().Error("Slack: an answer is left out: it is not JSON, or larger than 20 KiB", "bytes", len(payload))
		ack.Payload = nil
		raw, _ = json.Marshal(ack) // one text always encodes
	}
	l.write.Lock()
	defer l.write.Unlock()
	_ = l.conn.SetWriteDeadline(time.Now().Add(writeTime))
	if l.conn.WriteMessage(websocket.TextMessage, raw) != nil {
		l.s.log().Warn("Slack: an answer could not be sent: Slack shows that vpsbot did not answer, whatever was done")
		_ = l.conn.Close() // so that whoever reads notices too
	}
}

type acknowledgement struct {
	EnvelopeID string          `json:"envelope_id"`
	Payload    json.RawMessage `json:"payload,omitempty"`
}
