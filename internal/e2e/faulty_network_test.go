package e2e_test

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"sync"
)

// The fault of a request is drawn when its first bytes arrive: a request that is reset unread never
// reaches the server. The handler finds the drawn fault by the connection.

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

// Read draws a fault for each request that begins in the bytes read.
func (c *faultyConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && c.drawIfRequest(p[:n]) == resetUnread {
		reset(c)
		return 0, errReset
	}
	return n, err
}

// drawIfRequest draws a fault if the bytes begin a request.
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

// takeFault returns the fault that was drawn for a request, once.
func takeFault(r *http.Request) fault {
	c, ok := connections.Load(r.RemoteAddr)
	if !ok {
		return noFault
	}
	conn := c.(*faultyConn)
	conn.mu.Lock()
	defer conn.mu.Unlock()
	pending := conn.pending
	conn.pending = noFault // a request whose first bytes came in pieces has no fault
	return pending
}
