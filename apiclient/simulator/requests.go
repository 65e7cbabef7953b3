package simulator

import (
	"net/http"
	"slices"
)

const (
	keptRequests = 10_000
	keptBody     = 16 << 10
)

// Request is a request that arrived.
type Request struct {
	Method string
	// Path is the whole path, with its original escapes: /api/v1/servers/12345/.
	Path string
	// Query is the raw query, without the question mark.
	Query string
	// Body is the body's first 16 KiB.
	Body string
	// Token is the name of the token that was sent, "" if it is unknown or missing.
	Token string
	// Status is the status of the answer: 0 before there is one, and if the connection was broken.
	Status int
}

// Requests returns a copy of the last 10,000 requests, the oldest first. Each is recorded on arrival, before it
// is authenticated and answered.
func (s *Simulator) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Request, len(s.log))
	for i, r := range s.log {
		all[i] = *r
	}
	return all
}

// Writes returns those of Requests whose method is not GET.
func (s *Simulator) Writes() []Request {
	return slices.DeleteFunc(s.Requests(), func(r Request) bool { return r.Method == http.MethodGet })
}

func (s *Simulator) logRequest(r *http.Request, body []byte) (*Request, Interceptor) {
	entry := &Request{
		Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery,
		Body: string(body[:min(len(body), keptBody)]),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if token := s.world.Tokens[bearer(r)]; token != nil {
		entry.Token = token.Name
	}
	s.log = append(s.log, entry)
	s.log = s.log[max(0, len(s.log)-keptRequests):]
	return entry, s.intercept
}

// statusWriter records the status of an answer. Interceptors may flush it and hijack its connection, by an [http.ResponseController].
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets [http.ResponseController] flush and hijack.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
