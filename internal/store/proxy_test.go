package store_test

import (
	"bytes"
	"io"
	"net"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// proxy stands between the store and the server; cut makes it fall silent, as a network does.
type proxy struct {
	listener net.Listener
	mu       sync.Mutex
	silent   bool
	far      time.Duration // what clients send takes so long; set before anybody connects
	sent     atomic.Int64  // messages of clients

	pooled          bool              // the sessions seem to be those of other processes of the server
	losing, arrives bool              // see loseCommit
	deaf            map[net.Conn]bool // clients that are told nothing more
	commit          []byte            // the name of the prepared statement, as it is run
	lost            *atomic.Int64
	after           func()
}

func (p *proxy) cut(silent bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent = silent
}

func (p *proxy) isCut(to net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.silent || p.deaf[to]
}

func newProxy(t testing.TB, socket string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	p := &proxy{listener: listener, deaf: map[net.Conn]bool{}}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("unix", socket)
			if err != nil {
				_ = client.Close()
				continue
			}
			go p.pass(client, server)
			go p.pass(server, client)
		}
	}()
	return p
}

func (p *proxy) pass(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buffer := make([]byte, 1<<16)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if _, isServer := from.(*net.UnixConn); !isServer {
			p.sent.Add(1)
			time.Sleep(p.far) // both ways at once: half of it twice would be rounded up
		}
		p.pretendPool(buffer[:n])
		if p.isCut(to) {
			_, _ = io.Copy(io.Discard, from)
			return
		}
		if p.loses(buffer[:n], from, to) {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// pretendPool changes the number of the server's process that a session begins with, as a pooler does,
// which makes one up.
func (p *proxy) pretendPool(data []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	const backendKeyData = "K\x00\x00\x00\x0c"
	if at := bytes.Index(data, []byte(backendKeyData)); p.pooled && at >= 0 {
		data[at+len(backendKeyData)]++
	}
}

func (p *proxy) url() string {
	return "postgres://postgres@" + p.listener.Addr().String() + "/postgres?sslmode=disable"
}

// loseCommit breaks the connection of the next commit, and counts it.
func (p *proxy) loseCommit(arrives bool) *atomic.Int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lost, p.arrives, p.losing = &atomic.Int64{}, arrives, true
	return p.lost
}

func (p *proxy) onLoss(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.after = f
}

// loses reports whether the connection ends here, having passed the data on if it should arrive.
func (p *proxy) loses(data []byte, from, to net.Conn) bool {
	arrives, after, ok := p.takeLoss(data, from)
	if !ok {
		return false
	}
	if arrives {
		_, _ = to.Write(data)
		time.Sleep(100 * time.Millisecond) // the answer comes, and is swallowed
	}
	if after != nil {
		after()
	}
	return true
}

// prepares matches the message that gives the commit a name.
var prepares = regexp.MustCompile(`(stmtcache_\w+)\x00commit\x00`)

// takeLoss makes a client deaf if a loss is due and this is the commit.
func (p *proxy) takeLoss(data []byte, client net.Conn) (arrives bool, after func(), ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if name := prepares.FindSubmatch(data); name != nil {
		p.commit = slices.Concat([]byte{0}, name[1], []byte{0})
		return false, nil, false
	}
	if !p.losing || p.commit == nil || !bytes.Contains(data, p.commit) {
		return false, nil, false
	}
	p.losing, p.deaf[client] = false, true
	p.lost.Add(1)
	return p.arrives, p.after, true
}
