package transport

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"
)

func envelopeOf(kind, id, payload string) string {
	return fmt.Sprintf(`{"type":%q,"envelope_id":%q,"accepts_response_payload":true,"payload":%s}`, kind, id, payload)
}

func TestReadyTakesAHello(t *testing.T) {
	s := newFakeSlack(t)
	s.silent = true
	c := s.run(func(c *client) { c.timing.open = 100 * time.Millisecond })
	s.wait(2)
	require.False(t, c.Ready())
	c.logged(t, "did not say hello")
	s.set(func() { s.silent = false })
	require.Eventually(t, c.Ready, time.Minute, time.Millisecond)
}

func TestEnvelopes(t *testing.T) {
	for name, c := range map[string]struct {
		sent   string
		answer string // of the handler
		want   Delivery
		ack    string
	}{
		"command": {
			sent: envelopeOf("slash_commands", "e-1", `{"token":"legacy","command":"/vps","text":"a < b","is_enterprise_install":false,"n":1,"enterprise_id":null}`),
			want: Delivery{"env:e-1", Command, []byte(`{"command":"/vps","text":"a < b","is_enterprise_install":"false","n":"1"}`)},
			ack:  `{"envelope_id":"e-1"}`,
		},
		"answered": {
			sent:   envelopeOf("slash_commands", "e-1", `{"command":"/vps"}`),
			answer: `{"text":"hello"}`,
			want:   Delivery{"env:e-1", Command, []byte(`{"command":"/vps"}`)},
			ack:    `{"envelope_id":"e-1","payload":{"text":"hello"}}`,
		},
		"click": {
			sent: envelopeOf("interactive", "e-1", `{"type":"block_actions","token":"legacy","actions":[{"value":"x"}]}`),
			want: Delivery{"env:e-1", Interaction, []byte(`{"type":"block_actions","actions":[{"value":"x"}]}`)},
			ack:  `{"envelope_id":"e-1"}`,
		},
		"menu": {
			sent:   envelopeOf("interactive", "e-1", `{"type":"block_suggestion"}`),
			answer: `{"options":[]}`,
			want:   Delivery{"env:e-1", Options, []byte(`{"type":"block_suggestion"}`)},
			ack:    `{"envelope_id":"e-1","payload":{"options":[]}}`,
		},
		"event": {
			sent: envelopeOf("events_api", "e-1", `{"type":"event_callback","event_id":"Ev1"}`),
			want: Delivery{"evt:Ev1", Event, []byte(`{"type":"event_callback","event_id":"Ev1"}`)},
			ack:  `{"envelope_id":"e-1"}`,
		},
		"an id that is no plain text": {
			sent: envelopeOf("interactive", `e/ü`, `{"type":"block_actions"}`),
			want: Delivery{"env:" + digest("e/ü"), Interaction, []byte(`{"type":"block_actions"}`)},
			ack:  `{"envelope_id":"e/ü"}`,
		},
		"an answer that Slack would drop": {
			sent:   envelopeOf("slash_commands", "e-1", `{"command":"/vps"}`),
			answer: `{"text":"` + strings.Repeat("x", maxAnswer) + `"}`,
			want:   Delivery{"env:e-1", Command, []byte(`{"command":"/vps"}`)},
			ack:    `{"envelope_id":"e-1"}`,
		},
		"an answer that is not JSON": {
			sent:   envelopeOf("slash_commands", "e-1", `{"command":"/vps"}`),
			answer: `{"text":`,
			want:   Delivery{"env:e-1", Command, []byte(`{"command":"/vps"}`)},
			ack:    `{"envelope_id":"e-1"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newFakeSlack(t)
			cl := s.run(func(cl *client) { cl.timing.connections = 1 })
			if c.answer != "" {
				cl.answer = func(context.Context, Delivery) []byte { return []byte(c.answer) }
			}
			w := s.wait(1)[0]
			w.send(c.sent)
			require.JSONEq(t, c.ack, w.ack(t))
			require.Len(t, cl.all(), 1)
			got := cl.all()[0]
			require.Equal(t, [2]string{c.want.ID, string(c.want.Kind)}, [2]string{got.ID, string(got.Kind)})
			require.JSONEq(t, string(c.want.Body), string(got.Body))
		})
	}
}

// An envelope without a delivery is acknowledged and dropped; a frame that is no envelope is dropped.
func TestMalformedEnvelopesAreDropped(t *testing.T) {
	large := strings.Repeat("x", maxBody)
	for name, c := range map[string]struct{ sent, ack, logged string }{
		"no object":       {envelopeOf("slash_commands", "e", `7`), `{"envelope_id":"e"}`, "cannot be read"},
		"no payload":      {`{"type":"interactive","envelope_id":"e"}`, `{"envelope_id":"e"}`, "cannot be read"},
		"no command":      {envelopeOf("slash_commands", "e", `{"text":"x"}`), `{"envelope_id":"e"}`, "cannot be read"},
		"no type":         {envelopeOf("interactive", "e", `{}`), `{"envelope_id":"e"}`, "cannot be read"},
		"a new kind":      {envelopeOf("novelties", "e", `{}`), `{"envelope_id":"e"}`, ""},
		"a large click":   {envelopeOf("interactive", "e", `{"type":"block_actions","x":"`+large+`"}`), `{"envelope_id":"e"}`, "larger than 64 KiB"},
		"a large command": {envelopeOf("slash_commands", "e", `{"command":"/vps","x":"`+large+`"}`), "so nothing was done", "larger than 64 KiB"},
		"not JSON":        {`{"type":`, "", "cannot be read"},
		"no id":           {`{"type":"slash_commands","payload":{"command":"/vps"}}`, "", ""},
		"a list":          {`[]`, "", "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newFakeSlack(t)
			cl := s.run(func(cl *client) { cl.timing.connections = 1 })
			w := s.wait(1)[0]
			w.send(c.sent)
			if c.ack != "" {
				require.Contains(t, w.ack(t), c.ack)
			}
			cl.logged(t, c.logged)
			require.Empty(t, cl.all())
			w.send(envelopeOf("slash_commands", "next", `{"command":"/vps"}`))
			require.Equal(t, `{"envelope_id":"next"}`, w.ack(t), "the connection goes on")
		})
	}
}

func TestPanicOverSocket(t *testing.T) {
	s := newFakeSlack(t)
	c := s.run(func(c *client) { c.timing.connections = 1 })
	c.answer = func(context.Context, Delivery) []byte { panic("xoxb-secret") }
	w := s.wait(1)[0]
	w.send(envelopeOf("slash_commands", "e-1", `{"command":"/vps"}`))
	require.Contains(t, w.ack(t), "Nothing is known to have been done")
	require.NotContains(t, c.log.String(), "xoxb")
}

// After a disconnect message the replacement has its hello before the old connection ends, and an envelope that Slack
// still sends over the old connection is answered there.
func TestReconnectBeforeTheOldConnectionEnds(t *testing.T) {
	for _, reason := range []string{"warning", "refresh_requested"} {
		s := newFakeSlack(t)
		c := s.run(func(c *client) { c.timing.connections = 1 })
		old := s.wait(1)[0]
		old.send(`{"type":"disconnect","reason":"` + reason + `","debug_info":{}}`)
		s.wait(2)
		c.logged(t, "connections=2") // its hello is there
		require.True(t, c.Ready())
		old.send(envelopeOf("slash_commands", "late", `{"command":"/vps"}`))
		require.Equal(t, `{"envelope_id":"late"}`, old.ack(t))
		_ = old.Close() // as Slack does
		s.wait(1)
		require.Equal(t, "+1 +2 -1", s.order())
		c.logged(t, "reason="+reason)
		c.stop()
	}
}

// A connection that Slack does not end after its disconnect message is closed by the client.
func TestOldConnectionIsClosed(t *testing.T) {
	s := newFakeSlack(t)
	s.run(func(c *client) { c.timing.connections, c.timing.linger = 1, 50*time.Millisecond })
	old := s.wait(1)[0]
	old.send(`{"type":"disconnect","reason":"warning"}`)
	old.ended(t)
	require.Equal(t, "+1 +2 -1", s.order())
}

// Commands that arrive while connections are replaced are answered, each of them.
func TestEveryCommandIsAnsweredDuringReconnects(t *testing.T) {
	s := newFakeSlack(t)
	c := s.run(nil)
	s.wait(2)
	sent := 0
	for range 20 {
		wires := s.wires()
		wires[0].send(`{"type":"disconnect","reason":"refresh_requested"}`)
		for _, w := range wires {
			for range 5 {
				sent++
				id := fmt.Sprint("e-", sent)
				w.send(envelopeOf("slash_commands", id, `{"command":"/vps"}`))
				require.Contains(t, w.ack(t), `"envelope_id"`)
			}
		}
		require.Eventually(t, func() bool { return len(s.wires()) > len(wires) }, time.Minute, time.Millisecond)
		_ = wires[0].Close()
		wires[0].ended(t)
		require.NotEmpty(t, s.wires(), "there was none")
	}
	require.Len(t, c.all(), sent)
}

func TestALostConnectionIsReplaced(t *testing.T) {
	for name, drop := range map[string]func(w *wire){
		"torn off":         func(w *wire) { _ = w.NetConn().Close() },
		"closed":           func(w *wire) { _ = w.WriteControl(websocket.CloseMessage, nil, time.Now().Add(time.Second)) },
		"a frame of 1 MiB": func(w *wire) { w.send(strings.Repeat(" ", maxFrame+1)) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newFakeSlack(t)
			c := s.run(nil)
			drop(s.wait(2)[0])
			require.Eventually(t, func() bool { return s.hasOpened(3) && len(s.wires()) == 2 }, time.Minute, time.Millisecond)
			c.logged(t, "reason=lost")
		})
	}
}

// A connection that ends right after its hello is replaced like any other, and the log has its reason.
func TestAConnectionThatEndsAtItsHelloIsReplaced(t *testing.T) {
	const short = 30
	s := newFakeSlack(t)
	s.short = short
	c := s.run(nil)
	s.wait(2)
	require.Eventually(t, func() bool { return strings.Count(c.log.String(), "reason=lost") == short }, time.Minute, time.Millisecond)
}

func (s *fakeSlack) hasOpened(connections int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened >= connections
}

// A connection without any frame is dead, even if the network reports no error. A ping is a frame.
func TestASilentConnectionIsReplaced(t *testing.T) {
	s := newFakeSlack(t)
	s.run(func(c *client) { c.timing.connections, c.timing.silence = 1, 400*time.Millisecond })
	w := s.wait(1)[0]
	for range 20 {
		time.Sleep(50 * time.Millisecond)
		require.NoError(t, w.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second)))
	}
	require.Equal(t, "+1", s.order(), "pings keep it")
	w.ended(t)
	s.wait(1)
}

func TestRetryWhileSlackFails(t *testing.T) {
	s := newFakeSlack(t)
	var asked atomic.Int32
	s.refuse = func(w http.ResponseWriter) bool {
		switch asked.Add(1) {
		case 1:
			w.WriteHeader(http.StatusBadGateway)
		case 2:
			fmt.Fprint(w, `<html>`)
		case 3:
			fmt.Fprint(w, `{"ok":false,"error":"internal_error"}`)
		case 4:
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		default:
			return false
		}
		return true
	}
	c := s.run(func(c *client) { c.timing.connections = 1 })
	began := time.Now()
	s.wait(1)
	require.GreaterOrEqual(t, time.Since(began), 900*time.Millisecond, "Retry-After")
	for _, text := range []string{"502 Bad Gateway", "invalid character", "internal_error", "rate limit"} {
		require.Contains(t, c.log.String(), text)
	}
	require.NotContains(t, c.log.String(), "level=ERROR")
}

func TestAWrongTokenIsLoggedAndRetriedSlowly(t *testing.T) {
	for name, c := range map[string]struct {
		token  string
		err    error
		logged string
	}{
		"refused":    {"xapp-old", nil, "invalid_auth"},
		"unreadable": {"", errors.New("SLACK_APP_TOKEN_FILE cannot be read"), "SLACK_APP_TOKEN_FILE cannot be read"},
	} {
		s := newFakeSlack(t)
		var right atomic.Bool
		cl := s.run(func(cl *client) {
			cl.timing.connections = 1
			cl.AppToken = func() (string, error) {
				if right.Load() {
					return appToken, nil
				}
				return c.token, c.err
			}
		})
		cl.logged(t, c.logged)
		require.Contains(t, cl.log.String(), "level=ERROR", name)
		require.Contains(t, cl.log.String(), "SLACK_APP_TOKEN", name)
		time.Sleep(120 * time.Millisecond)
		require.LessOrEqual(t, strings.Count(cl.log.String(), "level=ERROR"), 4, "%s: it is tried slowly", name)
		right.Store(true)
		s.wait(1)
		cl.stop()
	}
}

func TestSocketModeOff(t *testing.T) {
	s := newFakeSlack(t)
	c := s.run(func(c *client) { c.timing.connections, c.timing.slowRetry = 1, 300*time.Millisecond })
	w := s.wait(1)[0]
	began := time.Now()
	w.send(`{"type":"disconnect","reason":"link_disabled"}`)
	_ = w.Close()
	c.logged(t, "Socket Mode is off")
	require.Eventually(t, func() bool { return c.open.Load() == 0 }, 200*time.Millisecond, time.Millisecond, "what Slack closed counts no more")
	require.Eventually(t, func() bool { return s.hasOpened(2) }, time.Minute, time.Millisecond)
	require.GreaterOrEqual(t, time.Since(began), 250*time.Millisecond)
	require.Contains(t, c.log.String(), "level=ERROR")
}

// The reason of a connection that ends before its hello is logged, and the next attempt waits.
func TestADisconnectBeforeHelloKeepsItsReason(t *testing.T) {
	for reason, logged := range map[string]string{
		"too_many_websockets": "more connections than Slack allows (too_many_websockets)",
		"link_disabled":       "Socket Mode is off",
		"something_new":       "something_new",
		"Not A Word\n":        "ended by Slack",
	} {
		s := newFakeSlack(t)
		raw, err := json.Marshal(map[string]string{"type": "disconnect", "reason": reason})
		require.NoError(t, err)
		s.set(func() { s.instead = string(raw) })
		c := s.run(func(c *client) {
			c.timing.connections, c.timing.firstRetry, c.timing.longestRetry, c.timing.slowRetry = 1, 200*time.Millisecond, time.Second, time.Second
		})
		c.logged(t, logged)
		time.Sleep(150 * time.Millisecond)
		s.set(func() { require.LessOrEqual(t, s.opened, 2, reason) })
		c.stop()
	}
}

// Slack's API is reached over TLS here, so the address of a connection has to be encrypted, too.
func TestAddressMustBeEncrypted(t *testing.T) {
	for _, address := range []string{
		"ws://wss.slack.com/?ticket=" + ticket, "https://wss.slack.com/?ticket=" + ticket, "wss:///?ticket=" + ticket,
		"wss://a b/?ticket=" + ticket + "\x7f", "ticket=" + ticket, "file:///etc/passwd?ticket=" + ticket + "x",
	} {
		s := newFakeSlack(t)
		s.server.StartTLS()
		s.address = address
		c := s.run(nil)
		c.logged(t, "is not one of wss")
		c.stop() // searches the log for the ticket
	}
}

func TestTicketIsNotLogged(t *testing.T) {
	s := newFakeSlack(t)
	s.address = "ws://127.0.0.1:1/link?ticket=" + ticket
	c := s.run(nil)
	c.logged(t, "connecting to 127.0.0.1")
	c.stop() // searches the log for the ticket

	s = newFakeSlack(t)
	s.server.Start()
	s.address = "ws" + strings.TrimPrefix(s.server.URL, "http") + "/nothing?ticket=" + ticket
	c = s.run(nil)
	c.logged(t, "bad handshake")
}

// The connection is made over TLS to a server that also offers HTTP/2.
func TestEncrypted(t *testing.T) {
	s := newFakeSlack(t)
	s.server.EnableHTTP2 = true
	s.server.StartTLS()
	c := s.run(nil)
	s.wait(2)
	require.Eventually(t, c.Ready, time.Minute, time.Millisecond)
	defer s.server.Client().CloseIdleConnections()
}

// When Run ends, nothing more is read, and what was read is answered.
func TestRunAnswersWhatWasReadBeforeItEnds(t *testing.T) {
	s := newFakeSlack(t)
	begun, let := make(chan bool), make(chan bool)
	c := s.run(func(c *client) { c.timing.connections = 1 })
	c.answer = func(ctx context.Context, _ Delivery) []byte {
		begun <- true
		<-let
		if ctx.Err() != nil {
			return []byte(`{"text":"given up"}`)
		}
		return []byte(`{"text":"done"}`)
	}
	w := s.wait(1)[0]
	w.send(envelopeOf("slash_commands", "e-1", `{"command":"/vps"}`))
	<-begun
	stopped := make(chan bool)
	go func() { defer close(stopped); c.stop() }()
	require.Eventually(t, func() bool { return !c.Ready() }, time.Minute, time.Millisecond)
	w.send(envelopeOf("slash_commands", "e-2", `{"command":"/vps"}`))
	close(let)
	require.JSONEq(t, `{"envelope_id":"e-1","payload":{"text":"done"}}`, w.ack(t))
	<-stopped
	require.Len(t, c.all(), 1)
	w.ended(t)
	require.Empty(t, w.acks)
}

func TestRunEndsAlthoughAHandlerHangs(t *testing.T) {
	s := newFakeSlack(t)
	let := make(chan bool)
	defer close(let)
	begun := make(chan bool)
	c := s.run(func(c *client) { c.timing.connections, c.timing.drain = 1, 50*time.Millisecond })
	c.answer = func(context.Context, Delivery) []byte { close(begun); <-let; return nil }
	s.wait(1)[0].send(envelopeOf("slash_commands", "e-1", `{"command":"/vps"}`))
	<-begun
	began := time.Now()
	c.stop()
	require.Less(t, time.Since(began), 3*time.Second)
	require.Contains(t, c.log.String(), "closed before all was answered")
}

// 256 envelopes are handled at once, and further ones wait.
func TestConcurrentEnvelopesAreLimited(t *testing.T) {
	s := newFakeSlack(t)
	var now, most atomic.Int32
	let := make(chan bool)
	c := s.run(func(c *client) { c.timing.connections = 1 })
	c.answer = func(context.Context, Delivery) []byte {
		for n := now.Add(1); ; {
			if old := most.Load(); n <= old || most.CompareAndSwap(old, n) {
				break
			}
		}
		<-let
		now.Add(-1)
		return nil
	}
	w := s.wait(1)[0]
	for i := range maxHandling + 50 {
		w.send(envelopeOf("slash_commands", fmt.Sprint("e-", i), `{"command":"/vps"}`))
	}
	require.Eventually(t, func() bool { return now.Load() == maxHandling }, time.Minute, time.Millisecond)
	close(let)
	for range maxHandling + 50 {
		w.ack(t)
	}
	require.Equal(t, int32(maxHandling), most.Load())
}

func TestStrayConnectionsAreWarnedOf(t *testing.T) {
	s := newFakeSlack(t)
	s.strays = 1
	c := s.run(func(c *client) { c.timing.recount = 100 * time.Millisecond })
	c.logged(t, "other connections of this app")
	require.Contains(t, c.log.String(), "level=WARN")
	s.wait(2)

	s.wires()[0].send(`{"type":"disconnect","reason":"refresh_requested"}`)
	s.wait(3)
	require.Equal(t, 1, strings.Count(c.log.String(), "other connections of this app"), "once")
	s.set(func() { s.strays = 0 })
	s.wires()[1].send(`{"type":"disconnect","reason":"refresh_requested"}`)
	c.logged(t, "are ours again")
}

func TestStrayConnectionsOfARestart(t *testing.T) {
	at := func(seconds int) time.Time { return time.Unix(int64(seconds), 0) }
	for name, c := range map[string]struct {
		hellos  [][2]int // when, and how many strays
		changed []bool
	}{
		"none":            {[][2]int{{0, 0}, {1, 0}}, []bool{false, false}},
		"Slack is late":   {[][2]int{{0, 2}, {61, 0}}, []bool{false, false}},
		"hellos overtake": {[][2]int{{0, 1}, {0, 0}, {60, 1}}, []bool{false, false, true}},
		"there is one":    {[][2]int{{0, 1}, {30, 1}, {60, 1}, {99, 1}}, []bool{false, false, true, false}},
		"a second one":    {[][2]int{{0, 1}, {60, 1}, {70, 2}, {130, 2}}, []bool{false, true, false, true}},
		"it goes":         {[][2]int{{0, 1}, {60, 1}, {70, 0}, {130, 0}, {140, 0}}, []bool{false, true, false, true, false}},
	} {
		strays := strayConnections{recount: time.NewTimer(time.Hour)}
		for i, hello := range c.hellos {
			require.Equal(t, c.changed[i], strays.update(hello[1], at(hello[0]), time.Minute), "%s: %d", name, i)
		}
		strays.recount.Stop()
	}
}

func TestRetryDelay(t *testing.T) {
	s := &Socket{timing: &defaultTiming}
	for failures, longest := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 6: 30 * time.Second, 1 << 40: 30 * time.Second} {
		for range 100 {
			delay := s.retryDelay(failures, errors.New("lost"))
			require.GreaterOrEqual(t, delay, longest/2)
			require.LessOrEqual(t, delay, longest)
		}
	}
	require.Equal(t, time.Minute, s.retryDelay(1, envelope{Reason: "link_disabled"}.disconnected()))
	require.Equal(t, 5*time.Minute, s.retryDelay(1, &slack.RateLimitedError{RetryAfter: 5 * time.Minute}))
	require.Equal(t, maxWait, s.retryDelay(1, &slack.RateLimitedError{RetryAfter: 5 * time.Hour}))
}

// FuzzEnvelope: whatever comes over a connection, there is no panic, and what comes out is what
// the contract says.
func FuzzEnvelope(f *testing.F) {
	for _, payload := range []string{`{"command":"/vps"}`, `{"type":"block_actions"}`, `{"type":"event_callback","event_id":7}`, `null`, `{"command":{}}`, ``} {
		for _, kind := range []string{"slash_commands", "interactive", "events_api", "x"} {
			f.Add(kind, "e-1", payload)
		}
	}
	f.Fuzz(func(t *testing.T, kind, id, payload string) {
		h := &recorder{}
		envelope{Type: kind, EnvelopeID: id, Payload: []byte(payload)}.dispatch(h, slog.New(slog.DiscardHandler))
		for _, d := range h.got {
			require.Regexp(t, `^(env|evt):[A-Za-z0-9_.-]{1,128}$`, d.ID)
			_, _, err := object(d.Body)
			require.NoError(t, err)
		}
	})
}
