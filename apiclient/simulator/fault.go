package simulator

import (
	"io"
	"net"
	"net/http"
)

// fault is an injected failure, after the requested change or without it.
type fault struct {
	changed bool
	write   func(http.ResponseWriter)
}

var faults = [...]fault{
	{changed: false, write: fail(http.StatusInternalServerError, "Internal server error.").write},
	{changed: true, write: badGateway},
	{changed: false, write: fail(http.StatusTooManyRequests, "Request was throttled. Expected available in 1 second.").with("Retry-After", "1").write},
	{changed: false, write: reset},
	{changed: true, write: reset},
}

func (s *Simulator) nextFault() *fault {
	if s.opts.FailRate <= 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.random.Float64() >= s.opts.FailRate {
		return nil
	}
	return &faults[s.random.IntN(len(faults))]
}

// badGateway is the answer of a proxy in front of the API, so it is not JSON.
func badGateway(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(http.StatusBadGateway)
	_, _ = io.WriteString(w, "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n")
}

// reset breaks the connection, with a TCP reset if there is a TCP connection.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
