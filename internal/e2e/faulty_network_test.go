package e2e_test

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"sync"
)

// A request is decided on as its first bytes arrive: one that is to be reset unread never
// gets to the server. What the decision was goes with the request by its connection.

var connections sync.Map // by the client's address: *faultyConn

// listen makes the connections of a listener faulty.
func (f *faultyNetwork) listen(l net.Listener) net.Listener { return faultyListener{l, f} }

type faultyListener struct {
	net.Listener
	faults *faultyNetwork
}

func (l faultyListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &faultyConn{Conn: conn, faults: l.faults}
	connections.Store(conn.RemoteAddr().String(), c)
	return c, nil
}

type faultyConn struct {
	net.Conn
	faults *faultyNetwork

	mu      sync.Mutex
	pending fault
}

var errReset = errors.New("reset before it was read")

// Read decides whenever a request begins.
func (c *faultyConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && c.drawIfRequest(p[:n]) == resetUnread {
		reset(c)
		return 0, errReset
	}
	return n, err
}

// begins draws for a request whose beginning this is.
func (c *faultyConn) drawIfRequest(b []byte) fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, method := range []string{"GET /", "POST /", "DELETE /"} {
		if bytes.HasPrefix(b, []byte(method)) {
			c.pending = c.faults.draw()
			return c.pending
		}
	}
	return noFault
}

func (c *faultyConn) Close() error {
	connections.Delete(c.RemoteAddr().String())
	return c.Conn.Close()
}

// drawnFor returns, once, what was decided on a request as it came in.
func takeFault(r *http.Request) fault {
	c, ok := connections.Load(r.RemoteAddr)
	if !ok {
		return noFault
	}
	conn := c.(*faultyConn)
	conn.mu.Lock()
	defer conn.mu.Unlock()
	pending := conn.pending
	conn.pending = noFault // for a request whose beginning came in pieces nothing is decided
	return pending
}
