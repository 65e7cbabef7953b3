package transport

import (
	"context"
	"encoding/json"
	"strings"
)

// envelope is one message of Socket Mode.
type envelope struct {
	Type       string          `json:"type"`
	EnvelopeID string          `json:"envelope_id"`
	Payload    json.RawMessage `json:"payload"`

	Reason         string `json:"reason"`          // of a disconnect
	NumConnections int    `json:"num_connections"` // of a hello
}

// take does what a message asks for. An envelope is handled beside the reading.
func (l *link) take(ctx context.Context, frame []byte) {
	var e envelope
	if err := json.Unmarshal(frame, &e); err != nil {
		l.s.log().Warn("Slack: a message that cannot be read is dropped", "bytes", len(frame))
		return
	}
	switch {
	case e.Type == "hello":
		l.greet(e.NumConnections)
	case e.Type == "disconnect":
		l.leave(reasonOf(e))
	case e.EnvelopeID != "":
		l.handle(ctx, e)
	}
}

// reasonOf is why Slack ends a connection. It goes to the log, so it is a word.
func reasonOf(e envelope) string {
	foreign := func(c rune) bool { return c != '_' && (c < 'a' || c > 'z') }
	if e.Reason == "" || e.Reason == reasonLost || len(e.Reason) > 40 || strings.ContainsFunc(e.Reason, foreign) {
		return "ended by Slack"
	}
	return e.Reason
}

// handle waits for room, so that reading stops where handling does not keep up.
func (l *link) handle(ctx context.Context, e envelope) {
	select {
	case l.s.busy <- struct{}{}:
	case <-l.stop:
		return
	}
	l.work.Go(func() {
		defer func() { <-l.s.busy }()
		l.answer(e.EnvelopeID, l.s.serve(ctx, e))
	})
}

// serve gives an envelope's delivery to the handler. What is none is acknowledged all the same:
// Slack would only send it again.
func (s *Socket) serve(ctx context.Context, e envelope) []byte {
	d, err := e.delivery()
	switch {
	case err != nil:
		s.log().Warn("Slack: an envelope that cannot be read is dropped", "bytes", len(e.Payload))
		return nil
	case d.Kind == "":
		return nil
	case len(e.Payload) > maxBody:
		s.log().Warn("Slack: an envelope larger than 64 KiB is dropped", "kind", d.Kind, "bytes", len(e.Payload))
		return apology(d, "What Slack sent is larger than 64 KiB, so nothing was done. Please try again with less text.")
	}
	return give(ctx, s.Handler, d, s.log())
}

func (e envelope) delivery() (Delivery, error) {
	id := identify("env:", e.EnvelopeID)
	switch e.Type {
	case "slash_commands":
		fields, err := jsonFields(e.Payload)
		if err != nil {
			return Delivery{}, err
		}
		return command(id, fields)
	case "interactive":
		return interaction(id, e.Payload)
	case "events_api":
		return event(id, e.Payload)
	}
	return Delivery{}, nil
}
