package fakeslack

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// target is how Slack reaches the app.
type target struct {
	base    string       // HTTP: where it listens
	handler http.Handler // HTTP, in process
	socket  bool
}

// Deliver makes Slack send signed requests to an app that listens at a base URL, to
// /slack/commands, /slack/interactivity and /slack/events below it.
func (s *Slack) Deliver(to string) { s.setTarget(target{base: strings.TrimSuffix(to, "/")}) }

// DeliverTo is Deliver for an app that is an http.Handler in this process.
func (s *Slack) DeliverTo(h http.Handler) { s.setTarget(target{handler: h}) }

// SocketMode makes Slack deliver over the websockets that the app has open, each payload to
// any one of them.
func (s *Slack) SocketMode() { s.setTarget(target{socket: true}) }

func (s *Slack) setTarget(t target) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.target = t
}

func (s *Slack) currentTarget() target {
	return locked(s, func() target { return s.target })
}

// Ack is what the app acknowledged something with.
type Ack struct {
	Status int               // of HTTP; in Socket Mode 200 for an acknowledgement; 0: none came
	Body   []byte            // what came with it; nil: nothing
	Errors map[string]string // of the fields of a modal, by block id: the app's, or Slack's own
	Unsent string            // why Slack did not send it to the app at all; empty: it did
	Err    error             // why there was no acknowledgement
	Took   time.Duration     // by a real clock

	sent delivery
}

// OK reports whether the app acknowledged.
func (a Ack) OK() bool { return a.Err == nil && a.Unsent == "" && a.Status == http.StatusOK }

// delivery is one payload as it went to the app.
type delivery struct {
	kind string // the envelope type of Socket Mode
	at   time.Time
	body []byte // of the HTTP request, or the payload of an envelope
	id   string // of the envelope
}

// paths are where a kind of delivery goes by HTTP.
var paths = map[string]string{
	"slash_commands": "/slack/commands", "interactive": "/slack/interactivity", "events_api": "/slack/events",
}

// ackTime is how long Slack waits.
const ackTime = 3 * time.Second

var errSlow = errors.New("no answer within 3 s")

// send delivers a payload and waits for the acknowledgement.
func (s *Slack) send(kind string, payload map[string]any, slow bool) Ack {
	s.t.Helper()
	a := s.transmit(s.pack(kind, payload))
	if a.Err != nil && !slow {
		s.fail("%s was not acknowledged: %v (AllowSlow, if that is meant)", kind, a.Err)
	}
	s.guard("the acknowledgement of "+kind, string(a.Body))
	return a
}

func (s *Slack) pack(kind string, payload map[string]any) delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := delivery{kind: kind, at: s.now(), id: s.opaque("envelope")}
	d.body, _ = json.Marshal(payload) // made of strings, maps and what was JSON
	form := url.Values{}
	switch {
	case s.target.socket || kind == "events_api":
		return d
	case kind == "interactive":
		form.Set("payload", string(d.body))
	default:
		for key, v := range payload {
			form.Set(key, fmt.Sprint(v))
		}
	}
	d.body = []byte(form.Encode())
	return d
}

func (s *Slack) transmit(d delivery) (a Ack) {
	began := time.Now()
	if s.currentTarget().socket {
		a = s.sendEnvelope(d)
	} else {
		a = s.Send(s.Signed(paths[d.kind], d.body, d.at))
	}
	a.Took, a.sent = time.Since(began), d
	return a
}

// Replay sends once more, byte for byte, what an acknowledgement answered: a stolen request,
// or in Socket Mode the same envelope. What the app answers has no effect on anybody's screen.
func (s *Slack) Replay(a Ack) Ack { return s.transmit(a.sent) }

// Signed is a request to the app with a signature that is right for that body and time: the
// start of an attack, or of a request that no person would cause. Send sends it.
func (s *Slack) Signed(path string, body []byte, at time.Time) *http.Request {
	to := s.currentTarget().base
	if to == "" {
		to = "http://app.invalid"
	}
	req, err := http.NewRequest(http.MethodPost, to+path, bytes.NewReader(body)) //nolint:noctx // Send sets how long it may take
	if err != nil {
		s.fail("no request can be made to %q: %v", path, err)
		return nil
	}
	kind := "application/x-www-form-urlencoded"
	if strings.HasSuffix(path, "/events") {
		kind = "application/json"
	}
	timestamp := strconv.FormatInt(at.Unix(), 10)
	req.Header.Set("Content-Type", kind)
	req.Header.Set("User-Agent", "Slackbot 1.0 (+https://api.slack.com/robots)")
	req.Header.Set("X-Slack-Request-Timestamp", timestamp)
	req.Header.Set("X-Slack-Signature", signature(s.o.SigningSecret, timestamp, body))
	return req
}

func signature(secret, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("v0:" + timestamp + ":"))
	mac.Write(body)
	return "v0=" + hex.EncodeToString(mac.Sum(nil))
}

// Send sends a request to the app, whatever it is, and waits for the answer, for 3 s.
func (s *Slack) Send(req *http.Request) Ack {
	ctx, cancel := context.WithTimeout(req.Context(), ackTime)
	defer cancel()
	answered := make(chan Ack, 1)
	go func() { answered <- s.post(req.WithContext(ctx)) }()
	select {
	case a := <-answered:
		if errors.Is(a.Err, context.DeadlineExceeded) {
			a.Err = errSlow
		}
		return a
	case <-ctx.Done():
		return Ack{Err: errSlow}
	}
}

func (s *Slack) post(req *http.Request) Ack {
	if h := s.currentTarget().handler; h != nil {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		return Ack{Status: w.Code, Body: w.Body.Bytes()}
	}
	resp, err := s.server.Client().Do(req) //nolint:gosec // the test names the app's address
	if err != nil {
		return Ack{Err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return Ack{Status: resp.StatusCode, Body: body, Err: err}
}
