package fakeslack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"
)

// door is how Slack reaches the app.
type door struct {
	base    string       // HTTP: where it listens
	handler http.Handler // HTTP, in process
	socket  bool
}

// Deliver makes Slack send signed requests to an app that listens at a base URL, to
// /slack/commands, /slack/interactivity and /slack/events below it.
func (s *Slack) Deliver(to string) { s.reach(door{base: strings.TrimSuffix(to, "/")}) }

// DeliverTo is Deliver for an app that is an http.Handler in this process.
func (s *Slack) DeliverTo(h http.Handler) { s.reach(door{handler: h}) }

// SocketMode makes Slack deliver over the websockets that the app has open, each payload to
// any one of them.
func (s *Slack) SocketMode() { s.reach(door{socket: true}) }

func (s *Slack) reach(d door) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.door = d
}

// Ack is what the app acknowledged something with.
type Ack struct {
	// Status is the HTTP status, in Socket Mode 200 for an acknowledgement; 0: none came.
	Status int
	// Body is what it said with it; nil: nothing.
	Body []byte
	// Errors are those of the fields of a modal, by block id: the app's, or Slack's own.
	Errors map[string]string
	// Unsent is why Slack did not send it to the app at all, empty if it did.
	Unsent string
	// Err is why there was no acknowledgement.
	Err error
	// Took is how long it took, by a real clock.
	Took time.Duration

	sent delivery
}

// OK reports whether the app acknowledged.
func (a Ack) OK() bool { return a.Err == nil && a.Unsent == "" && a.Status == http.StatusOK }

// delivery is one thing as it went to the app.
type delivery struct {
	kind    string // the envelope type of Socket Mode
	at      time.Time
	body    []byte // of the HTTP request, or the payload of an envelope
	id      string // of the envelope
	retries int
}

// paths are where a kind of delivery goes by HTTP.
var paths = map[string]string{
	"slash_commands": "/slack/commands", "interactive": "/slack/interactivity", "events_api": "/slack/events",
}

// ackTime is how long Slack waits.
const ackTime = 3 * time.Second

var errSlow = errors.New("not acknowledged within 3 s")

// send delivers a payload and waits for the acknowledgement.
func (s *Slack) send(kind string, payload map[string]any, slow bool) Ack {
	s.t.Helper()
	a := s.transmit(s.pack(kind, payload))
	switch {
	case a.Err == nil || slow:
	case errors.Is(a.Err, errSlow):
		s.fail("%s was not acknowledged within 3 s (AllowSlow, if that is meant)", kind)
	default:
		s.fail("%s was not acknowledged: %v (AllowSlow, if that is meant)", kind, a.Err)
	}
	s.guard("the acknowledgement of "+kind, string(a.Body))
	return a
}

func (s *Slack) pack(kind string, payload map[string]any) delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := delivery{kind: kind, at: s.now(), id: s.opaque("envelope")}
	if kind == "slash_commands" && !s.door.socket {
		form := url.Values{}
		for key, v := range payload {
			form.Set(key, fmt.Sprint(v))
		}
		d.body = []byte(form.Encode())
		return d
	}
	d.body, _ = json.Marshal(payload) // made of strings, maps and what was JSON
	if kind == "interactive" && !s.door.socket {
		d.body = []byte(url.Values{"payload": {string(d.body)}}.Encode())
	}
	return d
}

func (s *Slack) transmit(d delivery) Ack {
	s.mu.Lock()
	socket := s.door.socket
	s.mu.Unlock()
	began := time.Now()
	var a Ack
	if socket {
		a = s.overSocket(d)
	} else {
		req := s.Signed(paths[d.kind], d.body, d.at)
		if d.retries > 0 {
			req.Header.Set("X-Slack-Retry-Num", fmt.Sprint(d.retries))
			req.Header.Set("X-Slack-Retry-Reason", "http_timeout")
		}
		a = s.Send(req)
	}
	a.Took, a.sent = time.Since(began), d
	return a
}

// Replay sends once more, byte for byte, what an acknowledgement answered: a stolen request,
// or in Socket Mode the same envelope. What the app answers has no effect on anybody's screen.
func (s *Slack) Replay(a Ack) Ack { return s.transmit(a.sent) }

// Redeliver sends an event again as Slack does when it was not acknowledged: the same event,
// newly signed, with the number of the try.
func (s *Slack) Redeliver(a Ack) Ack {
	d := a.sent
	s.mu.Lock()
	d.at, d.id = s.now(), s.opaque("envelope")
	s.mu.Unlock()
	d.retries++
	return s.transmit(d)
}

// Send sends a request to the app, whatever it is, and takes the answer within 3 s.
func (s *Slack) Send(req *http.Request) Ack {
	s.mu.Lock()
	d := s.door
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(req.Context(), ackTime)
	defer cancel()
	req = req.WithContext(ctx)
	if d.handler != nil {
		return inProcess(d.handler, req)
	}
	resp, err := s.server.Client().Do(req) //nolint:gosec // the test says where the app is
	if err != nil {
		return Ack{Err: why(ctx, err)}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return Ack{Err: why(ctx, err)}
	}
	return Ack{Status: resp.StatusCode, Body: orNil(body)}
}

func why(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return errSlow
	}
	return err
}

func inProcess(h http.Handler, req *http.Request) Ack {
	answered := make(chan *httptest.ResponseRecorder, 1)
	go func() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		answered <- w
	}()
	select {
	case w := <-answered:
		return Ack{Status: w.Code, Body: orNil(w.Body.Bytes())}
	case <-req.Context().Done():
		return Ack{Err: errSlow}
	}
}

func orNil(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}
