package fakeslack

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

// client is an app at the other end of one websocket.
type client struct {
	sync.Mutex
	ws    *websocket.Conn
	hello obj
	got   []obj
	reply func(obj) obj // nil: acknowledge with nothing
	ended chan struct{}
}

func (w *world) connect() *client {
	w.Helper()
	w.SocketMode()
	before := w.Connections()
	url, _ := w.postAs(w.Options().AppToken, "apps.connections.open", obj{})["url"].(string)
	ws, resp, err := websocket.DefaultDialer.Dial(url, nil)
	require.NoError(w, err)
	resp.Body.Close()
	c := &client{ws: ws, ended: make(chan struct{})}
	require.NoError(w, ws.ReadJSON(&c.hello))
	require.Equal(w, "hello", c.hello["type"])
	go c.listen()
	w.Cleanup(func() { ws.Close() })
	require.Equal(w, before+1, w.Connections())
	_, resp, err = websocket.DefaultDialer.Dial(url, nil)
	require.Error(w, err, "a ticket is good once")
	require.Equal(w, http.StatusUnauthorized, resp.StatusCode)
	return c
}

func (c *client) listen() {
	defer close(c.ended)
	for {
		in := obj{}
		if c.ws.ReadJSON(&in) != nil {
			return
		}
		c.Lock()
		c.got = append(c.got, in)
		ack := obj{"envelope_id": in["envelope_id"]}
		if c.reply != nil {
			ack = c.reply(in)
		}
		if ack != nil && in["envelope_id"] != nil {
			_ = c.ws.WriteJSON(ack)
		}
		c.Unlock()
	}
}

func (c *client) seen() []obj {
	c.Lock()
	defer c.Unlock()
	return append([]obj(nil), c.got...)
}

func TestSocketMode(t *testing.T) {
	w := newWorld(t)
	one, two := w.connect(), w.connect()
	require.EqualValues(t, 1, one.hello["num_connections"])
	require.EqualValues(t, 2, two.hello["num_connections"])
	for range 4 {
		require.True(t, w.lea.Type("/vps servers list").OK())
	}
	require.Len(t, one.seen(), 2)
	require.Len(t, two.seen(), 2)
	in := one.seen()[0]
	require.Equal(t, "slash_commands", in["type"])
	require.Equal(t, true, in["accepts_response_payload"])
	require.Equal(t, "servers list", in["payload"].(obj)["text"])

	w.lea.OpenHome()
	all := append(one.seen(), two.seen()...)
	events := 0
	for _, in := range all {
		if in["type"] == "events_api" {
			events++
			require.Equal(t, false, in["accepts_response_payload"])
			require.EqualValues(t, 0, in["retry_attempt"])
		}
	}
	require.Equal(t, 1, events)
	w.clean()
}

func TestSocketModeAcknowledgesWithAPayload(t *testing.T) {
	w := newWorld(t)
	c := w.connect()
	c.reply = func(in obj) obj {
		return obj{"envelope_id": in["envelope_id"], "payload": obj{"text": "hello"}}
	}
	a := w.lea.Type("/vps")
	require.JSONEq(t, `{"text":"hello"}`, string(a.Body))
	require.Equal(t, "hello", w.WaitEphemeral("U1", "hello").Text())
	w.Replay(a)
	require.Equal(t, c.seen()[0], c.seen()[1])
	w.clean()
	require.NoError(t, c.ws.WriteJSON(obj{"envelope_id": "invented"}))
	w.WaitFor(func() bool { return len(w.Violations()) == 1 }, "the complaint")
	require.Contains(t, w.Violations()[0], "never sent")
}

func TestSocketModeLoses(t *testing.T) {
	w := newWorld(t)
	w.SocketMode()
	patient := w.lea.AllowSlow()
	require.ErrorIs(t, patient.Type("/vps").Err, errUnconnected)
	c := w.connect()
	c.reply = func(obj) obj { return nil }
	lost := make(chan Ack)
	go func() { lost <- patient.Type("/vps") }()
	w.WaitFor(func() bool { return len(c.seen()) == 1 }, "the envelope")
	w.DropConnections()
	require.ErrorIs(t, (<-lost).Err, errLost)
	<-c.ended
	require.Zero(t, w.Connections())

	w.clean()
	w.lea.Type("/vps")
	require.Contains(t, w.Violations()[0], "no websocket")
}

func TestDownEndsWebsockets(t *testing.T) {
	w := newWorld(t)
	c := w.connect()
	url, _ := w.postAs(w.Options().AppToken, "apps.connections.open", obj{})["url"].(string)
	w.Down(true)
	select {
	case <-c.ended:
	case <-time.After(time.Second):
		t.Fatal("the websocket lives on")
	}
	_, resp, err := websocket.DefaultDialer.Dial(url, nil)
	require.Error(t, err)
	require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
	require.True(t, strings.HasPrefix(url, "ws://127.0.0.1:"))
	w.clean()
}
